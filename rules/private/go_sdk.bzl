"""The toolchain of a Go SDK, and the standard library that is made of it."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "PATH_MAPPING")
load("//rules/private:transition.bzl", "std_transition")
load("//rules/providers:go_sdk_info.bzl", "GoSdkInfo")
load("//toolchains:settings.bzl", "SettingInfo")

def _go_std_impl(ctx):
    output = ctx.actions.declare_directory(ctx.label.name)
    export = ctx.actions.declare_directory(ctx.label.name + ".export")
    goos = ctx.attr._goos[SettingInfo].value
    args = ctx.actions.args()
    args.add_all(["bazel", "std"])
    args.add("--sdk", ctx.file.root.dirname)
    args.add("--goos", goos)
    args.add_all("--output", [output], expand_directories = False)
    args.add_all("--export", [export], expand_directories = False)
    ctx.actions.run(
        outputs = [output, export],
        inputs = ctx.files.srcs + [ctx.file.root],
        executable = ctx.toolchains[GOWASM_TYPE].gowasm.tool,
        arguments = [args],
        mnemonic = "GoWasmStd",
        progress_message = "Compiling Go's standard library for %s" % goos,
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )
    return [DefaultInfo(files = depset([output])), OutputGroupInfo(export = depset([export]))]

go_std = rule(
    implementation = _go_std_impl,
    attrs = {
        "root": attr.label(allow_single_file = True, mandatory = True, doc = "VERSION"),
        "srcs": attr.label_list(allow_files = True, doc = "All that its build reads."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_goos": attr.label(default = "//toolchains:goos"),
    },
    cfg = std_transition,
    toolchains = [GOWASM_TYPE],
    doc = "The compiled standard library.",
)

def _go_sdk_impl(ctx):
    sdk = GoSdkInfo(
        cover = depset(ctx.files.cover),
        root = ctx.file.root,
        std = ctx.file.std,
        std_export = ctx.attr.std[OutputGroupInfo].export.to_list()[0],
        tools = depset(ctx.files.tools + [ctx.file.root]),
        wasm_exec = ctx.file.wasm_exec,
        wasm_exec_node = ctx.file.wasm_exec_node,
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
        "wasm_exec_node": attr.label(allow_single_file = True, mandatory = True, doc = "wasm_exec_node.js"),
    },
    doc = "The toolchain of a Go SDK.",
)
