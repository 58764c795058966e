"""The toolchain of the gowasm tool."""

load("//rules/providers:gowasm_info.bzl", "GowasmInfo")

def _gowasm_tool_impl(ctx):
    return platform_common.ToolchainInfo(gowasm = GowasmInfo(tool = ctx.attr.tool[DefaultInfo].files_to_run))

gowasm_tool = rule(
    implementation = _gowasm_tool_impl,
    attrs = {
        "tool": attr.label(
            allow_single_file = True,
            cfg = "exec",
            executable = True,
            mandatory = True,
            doc = "The program.",
        ),
    },
    doc = "The toolchain of the gowasm tool.",
)
