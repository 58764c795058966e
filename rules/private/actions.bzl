"""The actions. Each is one subcommand of `gowasm bazel`."""

load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")

# Labels, not strings: rules may be made in files of other repositories.
GO_SDK_TYPE = Label("//toolchains:go_sdk_type")
GOWASM_TYPE = Label("//toolchains:gowasm_type")
TOOLCHAINS = [GO_SDK_TYPE, GOWASM_TYPE]

# Bazel may run the actions under names of output folders that are the same in every configuration.
PATH_MAPPING = {"supports-path-mapping": "1"}

def _gowasm(ctx):
    return ctx.toolchains[GOWASM_TYPE].gowasm.tool

def _sdk(ctx):
    return ctx.toolchains[GO_SDK_TYPE].sdk

def _sdk_args(ctx, command, args):
    sdk = _sdk(ctx)
    args.add_all(["bazel", command])
    args.add_all("--sdk", [sdk.root], map_each = _dirname)
    args.use_param_file("@%s")
    args.set_param_file_format("multiline")

def _dirname(file):
    return file.dirname

def _import_arg(info):
    return "%s=%s" % (info.importpath, info.export.path)

def _import_map_arg(info):
    return "%s=%s" % (info.imported_as, info.importpath) if info.imported_as != info.importpath else None

def _dep_arg(package):
    return "%s=%s" % (package.importpath, package.archive.path)

def _directives_arg(package):
    return package.directives.path

def compile_action(
        ctx,
        name,
        importpath,
        srcs,
        embedsrcs,
        infos,
        goos,
        tags = [],
        module = "",
        lang = "",
        importmap = "",
        flags = [],
        x_defs = {},
        label = None,
        with_tests = False,
        importers = [],
        cover = None):
    """Compiles one Go package.

    Args:
        ctx: the rule's context
        name: what the outputs are called
        importpath: the import path
        srcs: sources, `.go`, `.s` and `.h`
        embedsrcs: files for `go:embed`
        infos: GoWasmPackageInfo of what is imported
        goos: `wasip1` or `js`
        tags: build tags
        module: `path@version` of somebody else's Go module
        lang: version of the language, such as `go1.24`
        importmap: what the linker calls the package; its import path without
        flags: further flags of `go tool compile`
        x_defs: string variables to set in every module that has the package, by `importmap.name`
        label: the target whose package the files belong to; the rule's own without
        with_tests: whether tests that are part of the package are compiled with it
        importers: import paths of what imports the package
        cover: the folder of the files, where they are to count what runs

    Returns:
        GoWasmPackageInfo
    """
    archive = ctx.actions.declare_file(name + ".a")
    export = ctx.actions.declare_file(name + ".x")
    directives = ctx.actions.declare_file(name + ".directives.json")
    source = struct(
        label = label or ctx.label,
        # Tuples, for what is in a depset may not change.
        srcs = tuple(srcs),
        embedsrcs = tuple(embedsrcs),
        deps = tuple(infos),
        goos = goos,
        lang = lang,
        module = module,
        imported_as = importpath,
        flags = tuple(flags),
        x_defs = tuple(x_defs.items()),
        cover = cover,
    )
    importpath = importmap or importpath
    _compile(
        ctx,
        command = "compile",
        mnemonic = "GoWasmCompile",
        progress_message = "Compiling Go package %s" % importpath,
        outputs = {"directives": directives, "export": export, "output": archive},
        importpath = importpath,
        source = source,
        tags = tags,
        more = (["--with-tests"] if with_tests else []) + ["--importer=" + path for path in importers],
    )
    this = struct(importpath = importpath, archive = archive, directives = directives, source = source)
    return GoWasmPackageInfo(
        importpath = importpath,
        imported_as = source.imported_as,
        archive = archive,
        export = export,
        directives = directives,
        source = source,
        transitive = depset([this], transitive = [info.transitive for info in infos], order = "postorder"),
    )

