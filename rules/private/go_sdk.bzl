"""The toolchain of a Go SDK, and the standard library that is made of it."""

load("//rules/private:actions.bzl", "PATH_MAPPING")
load("//rules/providers:go_sdk_info.bzl", "GoSdkInfo")
load("//toolchains:settings.bzl", "SettingInfo")

_GOWASM_TYPE = "//toolchains:gowasm_type"

def _go_std_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    goos = ctx.attr._goos[SettingInfo].value
    args = ctx.actions.args()
    args.add_all(["bazel", "std"])
    args.add("--sdk", ctx.file.root.dirname)
    args.add("--goos", goos)
    args.add_all("--output", [output], expand_directories = False)
    ctx.actions.run(
        outputs = [output],
        inputs = ctx.files.srcs + [ctx.file.root],
        executable = ctx.toolchains[_GOWASM_TYPE].gowasm.tool,
        arguments = [args],
        mnemonic = "GoWasmStd",
        progress_message = "Compiling Go's standard library for %s" % goos,
        execution_requirements = PATH_MAPPING,
        toolchain = _GOWASM_TYPE,
    )
    return DefaultInfo(files = depset([output]))

go_std = rule(
    implementation = _go_std_impl,
    attrs = {
        "root": attr.label(allow_single_file = True, mandatory = True, doc = "VERSION"),
        "srcs": attr.label_list(allow_files = True, doc = "All that its build reads."),
        "_goos": attr.label(default = "//toolchains:goos"),
    },
    toolchains = [_GOWASM_TYPE],
    doc = "The compiled standard library.",
)

def _go_sdk_impl(ctx):
    sdk = GoSdkInfo(
        cover = depset(ctx.files.cover),
        root = ctx.file.root,
        std = ctx.file.std,
        tools = depset(ctx.files.tools + [ctx.file.root]),
        wasm_exec = ctx.file.wasm_exec,
    )
    return platform_common.ToolchainInfo(sdk = sdk)

go_sdk = rule(
    implementation = _go_sdk_impl,
    attrs = {
        "cover": attr.label_list(allow_files = True, doc = "The cover tool."),
        "root": attr.label(allow_single_file = True, mandatory = True, doc = "VERSION"),
        "std": attr.label(allow_single_file = True, mandatory = True, doc = "A go_std."),
        "tools": attr.label_list(allow_files = True, doc = "What a compile action runs and reads."),
        "wasm_exec": attr.label(allow_single_file = True, mandatory = True, doc = "wasm_exec.js"),
    },
    doc = "The toolchain of a Go SDK.",
)
