"""The test program of a package."""

load("//rules/private:actions.bzl", "TOOLCHAINS", "compile_test_action", "link_action")
load("//rules/private:go_wasm_package.bzl", "PACKAGE_ATTRS", "cover_folder", "instrumented_files")
load("//rules/private:transition.bzl", "wasm_transition")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

def _go_wasm_test_module_impl(ctx):
    srcs = ctx.files.srcs
    embedsrcs = ctx.files.embedsrcs
    infos = [dep[GoWasmPackageInfo] for dep in ctx.attr.deps]
    importpath = ctx.attr.importpath
    lang = ctx.attr.lang
    cover = cover_folder(ctx) if not ctx.attr.embed else None
    goos = ctx.attr._goos[SettingInfo].value
    for package in [target[GoWasmPackageInfo] for target in ctx.attr.embed]:
        source = package.source
        if source.label.package != ctx.label.package or source.label.repo_name != ctx.label.repo_name:
            fail("embed takes a go_wasm_package of this folder, not %s" % source.label)
        if source.goos != goos:
            fail("%s is built for %s, and tests run in an engine for %s" % (source.label, source.goos, goos))
        srcs = srcs + [file for file in source.srcs if file not in srcs]
        embedsrcs = embedsrcs + [file for file in source.embedsrcs if file not in embedsrcs]
        infos = infos + [info for info in source.deps if info.importpath not in [i.importpath for i in infos]]
        importpath = importpath or package.importpath
        cover = source.cover
        lang = lang or source.lang
    if not importpath:
        fail("give either importpath or embed")
    main = compile_test_action(
        ctx,
        name = ctx.label.name,
        importpath = importpath,
        srcs = srcs,
        embedsrcs = embedsrcs,
        # A test outside of the package imports it; that is the one that is compiled here.
        infos = [info for info in infos if info.importpath != importpath],
        goos = goos,
        tags = ctx.attr._tags[SettingInfo].value,
        lang = lang,
        cover = cover,
    )
    module = ctx.actions.declare_file(ctx.label.name + ".wasm")
    link_action(
        ctx,
        name = ctx.label.name,
        package = main,
        goos = goos,
        buildmode = "exe",
        x_defs = {},
        ldflags = [],
        guard = False,
        module = module,
    )
    return [DefaultInfo(files = depset([module])), instrumented_files(ctx)]

go_wasm_test_module = rule(
    implementation = _go_wasm_test_module_impl,
    attrs = PACKAGE_ATTRS | {
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
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    cfg = wasm_transition,
    toolchains = TOOLCHAINS,
    doc = "The test program of a package.",
)