def compile_test_action(ctx, name, importpath, srcs, embedsrcs, infos, goos, tags = [], lang = "", cover = None):
    """Compiles a package with its tests, the tests that import it, and the main package that starts them.

    Args:
        ctx: the rule's context
        name: what the outputs are called
        importpath: the import path of the package
        srcs: sources, those of tests too
        embedsrcs: files for `go:embed`
        infos: GoWasmPackageInfo of what is imported
        goos: `wasip1` or `js`
        tags: build tags
        lang: version of the language, such as `go1.24`
        cover: the folder of the files, where they are to count what runs

    Returns:
        GoWasmPackageInfo of the main package
    """
    needed = depset(transitive = [info.transitive for info in infos], order = "postorder").to_list()
    importers = {}
    for package in needed:
        if [dep for dep in package.source.deps if dep.importpath == importpath or dep.importpath in importers]:
            importers[package.importpath] = package.source

    # With the tests that are part of it, it is another package, and whatever imports it is compiled anew.
    tested = compile_action(
        ctx,
        name = name + ".package",
        importpath = importpath,
        srcs = srcs,
        embedsrcs = embedsrcs,
        infos = [info for info in infos if info.importpath not in importers],
        goos = goos,
        tags = tags,
        lang = lang,
        with_tests = True,
        importers = importers.keys(),
        cover = cover,
    )
    anew = {importpath: tested}
    for path, source in importers.items():
        anew[path] = compile_action(
            ctx,
            name = "%s.importers/%s" % (name, path),
            importpath = source.imported_as,
            importmap = path,
            flags = source.flags,
            x_defs = dict(source.x_defs),
            srcs = source.srcs,
            embedsrcs = source.embedsrcs,
            infos = [anew.get(dep.importpath, dep) for dep in source.deps],
            goos = goos,
            tags = tags,
            module = source.module,
            lang = source.lang,
            label = source.label,
            cover = source.cover,
        )
    infos = [anew.get(info.importpath, info) for info in infos]

    external = ctx.actions.declare_file(name + ".external.a")
    main = ctx.actions.declare_file(name + ".main.a")
    directives = ctx.actions.declare_file(name + ".directives.json")
    _compile(
        ctx,
        command = "test",
        mnemonic = "GoWasmCompileTest",
        progress_message = "Compiling tests of Go package %s" % importpath,
        outputs = {"directives": directives, "external": external, "output": main},
        importpath = importpath,
        source = struct(
            label = ctx.label,
            srcs = tuple(srcs),
            embedsrcs = tuple(embedsrcs),
            deps = infos,
            goos = goos,
            lang = lang,
            module = "",
            flags = (),
            cover = None,
        ),
        tags = tags,
        tested = tested.export,
        more = ["--coverage"] if ctx.configuration.coverage_enabled else [],
    )
    outside = struct(importpath = importpath + "_test", archive = external, directives = None, source = None)
    return GoWasmPackageInfo(
        importpath = importpath + ".test",
        imported_as = importpath + ".test",
        archive = main,
        directives = directives,
        transitive = depset([outside], transitive = [info.transitive for info in [tested] + infos]),
    )

def _compile(ctx, command, mnemonic, progress_message, outputs, importpath, source, tags, more = [], tested = None):
    """A compilation, whose outputs are given by the names of their flags."""
    sdk = _sdk(ctx)
    args = ctx.actions.args()
    _sdk_args(ctx, command, args)
    args.add_all("--std", [sdk.std], expand_directories = False)
    args.add("--goos", source.goos)
    args.add("--importpath", importpath)
    if source.module:
        args.add("--module", source.module)
    if source.lang:
        args.add("--lang", source.lang)
    args.add_all(tags, before_each = "--tag")
    args.add_all(source.flags, format_each = "--flag=%s")
    if source.cover != None:
        args.add("--cover=" + source.cover)

    # The package's folder, in the source tree and among the outputs, in this repository or another.
    folder = source.label.package + "/" if source.label.package else ""

    def _source(file):
        path = file.short_path
        if path.startswith("../"):
            path = path.split("/", 2)[2]
        return "%s=%s" % (path.removeprefix(folder), file.path)

    args.add_all(source.srcs + source.embedsrcs, before_each = "--src", map_each = _source, allow_closure = True)
    deps = [struct(importpath = i.importpath, imported_as = i.imported_as, export = i.export) for i in source.deps]
    args.add_all(deps, before_each = "--dep", map_each = _import_arg)
    args.add_all(deps, before_each = "--import-map", map_each = _import_map_arg)
    args.add_all(more)
    if tested:
        args.add("--tested", tested)
    for flag, output in outputs.items():
        args.add("--" + flag, output)
    ctx.actions.run(
        outputs = outputs.values(),
        inputs = depset(
            list(source.srcs + source.embedsrcs) + [info.export for info in source.deps] + [sdk.std] + ([tested] if tested else []),
            transitive = [sdk.tools] + ([sdk.cover] if source.cover != None else []),
        ),
        executable = _gowasm(ctx),
        arguments = [args],
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )

def _x_defs(package):
    """What the packages of a module say of their own variables."""
    x_defs = {}
    for part in package.transitive.to_list():
        x_defs |= dict(part.source.x_defs if part.source else [])
    own = package.importpath + "."
    return {"main." + key.removeprefix(own) if key.startswith(own) else key: value for key, value in x_defs.items()}

