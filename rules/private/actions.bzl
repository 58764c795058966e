"""The actions. Each is one subcommand of `gowasm bazel`."""

load("//rules/private:labels.bzl", "shown")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")

# Labels, not strings: rules may be made in files of other repositories.
GO_SDK_TYPE = Label("//toolchains:go_sdk_type")
GOWASM_TYPE = Label("//toolchains:gowasm_type")
TOOLCHAINS = [GO_SDK_TYPE, GOWASM_TYPE]

# Bazel may run the actions under names of output folders that are the same in every configuration.
PATH_MAPPING = {"supports-path-mapping": "1"}

# One process for many actions, several at a time, also where each gets a sandbox; and a cancelled one ends.
_WORKER = {
    "supports-multiplex-sandboxing": "1",
    "supports-multiplex-workers": "1",
    "supports-worker-cancellation": "1",
    "supports-workers": "1",
}

def _gowasm(ctx):
    return ctx.toolchains[GOWASM_TYPE].gowasm.tool

def _sdk(ctx):
    return ctx.toolchains[GO_SDK_TYPE].sdk

def _start(ctx, command):
    """The arguments of every action: the subcommand, and what goes to a parameter file.

    A worker is started with the first, and is given the second for each action.

    Args:
        ctx: the rule's context
        command: a subcommand of `gowasm bazel`

    Returns:
        the list of Args for ctx.actions.run; the last is the one to add to
    """
    subcommand = ctx.actions.args()
    subcommand.add_all(["bazel", command])
    args = ctx.actions.args()

    # Of the forms that Bazel knows of workers; `@` is what labels begin with.
    args.use_param_file("--flagfile=%s", use_always = True)
    args.set_param_file_format("multiline")
    return [subcommand, args]

def _sdk_args(sdk, args):
    args.add_all("--sdk", [sdk.root], map_each = _dirname)

def _dirname(file):
    return file.dirname

def _import_args(info):
    return ["--dep", info.importpath, shown(info.source.label), info.export.path]

def _import_map_arg(info):
    return "%s=%s" % (info.imported_as, info.importpath) if info.imported_as != info.importpath else None

def _std_args(info):
    return ["--std", info.importpath, info.export.path]

def _package_args(package):
    return ["--dep", package.importpath, shown(package.label), package.archive.path]

def _directives_arg(package):
    return package.directives.path if package.directives else None

def _x_defs_args(package):
    return ["%s=%s" % pair for pair in package.x_defs]

# What `go list` calls all packages of the standard library.
ALL_OF_STD = "std"

# What Go's compiler imports by itself into packages that import "simd".
_SIMD_BRIDGE = "simd/internal/bridge"

# What the main package of a test program imports; the last one for coverage.
_STD_OF_TESTS = ["os", "reflect", "strconv", "testing", "testing/internal/testdeps", "internal/coverage/cfile"]

def std_packages(infos):
    """Packages of the standard library, for those who import them.

    Args:
        infos: their GoWasmPackageInfo

    Returns:
        struct(infos, exports, transitive, files), of depsets
    """
    return struct(
        infos = depset(infos),
        exports = depset([info.export for info in infos]),
        transitive = depset(transitive = [info.transitive for info in infos], order = "postorder"),
        files = depset(transitive = [info.files for info in infos]),
    )

def _std_of(sdk, names):
    """What std_packages gives of the names: those that the target does not have are left out."""
    if ALL_OF_STD in names:
        return sdk.all_of_std
    if "simd" in names:
        names = list(names) + [_SIMD_BRIDGE]
    return std_packages([sdk.std[name] for name in names if name in sdk.std])

def _of_one_path(label, importpath, infos):
    """Of packages with one import path a program has one.

    Args:
        label: the importer
        importpath: its import path
        infos: GoWasmPackageInfo of what it imports

    Returns:
        infos, each once
    """
    known = {}
    for info in infos:
        before = known.setdefault(info.imported_as, info)
        if before.source.label != info.source.label:
            fail("%s: deps has two packages of the import path \"%s\": %s and %s" % (
                shown(label),
                info.imported_as,
                shown(before.source.label),
                shown(info.source.label),
            ))
        if info.imported_as == importpath:
            fail("%s: deps has %s, whose import path \"%s\" is the package's own" % (
                shown(label),
                shown(info.source.label),
                importpath,
            ))
    return known.values()

