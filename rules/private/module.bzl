"""What go_wasm_library and go_wasm_binary have in common: they differ in the build mode."""

load("//rules/private:actions.bzl", "TOOLCHAINS", "link_action", "size_action", "verify_action", "wasm_opt_action")
load("//rules/private:go_wasm_package.bzl", "PACKAGE_ATTRS", "compile_package", "instrumented_files")
load("//rules/private:labels.bzl", "shown")
load("//rules/private:launcher.bzl", "launcher")
load("//rules/private:options.bzl", "LINK_OPTIONS", "VERIFY_OPTIONS", "WASM_OPT_OPTIONS", "option_flags")
load("//rules/private:program.bzl", "PROGRAMS", "WASM_OPT_TYPE", "node_for_js", "program_of")
load("//rules/private:transition.bzl", "BUILD_ATTRS", "wasm_transition")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

_DEPS = "The packages that package main imports, without the standard library."
_EMBED = "A `go_wasm_package` of package main, in place of `srcs`, `deps`, `embedsrcs`, `gc_goopts`, `importpath`, `lang` and `std`. A module is one too: so a second one is built of its packages in another way."

_ATTRS = PACKAGE_ATTRS | BUILD_ATTRS | LINK_OPTIONS | VERIFY_OPTIONS | WASM_OPT_OPTIONS | {
    "embed": attr.label_list(
        providers = [GoWasmPackageInfo],
        doc = _EMBED,
    ),
    "importpath": attr.string(doc = "The import path of package main; with `srcs` only. The label's package and name without."),
    "ldflags": attr.string_list(doc = "Flags of `go tool link`, such as `-s`."),
    "lang": attr.string(doc = "The version of the language, such as `go1.24`; the SDK's own without."),
    "out": attr.string(doc = "The module's file name; NAME.wasm without."),
    "plan": attr.label(
        allow_single_file = [".toml"],
        doc = "The [plan](plans.md) of what the module must do before it gets its name: calls, arguments, results. Without one, its init, and the presence of every export.",
    ),
    "size_keep": attr.string_list(
        doc = "What `size_level = \"small\"` keeps all the same: `names`, `lines`, `inlined`, `arguments`, `bodies`.",
    ),
    # Bazel gives "size" a meaning of its own.
    "size_level": attr.string(
        default = "safe",
        values = ["none", "safe", "small"],
        doc = "How much is done to make the module [small](size.md): nothing with `none`, what cannot be observed with `safe`, and with `small` also what costs names, lines and bodies.",
    ),
    "stamp": attr.int(
        default = -1,
        values = [-1, 0, 1],
        doc = "Whether `{NAME}` in `x_defs` stands for that variable of the [workspace's status](bazel.md#stamping): 1 always, 0 never, -1 with `--stamp`. Variables whose values name some keep what the sources give them otherwise.",
    ),
    "verify": attr.bool(
        default = True,
        doc = "Run the module before it gets its name: in wasmi, or in node for `goos = \"js\"`, which needs the toolchain of `go_wasm.node`. With `False` there is no verdict, and nobody has run the module.",
    ),
    "wasm_opt": attr.string(
        values = ["", "O1", "O2", "O3", "O4", "Os", "Oz"],
        doc = "Optimize the linked module with Binaryen's [wasm-opt](size.md#wasm-opt): `O1` to `O4` for speed, `Os` or `Oz` for size, in an action between the link and the verification. Needs the toolchain of `go_wasm.wasm_opt`, or a gowasm that was built with `--features wasm-opt`.",
    ),
    "x_defs": attr.string_dict(doc = "String variables to set at link time, by `importpath.name`; `main` or its own import path stands for package main. One that the module does not have is an error. `{NAME}` is a variable of the workspace's status, see `stamp`."),
    "_deny": attr.label(default = "//toolchains:deny"),
    "_stamping": attr.label(default = "//toolchains:stamping"),
}

_OUTPUTS = """

Outputs NAME.wasm, the target's file, which can stand in the `srcs` or `data` of any rule; and in output groups

- `manifest`: NAME.manifest.json, the [interface](manifest.md);
- `verdict`: NAME.verdict.json, what came of running the module;
- `exports`: NAME.exports.txt, the names of the functions that directives export, one a line;
- `size_report`: NAME.size.html and NAME.size.json, the [size report](size-report.md), which is only made when it is asked for."""

# What the package has that is embedded; `std` is never empty.
_OF_PACKAGE = [name for name in PACKAGE_ATTRS if not name.startswith("_") and name != "std"] + ["importpath", "lang"]

def _main_package(ctx):
    if ctx.attr.embed:
        own = [name for name in _OF_PACKAGE if getattr(ctx.attr, name)]
        if len(ctx.attr.embed) > 1 or own:
            fail("%s: embed takes one go_wasm_package, which has the %s" % (shown(ctx.label), " and ".join(own or ["sources"])))
        return ctx.attr.embed[0][GoWasmPackageInfo]
    if not ctx.attr.srcs:
        fail("%s: srcs is empty; give it the files of package main, or embed a go_wasm_package that has them" % shown(ctx.label))
    importpath = ctx.attr.importpath or "/".join([part for part in [ctx.label.package, ctx.label.name] if part])
    return compile_package(ctx, ctx.label.name, importpath, lang = ctx.attr.lang)