def link_action(ctx, name, package, goos, buildmode, x_defs, ldflags, guard, module):
    """Links a module and writes its manifest.

    Args:
        ctx: the rule's context
        name: what the outputs are called
        package: GoWasmPackageInfo of package main
        goos: `wasip1` or `js`
        buildmode: `c-shared` or `exe`
        x_defs: string variables to set, by `importpath.name`
        ldflags: further flags of `go tool link`
        guard: whether exports get a guard
        module: the module's File

    Returns:
        struct(module, manifest, exports)
    """
    sdk = _sdk(ctx)
    manifest = ctx.actions.declare_file(name + ".manifest.json")
    exports = ctx.actions.declare_file(name + ".exports.txt")
    packages = [p for p in package.transitive.to_list() if p.archive != package.archive]

    args = ctx.actions.args()
    _sdk_args(ctx, "link", args)
    args.add_all("--std", [sdk.std], expand_directories = False)
    args.add("--goos", goos)
    args.add("--buildmode", buildmode)
    args.add("--importpath", package.importpath)
    args.add("--main", package.archive)
    args.add_all(packages, before_each = "--dep", map_each = _dep_arg)
    args.add("--directives", package.directives)
    args.add_all([p for p in packages if p.directives], before_each = "--directives", map_each = _directives_arg)
    args.add_all(["%s=%s" % pair for pair in sorted((_x_defs(package) | x_defs).items())], before_each = "--define")
    args.add_all(ldflags, format_each = "--flag=%s")
    if not guard:
        args.add("--no-guard")
    args.add("--output", module)
    args.add("--manifest", manifest)
    args.add("--exports", exports)
    ctx.actions.run(
        outputs = [module, manifest, exports],
        inputs = depset(
            [sdk.root, sdk.std, package.archive, package.directives] +
            [p.archive for p in packages] +
            [p.directives for p in packages if p.directives],
        ),
        executable = _gowasm(ctx),
        arguments = [args],
        mnemonic = "GoWasmLink",
        progress_message = "Linking wasm module %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )
    return struct(module = module, manifest = manifest, exports = exports)

def wasm_opt_action(ctx, level, module, output, program):
    """Optimizes a linked module with Binaryen's wasm-opt.

    Args:
        ctx: the rule's context
        level: `O1` to `O4`, `Os` or `Oz`
        module: the linked module's File
        output: the optimized module's File
        program: ProgramInfo of wasm-opt; None for what the gowasm tool has inside
    """
    args = ctx.actions.args()
    args.add_all(["wasm-opt", level])
    args.add(module)
    args.add("--output", output)
    if program:
        args.add("--program", program.program)
    ctx.actions.run(
        outputs = [output],
        inputs = depset([module], transitive = [program.files] if program else []),
        executable = _gowasm(ctx),
        arguments = [args],
        mnemonic = "GoWasmOpt",
        progress_message = "Optimizing wasm module %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )

def size_action(ctx, module, html, json):
    """Reports where the bytes of a module go.

    Args:
        ctx: the rule's context
        module: the module's File
        html: the page's File
        json: the report's File, for programs
    """
    args = ctx.actions.args()
    args.add_all(["bazel", "size"])
    args.add(module)
    args.add("--html", html)
    args.add("--json", json)
    ctx.actions.run(
        outputs = [html, json],
        inputs = [module],
        executable = _gowasm(ctx),
        arguments = [args],
        mnemonic = "GoWasmSize",
        progress_message = "Measuring wasm module %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )

def verify_action(ctx, module, manifest, plan, output, verdict, node = None):
    """Runs a linked module as its plan says; only one that passes gets its name.

    Args:
        ctx: the rule's context
        module: the module's File, as it was linked and optimized
        manifest: the manifest's File
        plan: a plan, or None
        output: the module's File
        verdict: the verdict's File
        node: ProgramInfo of what runs modules for js; for others None
    """
    args = ctx.actions.args()
    args.add_all(["bazel", "verify"])
    inputs = [module, manifest]
    if node:
        sdk = _sdk(ctx)
        args.add_all("--sdk", [sdk.root], map_each = _dirname)
        args.add("--node", node.program)
        inputs += [sdk.root, sdk.wasm_exec]
    args.add(module)
    args.add("--manifest", manifest)
    if plan:
        args.add("--plan", plan)
        inputs.append(plan)
    args.add("--output", output)
    args.add("--verdict", verdict)
    ctx.actions.run(
        outputs = [output, verdict],
        inputs = depset(inputs, transitive = [node.files] if node else []),
        executable = _gowasm(ctx),
        arguments = [args],
        mnemonic = "GoWasmVerify",
        progress_message = "Verifying wasm module %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )
