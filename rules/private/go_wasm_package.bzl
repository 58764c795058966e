"""One Go package."""

load("//rules/private:actions.bzl", "TOOLCHAINS", "compile_action")
load("//rules/private:transition.bzl", "wasm_platform_transition")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

PACKAGE_ATTRS = {
    "deps": attr.label_list(
        providers = [GoWasmPackageInfo],
        doc = "The packages that this one imports, without the standard library.",
    ),
    "embedsrcs": attr.label_list(
        allow_files = True,
        doc = "Files that `//go:embed` may name.",
    ),
    "srcs": attr.label_list(
        allow_files = [".go", ".s", ".h"],
        doc = "The sources. Go chooses by build constraints and file names those that are for the target; test files may be among them.",
    ),
    "_goos": attr.label(default = "//toolchains:goos"),
    "_tags": attr.label(default = "//toolchains:tags"),
}

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
    return compile_action(
        ctx,
        name = name,
        importpath = importpath,
        srcs = ctx.files.srcs,
        embedsrcs = ctx.files.embedsrcs,
        infos = [dep[GoWasmPackageInfo] for dep in ctx.attr.deps],
        goos = ctx.attr._goos[SettingInfo].value,
        tags = ctx.attr._tags[SettingInfo].value,
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
        "importpath": attr.string(mandatory = True, doc = "How other packages import this one."),
        "lang": attr.string(doc = "The version of the language, such as `go1.24`, as go.mod has it; the SDK's own without."),
        "module": attr.string(doc = "`path@version` of the Go module, for packages of other people."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    cfg = wasm_platform_transition,
    toolchains = TOOLCHAINS,
    provides = [GoWasmPackageInfo],
    doc = "Compiles one Go package to one package archive.",
)
