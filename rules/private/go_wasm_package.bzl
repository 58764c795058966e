"""One Go package."""

load("//rules/private:actions.bzl", "ALL_OF_STD", "TOOLCHAINS", "compile_action")
load("//rules/private:labels.bzl", "shown")
load("//rules/private:transition.bzl", "wasm_platform_transition")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

PACKAGE_ATTRS = {
    "deps": attr.label_list(
        providers = [GoWasmPackageInfo],
        doc = "The packages that this one imports, without the standard library: `go_wasm_package` targets.",
    ),
    "embedsrcs": attr.label_list(
        allow_files = True,
        doc = "Files that `//go:embed` may name.",
    ),
    "gc_goopts": attr.string_list(doc = "Further flags of `go tool compile` for this package, such as `-N`."),
    "srcs": attr.label_list(
        allow_files = [".go", ".s", ".h"],
        doc = "The sources: `.go`, `.s` and `.h` files. Those are compiled that are for the target, by build constraints and file names as with `go build`; test files may be among them.",
    ),
    "std": attr.string_list(
        default = [ALL_OF_STD],
        doc = "The packages of the [standard library](bazel.md#the-standard-library) that sources import: only these are compiled. Without, it is all of it.",
    ),
    "_goos": attr.label(default = "//toolchains:goos"),
    "_tags": attr.label(default = "//toolchains:tags"),
    "_target_tags": attr.label(default = "//toolchains:target_tags"),
}

def build_tags(ctx):
    """The build tags of the packages in a configuration.

    Args:
        ctx: the rule's or aspect's context

    Returns:
        list of strings
    """
    return ctx.attr._tags[SettingInfo].value + ctx.attr._target_tags[SettingInfo].value

def cover_folder(ctx):
    """Where coverage profiles place the files of a package.

    Args:
        ctx: the rule's context

    Returns:
        a folder of the workspace, or None where they are not to count what runs
    """
    if not ctx.configuration.coverage_enabled or not ctx.coverage_instrumented():
        return None
    return "/".join([part for part in [ctx.label.workspace_root, ctx.label.package] if part])

def instrumented_files(ctx):
    """What coverage is about.

    Args:
        ctx: the rule's context

    Returns:
        InstrumentedFilesInfo
    """
    return coverage_common.instrumented_files_info(
        ctx,
        source_attributes = ["srcs"],
        dependency_attributes = ["deps", "embed"],
    )

def packages(ctx):
    """The packages of the attribute deps.

    Args:
        ctx: the rule's context

    Returns:
        list of GoWasmPackageInfo
    """
    for dep in ctx.attr.deps:
        if GoWasmModuleInfo in dep:
            fail("%s: deps has %s, which is a module: its package main cannot be imported. Put what is to be shared into a go_wasm_package" % (shown(ctx.label), shown(dep.label)))
    return [dep[GoWasmPackageInfo] for dep in ctx.attr.deps]

def check_imports(label, importpath, infos):
    """As in `go build`, what is below a folder `internal` is for those that lie beside it.

    Args:
        label: the target
        importpath: its import path
        infos: GoWasmPackageInfo of what it imports
    """
    for info in infos:
        parts = info.importpath.split("/")
        if "internal" not in parts:
            continue
        last = len(parts) - 1 - parts[::-1].index("internal")
        above = "/".join(parts[:last])
        if above and not (importpath + "/").startswith(above + "/"):
            fail("%s: deps has %s, whose import path \"%s\" is internal to \"%s\"; that of this target is \"%s\"" % (
                shown(label),
                shown(info.source.label),
                info.importpath,
                above,
                importpath,
            ))

def compile_package(ctx, name, importpath, module = "", lang = ""):
    """Compiles the package that the attributes of PACKAGE_ATTRS describe.

    Args:
        ctx: the rule's context
        name: what the outputs are called
        importpath: the import path
        module: `path@version` of somebody else's Go module
        lang: version of the language

    Returns:
        GoWasmPackageInfo
    """
    if not ctx.files.srcs:
        fail("%s: srcs is empty, and a Go package has at least one file" % shown(ctx.label))
    infos = packages(ctx)
    if ctx.attr.importpath:
        check_imports(ctx.label, importpath, infos)
    return compile_action(
        ctx,
        name = name,
        importpath = importpath,
        srcs = ctx.files.srcs,
        embedsrcs = ctx.files.embedsrcs,
        infos = infos,
        goos = ctx.attr._goos[SettingInfo].value,
        std = ctx.attr.std,
        tags = build_tags(ctx),
        flags = ctx.attr.gc_goopts,
        module = module,
        lang = lang,
        cover = cover_folder(ctx),
    )

def _go_wasm_package_impl(ctx):
    info = compile_package(ctx, ctx.label.name, ctx.attr.importpath, ctx.attr.module, ctx.attr.lang)
    return [DefaultInfo(files = depset([info.archive])), instrumented_files(ctx), info]

go_wasm_package = rule(
    implementation = _go_wasm_package_impl,
    attrs = PACKAGE_ATTRS | {
        "importpath": attr.string(mandatory = True, doc = "The import path: how other packages import this one."),
        "lang": attr.string(doc = "The version of the language, such as `go1.24`, as go.mod has it; the SDK's own without."),
        "module": attr.string(doc = "`path@version` of the Go module, for packages of other people: positions in a manifest begin with it."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    cfg = wasm_platform_transition,
    toolchains = TOOLCHAINS,
    provides = [GoWasmPackageInfo],
    doc = """Compiles one Go package to one package archive, in one action.

Files of a package may lie in folders below that of its `BUILD.bazel` file only where they are embedded; a package in a folder of its own has a `BUILD.bazel` file of its own.""",
)