def _module_impl(ctx, buildmode):
    goos = ctx.attr._goos[SettingInfo].value
    for option in ["plan"] + VERIFY_OPTIONS.keys():
        if getattr(ctx.attr, option) and not ctx.attr.verify:
            fail("%s: %s needs verify = True" % (shown(ctx.label), option))
    for option in WASM_OPT_OPTIONS:
        if getattr(ctx.attr, option) and not ctx.attr.wasm_opt:
            fail("%s: %s needs a wasm_opt" % (shown(ctx.label), option))
    if ctx.attr.size_keep and ctx.attr.size_level != "small":
        fail("%s: size_keep needs size_level = \"small\"" % shown(ctx.label))
    package = _main_package(ctx)
    name = (ctx.attr.out or ctx.label.name).removesuffix(".wasm")
    module = ctx.actions.declare_file(name + ".wasm")
    unverified = ctx.actions.declare_file(name + ".unverified.wasm") if ctx.attr.verify else module
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    exports = ctx.actions.declare_file(name + ".exports.txt")
    made = struct(module = unverified, manifest = manifest)
    linked = made
    if ctx.attr.wasm_opt:
        linked = struct(
            module = ctx.actions.declare_file(name + ".linked.wasm"),
            manifest = ctx.actions.declare_file(name + ".linked.manifest.json"),
        )
    link_action(
        ctx,
        package = package,
        goos = goos,
        buildmode = buildmode,
        x_defs = ctx.attr.x_defs,
        ldflags = ["-size=" + "+".join([ctx.attr.size_level] + ctx.attr.size_keep)] + ctx.attr.ldflags,
        options = option_flags(ctx, LINK_OPTIONS) + ["--deny=" + code for code in ctx.attr._deny[SettingInfo].value],
        module = linked.module,
        manifest = linked.manifest,
        exports = exports,
        stamp = ctx.attr.stamp == 1 or ctx.attr.stamp == -1 and ctx.attr._stamping[SettingInfo].value,
    )
    if ctx.attr.wasm_opt:
        options = option_flags(ctx, WASM_OPT_OPTIONS, "wasm_opt_")
        wasm_opt_action(ctx, ctx.attr.wasm_opt, options, linked, made, program_of(ctx, WASM_OPT_TYPE))
    verdict = None
    if ctx.attr.verify:
        verdict = ctx.actions.declare_file(name + ".verdict.json")
        node = node_for_js(ctx) if goos == "js" else None
        options = option_flags(ctx, VERIFY_OPTIONS)
        verify_action(ctx, unverified, manifest, ctx.file.plan, options, module, verdict, node)
    size_report = [ctx.actions.declare_file(name + ".size." + kind) for kind in ["html", "json"]]
    size_action(ctx, module, *size_report)
    executable = None
    runfiles = ctx.runfiles([module])
    if buildmode == "exe":
        executable, needed = launcher(ctx, module, goos)
        runfiles = ctx.runfiles([module], transitive_files = needed)
    run_environment = [RunEnvironmentInfo(environment = ctx.attr.env)] if buildmode == "exe" else []
    return run_environment + [
        DefaultInfo(
            executable = executable,
            files = depset([module]),
            runfiles = runfiles,
        ),
        OutputGroupInfo(
            exports = depset([exports]),
            manifest = depset([manifest]),
            size_report = depset(size_report),
            verdict = depset([verdict] if verdict else []),
        ),
        GoWasmModuleInfo(
            module = module,
            manifest = manifest,
            exports = exports,
            verdict = verdict,
            buildmode = buildmode,
            goos = goos,
        ),
        instrumented_files(ctx),
        package,
    ]

def module_rule(buildmode, gooses, doc, aspects = [], cfg = wasm_transition):
    """A rule that builds wasm modules.

    Args:
        buildmode: `c-shared` or `exe`
        gooses: the values that goos can have
        doc: what the rule is for
        aspects: what makes Go packages of other targets
        cfg: the transition to wasm

    Returns:
        rule
    """
    others = {}
    if buildmode == "exe":
        others |= {
            "env": attr.string_dict(doc = "Environment variables of the command under `bazel run`."),
        }
    if aspects:
        others |= {
            "deps": attr.label_list(aspects = aspects, providers = [GoWasmPackageInfo], doc = _DEPS),
            "embed": attr.label_list(aspects = aspects, providers = [GoWasmPackageInfo], doc = _EMBED),
        }
    return rule(
        implementation = lambda ctx: _module_impl(ctx, buildmode),
        executable = buildmode == "exe",
        attrs = _ATTRS | {
            "goos": attr.string(
                default = "wasip1",
                values = gooses,
                doc = "The operating system that Go builds for: %s." % " or ".join(["`%s`" % goos for goos in gooses]),
            ),
        } | others,
        cfg = cfg,
        toolchains = TOOLCHAINS + PROGRAMS,
        provides = [GoWasmModuleInfo, GoWasmPackageInfo],
        doc = doc + _OUTPUTS,
    )
