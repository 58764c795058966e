"""What `bazel run` starts for a command."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "GO_SDK_TYPE")
load("//rules/private:labels.bzl", "shown")
load("//rules/private:program.bzl", "NODE_TYPE", "program_of")

# Started by `bazel run`, by an action or by another program, it has its files in one of these folders.
_FIND = """\
#!/bin/sh
set -eu
for runfiles in "${{RUNFILES_DIR:-}}" "$0.runfiles" "${{0%.runfiles/*}}.runfiles"; do
    if [ -e "$runfiles/{module}" ]; then break; fi
done
"""

# The folder in which the user is, and no other.
_RUN = """\
folder=${{BUILD_WORKING_DIRECTORY:-$PWD}}
exec "$runfiles/{tool}" run --inherit-env --dir "$folder" --env PWD="$folder" "$runfiles/{module}" "$@"
"""

_NODE = """\
cd "${{BUILD_WORKING_DIRECTORY:-$PWD}}"
exec "$runfiles/{node}" --stack-size=8192 "$runfiles/{script}" "$runfiles/{module}" "$@"
"""

_NO_NODE = """\
#!/bin/sh
echo 'error: {label} is a module for js, which runs in node, and no node toolchain is registered' >&2
echo 'hint: add go_wasm.node() to MODULE.bazel' >&2
exit 3
"""

def _path(ctx, file):
    """Where a file is among runfiles."""
    path = file.short_path
    return path.removeprefix("../") if path.startswith("../") else ctx.workspace_name + "/" + path

def launcher(ctx, module, goos):
    """Writes the program that runs a command.

    Args:
        ctx: the rule's context
        module: the module's File
        goos: `wasip1` or `js`

    Returns:
        the program's File, and a depset of what it needs beside the module
    """
    program = ctx.actions.declare_file(ctx.label.name + ".sh")
    if goos == "wasip1":
        tool = ctx.toolchains[GOWASM_TYPE].gowasm.tool.executable
        text = (_FIND + _RUN).format(module = _path(ctx, module), tool = _path(ctx, tool))
        needed = depset([tool])
    elif program_of(ctx, NODE_TYPE):
        node = program_of(ctx, NODE_TYPE)
        sdk = ctx.toolchains[GO_SDK_TYPE].sdk
        text = (_FIND + _NODE).format(
            module = _path(ctx, module),
            node = _path(ctx, node.program),
            script = _path(ctx, sdk.wasm_exec_node),
        )
        needed = depset([sdk.wasm_exec, sdk.wasm_exec_node], transitive = [node.files])
    else:
        text = _NO_NODE.format(label = shown(ctx.label))
        needed = depset()
    ctx.actions.write(program, text, is_executable = True)
    return program, needed
