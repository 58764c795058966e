"""The toolchain of the gowasm program."""

load("//rules/providers:gowasm_info.bzl", "GowasmInfo")

def _gowasm_toolchain_impl(ctx):
    return platform_common.ToolchainInfo(gowasm = GowasmInfo(tool = ctx.attr.program[DefaultInfo].files_to_run))

gowasm_toolchain = rule(
    implementation = _gowasm_toolchain_impl,
    attrs = {
        "program": attr.label(
            allow_single_file = True,
            cfg = "exec",
            executable = True,
            mandatory = True,
            doc = "The program.",
        ),
    },
    doc = "The toolchain of the gowasm program.",
)
