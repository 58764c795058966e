"""The test program of a package."""

load("//rules/private:actions.bzl", "TOOLCHAINS", "compile_test_action", "link_action")
load("//rules/private:go_wasm_package.bzl", "PACKAGE_ATTRS", "build_tags", "check_imports", "cover_folder", "instrumented_files", "packages")
load("//rules/private:labels.bzl", "shown")
load("//rules/private:transition.bzl", "BUILD_ATTRS", "wasm_transition")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

def _each_once(files, more):
    return {file: None for file in list(files) + list(more)}.keys()

def _go_wasm_test_module_impl(ctx):
    srcs = ctx.files.srcs
    embedsrcs = ctx.files.embedsrcs
    infos = packages(ctx)
    importpath = ctx.attr.importpath
    lang = ctx.attr.lang
    std = ctx.attr.std
    flags = ctx.attr.gc_goopts
    cover = cover_folder(ctx) if not ctx.attr.embed else None
    height = 0
    goos = ctx.attr._goos[SettingInfo].value
    for package in [target[GoWasmPackageInfo] for target in ctx.attr.embed]:
        source = package.source
        if source.label.package != ctx.label.package or source.label.repo_name != ctx.label.repo_name:
            fail("%s: embed takes a go_wasm_package of this folder, not %s" % (shown(ctx.label), shown(source.label)))
        if source.goos != goos:
            fail("%s: %s is built for %s, and tests run in an engine for %s" % (shown(ctx.label), shown(source.label), source.goos, goos))
        srcs = _each_once(srcs, source.srcs)
        embedsrcs = _each_once(embedsrcs, source.embedsrcs)
        known = {info.importpath: None for info in infos}
        infos = infos + [info for info in source.deps.to_list() if info.importpath not in known]
        std = _each_once(std, source.std)
        height = package.height
        importpath = importpath or package.importpath
        cover = source.cover
        lang = lang or source.lang
        flags = list(source.flags) + flags
    if not importpath:
        fail("%s: give either importpath or embed" % shown(ctx.label))

    # A module's import path may be no more than its label.
    if ctx.attr.importpath or not [target for target in ctx.attr.embed if GoWasmModuleInfo in target]:
        check_imports(ctx.label, importpath, infos)
    main = compile_test_action(
        ctx,
        name = ctx.label.name,
        importpath = importpath,
        srcs = srcs,
        embedsrcs = embedsrcs,
        # A test outside of the package imports it; that is the one that is compiled here.
        infos = [info for info in infos if info.importpath != importpath],
        goos = goos,
        std = std,
        tags = build_tags(ctx),
        flags = flags,
        lang = lang,
        cover = cover,
        height = height,
    )
    module = ctx.actions.declare_file(ctx.label.name + ".wasm")
    link_action(
        ctx,
        package = main,
        goos = goos,
        buildmode = "exe",
        x_defs = {},
        ldflags = [],
        options = ["--guard=none"],
        module = module,
        manifest = ctx.actions.declare_file(ctx.label.name + ".manifest.json"),
        exports = ctx.actions.declare_file(ctx.label.name + ".exports.txt"),
    )
    return [DefaultInfo(files = depset([module])), instrumented_files(ctx)]

go_wasm_test_module = rule(
    implementation = _go_wasm_test_module_impl,
    attrs = PACKAGE_ATTRS | BUILD_ATTRS | {
        "embed": attr.label_list(
            providers = [GoWasmPackageInfo],
            doc = "The package under test: its sources are compiled again, together with the tests.",
        ),
        "goos": attr.string(
            default = "wasip1",
            values = ["wasip1"],
            doc = "The operating system that Go builds for.",
        ),
        "importpath": attr.string(doc = "The import path of the package; that of embed without."),
        "lang": attr.string(doc = "The version of the language; that of embed, or the SDK's own, without."),
    },
    cfg = wasm_transition,
    toolchains = TOOLCHAINS,
    doc = "The test program of a package.",
)