def compile_action(
        ctx,
        name,
        importpath,
        srcs,
        embedsrcs,
        infos,
        goos,
        std = [ALL_OF_STD],
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
        std: packages of the standard library that may be imported
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
    label = label or ctx.label
    infos = _of_one_path(label, importpath, infos)
    source = struct(
        label = label,
        # Tuples, for what is in a depset may not change.
        srcs = tuple(srcs),
        embedsrcs = tuple(embedsrcs),
        # A depset, though there is one level of it: what is in a depset has a hash, that of a depset is its
        # identity, and that of a tuple would be made of the hashes of all packages below, once for each path.
        deps = depset(infos, order = "postorder"),
        std = tuple(std),
        goos = goos,
        lang = lang,
        module = module,
        imported_as = importpath,
        flags = tuple(flags),
        x_defs = tuple(x_defs.items()),
        cover = cover,
    )
    importpath = importmap or importpath
    sdk = _sdk(ctx)
    std = _std_of(sdk, std)
    _compile(
        ctx,
        sdk,
        command = "compile",
        mnemonic = "GoWasmCompile",
        progress_message = "Compiling Go package %s" % importpath,
        outputs = {"directives": directives, "export": export, "output": archive},
        importpath = importpath,
        source = source,
        folder = source.label.package,
        std = std,
        tags = tags,
        more = (["--with-tests"] if with_tests else []) + ["--importer=" + path for path in importers],
    )
    return _package_info(
        infos,
        std,
        importpath = importpath,
        imported_as = source.imported_as,
        archive = archive,
        export = export,
        directives = directives,
        source = source,
    )

def compile_std_action(ctx, sdk, importpath, srcs, infos, goos):
    """Compiles one package of the standard library.

    Args:
        ctx: the rule's context
        sdk: struct(root, toolchain_tags, tools) of the SDK
        importpath: the import path
        srcs: its files, of which the action chooses, and those below its folder that it may embed
        infos: GoWasmPackageInfo of what it imports
        goos: `wasip1` or `js`

    Returns:
        GoWasmPackageInfo
    """
    name = "%s/%s" % (ctx.label.name, importpath)
    archive = ctx.actions.declare_file(name + ".a")
    export = ctx.actions.declare_file(name + ".x")
    directives = ctx.actions.declare_file(name + ".directives.json")
    source = struct(
        label = ctx.label,
        srcs = tuple(srcs),
        embedsrcs = (),
        deps = depset(),
        std = (),
        goos = goos,
        lang = "",
        module = "",
        imported_as = importpath,
        flags = (),
        x_defs = (),
        cover = None,
    )
    std = std_packages(infos)
    _compile(
        ctx,
        sdk,
        command = "compile",
        mnemonic = "GoWasmStd",
        progress_message = "Compiling Go's %s for %s" % (importpath, goos),
        outputs = {"directives": directives, "export": export, "output": archive},
        importpath = importpath,
        source = source,
        folder = "src/" + importpath,
        std = std,
        tags = [],
        more = ["--standard"],
    )
    return _package_info(
        [],
        std,
        importpath = importpath,
        imported_as = importpath,
        archive = archive,
        export = export,
        directives = directives,
        source = source,
    )

def _package_info(infos, std, source, **fields):
    """GoWasmPackageInfo of a package that imports those of infos, and some of the standard library."""
    this = struct(
        importpath = fields["importpath"],
        archive = fields["archive"],
        directives = fields["directives"],
        label = source.label,
        x_defs = source.x_defs,
    )
    return GoWasmPackageInfo(
        source = source,
        height = 1 + max([0] + [info.height for info in infos]),
        stamps = has_placeholder(source.x_defs) or any([info.stamps for info in infos]),
        transitive = depset([this], transitive = [std.transitive] + [info.transitive for info in infos], order = "postorder"),
        files = depset([this.archive, this.directives], transitive = [std.files] + [info.files for info in infos]),
        **fields
    )

def has_placeholder(x_defs):
    """Whether a value may name a variable of the workspace's status.

    Args:
        x_defs: pairs of a variable's name and its value

    Returns:
        bool
    """
    return any(["{" in value for _, value in x_defs])

def _importers(importpath, infos, height):
    """Who imports a package, among others and all that they import.

    Only packages that stand higher can: what a test imports beside what its package imports is searched, and
    that not further down than the package.

    Args:
        importpath: the import path of the package
        infos: GoWasmPackageInfo of the others
        height: that of the package; 0 where it is not known

    Returns:
        a dict of GoWasmPackageInfo by import path, each after what it imports
    """
    levels = {}
    for info in infos:
        levels.setdefault(info.height, {})[info.importpath] = info
    found = []
    for level in range(max([0] + levels.keys()), height, -1):
        for info in levels.get(level, {}).values():
            found.append(info)
            for dep in info.source.deps.to_list():
                levels.setdefault(dep.height, {})[dep.importpath] = dep
    importers = {}
    for info in reversed(found):
        if any([dep.importpath == importpath or dep.importpath in importers for dep in info.source.deps.to_list()]):
            importers[info.importpath] = info
    return importers

def compile_test_action(
        ctx,
        name,
        importpath,
        srcs,
        embedsrcs,
        infos,
        goos,
        std = [ALL_OF_STD],
        tags = [],
        lang = "",
        flags = [],
        cover = None,
        height = 0):
    """Compiles a package with its tests, the tests that import it, and the main package that starts them.

    Args:
        ctx: the rule's context
        name: what the outputs are called
        importpath: the import path of the package
        srcs: sources, those of tests too
        embedsrcs: files for `go:embed`
        infos: GoWasmPackageInfo of what is imported
        goos: `wasip1` or `js`
        std: packages of the standard library that may be imported
        tags: build tags
        lang: version of the language, such as `go1.24`
        flags: further flags of `go tool compile`
        cover: the folder of the files, where they are to count what runs
        height: that of the package under test in the import graph, where it is known

    Returns:
        GoWasmPackageInfo of the main package
    """
    importers = _importers(importpath, infos, height)

    # With the tests that are part of it, it is another package, and whatever imports it is compiled anew.
    tested = compile_action(
        ctx,
        name = name + ".package",
        importpath = importpath,
        srcs = srcs,
        embedsrcs = embedsrcs,
        infos = [info for info in infos if info.importpath not in importers],
        goos = goos,
        std = std,
        tags = tags,
        lang = lang,
        flags = flags,
        with_tests = True,
        importers = importers.keys(),
        cover = cover,
    )
    anew = {importpath: tested}
    for path, info in importers.items():
        source = info.source
        anew[path] = compile_action(
            ctx,
            name = "%s.importers/%s" % (name, path),
            importpath = source.imported_as,
            importmap = path,
            flags = source.flags,
            x_defs = dict(source.x_defs),
            srcs = source.srcs,
            embedsrcs = source.embedsrcs,
            infos = [anew.get(dep.importpath, dep) for dep in source.deps.to_list()],
            goos = goos,
            std = source.std,
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
    source = struct(
        label = ctx.label,
        srcs = tuple(srcs),
        embedsrcs = tuple(embedsrcs),
        deps = depset(infos, order = "postorder"),
        std = tuple(std),
        goos = goos,
        lang = lang,
        module = "",
        imported_as = importpath + ".test",
        flags = tuple(flags),
        x_defs = (),
        cover = None,
    )
    sdk = _sdk(ctx)
    of_main = _STD_OF_TESTS if ctx.configuration.coverage_enabled else _STD_OF_TESTS[:-1]
    std = _std_of(sdk, {path: None for path in list(std) + of_main}.keys())
    _compile(
        ctx,
        sdk,
        command = "test",
        mnemonic = "GoWasmCompileTest",
        progress_message = "Compiling tests of Go package %s" % importpath,
        outputs = {"directives": directives, "external": external, "output": main},
        importpath = importpath,
        source = source,
        folder = source.label.package,
        std = std,
        tags = tags,
        tested = tested.export,
        more = ["--coverage"] if ctx.configuration.coverage_enabled else [],
    )

    # Two packages of one action: the directives of both are with the main package.
    outside = struct(importpath = importpath + "_test", archive = external, directives = None, label = ctx.label, x_defs = ())
    main = struct(importpath = source.imported_as, archive = main, directives = directives, label = ctx.label, x_defs = ())
    return GoWasmPackageInfo(
        importpath = main.importpath,
        imported_as = main.importpath,
        archive = main.archive,
        export = None,
        directives = directives,
        source = source,
        height = 0,
        stamps = any([info.stamps for info in infos]),
        transitive = depset([outside, main], transitive = [info.transitive for info in [std, tested] + infos], order = "postorder"),
        files = depset([external, main.archive, directives], transitive = [info.files for info in [std, tested] + infos]),
    )

def _compile(ctx, sdk, command, mnemonic, progress_message, outputs, importpath, source, folder, std, tags, more = [], tested = None):
    """A compilation, whose outputs are given by the names of their flags."""
    arguments = _start(ctx, command)
    args = arguments[-1]
    _sdk_args(sdk, args)
    args.add("--toolchain-tags", sdk.toolchain_tags)
    args.add("--goos", source.goos)
    args.add("--importpath", importpath)
    args.add("--label", shown(source.label))
    if source.module:
        args.add("--module", source.module)
    if source.lang:
        args.add("--lang", source.lang)
    args.add_all(tags, before_each = "--tag")
    args.add_all(source.flags, format_each = "--flag=%s")
    if source.cover != None:
        args.add("--cover=" + source.cover)

    # The package's folder, in the source tree and among the outputs, in this repository or another.
    folder = folder + "/" if folder else ""

    def _source(file):
        path = file.short_path
        if path.startswith("../"):
            path = path.split("/", 2)[2]
        return "%s=%s" % (path.removeprefix(folder), file.path)

    args.add_all(source.srcs + source.embedsrcs, before_each = "--src", map_each = _source, allow_closure = True)
    args.add_all(std.infos, map_each = _std_args)
    args.add_all(source.deps, map_each = _import_args)
    args.add_all(source.deps, before_each = "--import-map", map_each = _import_map_arg)
    args.add_all(more)
    if tested:
        args.add("--tested", tested)
    for flag, output in outputs.items():
        args.add("--" + flag, output)
    ctx.actions.run(
        outputs = outputs.values(),
        inputs = depset(
            list(source.srcs + source.embedsrcs) + [info.export for info in source.deps.to_list()] + [sdk.toolchain_tags] + ([tested] if tested else []),
            transitive = [sdk.tools, std.exports] + ([sdk.cover] if source.cover != None else []),
        ),
        executable = _gowasm(ctx),
        arguments = arguments,
        mnemonic = mnemonic,
        progress_message = progress_message,
        execution_requirements = PATH_MAPPING | _WORKER,
        toolchain = GOWASM_TYPE,
    )

def link_action(ctx, package, goos, buildmode, x_defs, ldflags, options, module, manifest, exports, stamp = False):
    """Links a module and writes its manifest.

    Args:
        ctx: the rule's context
        package: GoWasmPackageInfo of package main
        goos: `wasip1` or `js`
        buildmode: `c-shared` or `exe`
        x_defs: string variables to set, by `importpath.name`
        ldflags: further flags of `go tool link`
        options: flags of `gowasm bazel link`
        module: the module's File
        manifest: the manifest's File
        exports: the File for the names of the exports
        stamp: whether x_defs get the workspace's status; those that ask for it are left out otherwise
    """
    sdk = _sdk(ctx)
    for variable, value in x_defs.items():
        if "\n" in value:
            fail("%s: x_defs gives %s a value of several lines, and a parameter file has one a line" % (shown(ctx.label), variable))
    inputs = [sdk.root]

    # Whatever a program imports, the runtime is in it.
    runtime = sdk.std["runtime"]
    transitive = depset(transitive = [runtime.transitive, package.transitive], order = "postorder")

    arguments = _start(ctx, "link")
    args = arguments[-1]
    _sdk_args(sdk, args)
    args.add("--goos", goos)
    args.add("--buildmode", buildmode)
    args.add("--importpath", package.importpath)
    args.add("--main", package.archive)
    args.add_all(transitive, map_each = _package_args)
    args.add_all(transitive, before_each = "--directives", map_each = _directives_arg)
    args.add_all(transitive, format_each = "--define-default=%s", map_each = _x_defs_args)
    args.add_all(["%s=%s" % pair for pair in sorted(x_defs.items())], format_each = "--define=%s")
    if stamp and (package.stamps or has_placeholder(x_defs.items())):
        inputs += [ctx.info_file, ctx.version_file]
        args.add_all([ctx.info_file, ctx.version_file], before_each = "--status")
    args.add_all(ldflags, format_each = "--flag=%s")
    args.add_all(options)
    args.add("--output", module)
    args.add("--manifest", manifest)
    args.add("--exports", exports)
    ctx.actions.run(
        outputs = [module, manifest, exports],
        inputs = depset(inputs, transitive = [runtime.files, package.files]),
        executable = _gowasm(ctx),
        arguments = arguments,
        mnemonic = "GoWasmLink",
        progress_message = "Linking wasm module %{label}",
        execution_requirements = PATH_MAPPING | _WORKER,
        toolchain = GOWASM_TYPE,
    )

def wasm_opt_action(ctx, level, options, linked, optimized, program):
    """Optimizes a linked module with Binaryen's wasm-opt.

    Args:
        ctx: the rule's context
        level: `O1` to `O4`, `Os` or `Oz`
        options: flags of `gowasm wasm-opt`
        linked: struct(module, manifest), the Files of the linked module
        optimized: the same of the optimized one
        program: ProgramInfo of wasm-opt; None for what the gowasm tool has inside
    """
    args = ctx.actions.args()
    args.add_all(["wasm-opt", level] + options)
    args.add(linked.module)
    args.add("--manifest", linked.manifest)
    args.add("--output", optimized.module)
    args.add("--manifest-output", optimized.manifest)
    if program:
        args.add("--program", program.program)
    ctx.actions.run(
        outputs = [optimized.module, optimized.manifest],
        inputs = depset([linked.module, linked.manifest], transitive = [program.files] if program else []),
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
    arguments = _start(ctx, "size")
    args = arguments[-1]
    args.add(module)
    args.add("--html", html)
    args.add("--json", json)
    ctx.actions.run(
        outputs = [html, json],
        inputs = [module],
        executable = _gowasm(ctx),
        arguments = arguments,
        mnemonic = "GoWasmSize",
        progress_message = "Measuring wasm module %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )

def vet_action(ctx, package, module, deny, output):
    """Judges directives, after the packages are compiled and before they are linked.

    Args:
        ctx: the aspect's context
        package: GoWasmPackageInfo
        module: GoWasmModuleInfo where the package and all that it needs are a program, or None
        deny: codes of warnings that are errors
        output: the File for the warnings that are left
    """
    arguments = _start(ctx, "vet")
    args = arguments[-1]
    if module:
        args.add("--goos", module.goos)
        args.add("--buildmode", module.buildmode)
        args.add_all(package.transitive, before_each = "--directives", map_each = _directives_arg)
    else:
        args.add("--directives", package.directives)
    args.add_all(deny, format_each = "--deny=%s")
    args.add("--output", output)
    ctx.actions.run(
        outputs = [output],
        inputs = package.files if module else [package.directives],
        executable = _gowasm(ctx),
        arguments = arguments,
        mnemonic = "GoWasmVet",
        progress_message = "Judging the directives of %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )

def verify_action(ctx, module, manifest, plan, options, output, verdict, node = None):
    """Runs a linked module as its plan says; only one that passes gets its name.

    Args:
        ctx: the rule's context
        module: the module's File, as it was linked and optimized
        manifest: the manifest's File
        plan: a plan, or None
        options: flags of `gowasm bazel verify`
        output: the module's File
        verdict: the verdict's File
        node: ProgramInfo of what runs modules for js; for others None
    """
    arguments = _start(ctx, "verify")
    args = arguments[-1]
    inputs = [module, manifest]
    if node:
        sdk = _sdk(ctx)
        _sdk_args(sdk, args)
        args.add("--node", node.program)
        inputs += [sdk.root, sdk.wasm_exec]
    args.add(module)
    args.add("--manifest", manifest)
    if plan:
        args.add("--plan", plan)
        inputs.append(plan)
    args.add_all(options)
    args.add("--output", output)
    args.add("--verdict", verdict)
    ctx.actions.run(
        outputs = [output, verdict],
        inputs = depset(inputs, transitive = [node.files] if node else []),
        executable = _gowasm(ctx),
        arguments = arguments,
        mnemonic = "GoWasmVerify",
        progress_message = "Verifying wasm module %{label}",
        execution_requirements = PATH_MAPPING | _WORKER,
        toolchain = GOWASM_TYPE,
    )
