"""Toolchains of programs that few modules need: Node.js and wasm-opt."""

load("//rules/private:labels.bzl", "shown")
load("//rules/providers:program_info.bzl", "ProgramInfo")

# Labels, not strings: rules may be made in files of other repositories.
NODE_TYPE = Label("//toolchains:node_type")
WASM_OPT_TYPE = Label("//toolchains:wasm_opt_type")

PROGRAMS = [config_common.toolchain_type(type, mandatory = False) for type in [NODE_TYPE, WASM_OPT_TYPE]]

def _program_toolchain_impl(ctx):
    return platform_common.ToolchainInfo(program = ProgramInfo(
        files = depset(ctx.files.libraries + [ctx.file.program]),
        program = ctx.file.program,
    ))

program_toolchain = rule(
    implementation = _program_toolchain_impl,
    attrs = {
        "libraries": attr.label_list(allow_files = True, cfg = "exec", doc = "What it finds beside it."),
        "program": attr.label(allow_single_file = True, cfg = "exec", mandatory = True, doc = "The program."),
    },
    doc = "The toolchain of a program.",
)

def program_of(ctx, type):
    """The program of a toolchain.

    Args:
        ctx: the rule's context
        type: the toolchain's type

    Returns:
        ProgramInfo, or None where no such toolchain is registered
    """
    toolchain = ctx.toolchains[type]
    return toolchain.program if toolchain else None

def node_for_js(ctx):
    """Node, where a module for js is to run.

    Args:
        ctx: the rule's context

    Returns:
        ProgramInfo
    """
    node = program_of(ctx, NODE_TYPE)
    if not node:
        fail("%s: a module of goos = \"js\" is verified in node, and no node toolchain is registered: add go_wasm.node() to MODULE.bazel, or leave the verification out with verify = False" % shown(ctx.label))
    return node
