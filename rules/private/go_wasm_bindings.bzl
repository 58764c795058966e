"""A Rust file by which a host calls a module."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "PATH_MAPPING")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")

def _go_wasm_bindings_impl(ctx):
    info = ctx.attr.module[GoWasmModuleInfo]
    bindings = ctx.actions.declare_file(ctx.label.name + ".rs")

    # Beside the bindings, which include it: the module itself is among the outputs of another configuration.
    module = ctx.actions.declare_file(ctx.label.name + ".wasm")
    ctx.actions.symlink(output = module, target_file = info.module)
    args = ctx.actions.args()
    args.add_all(["bindings", info.manifest])
    args.add("--engine", ctx.attr.engine)
    args.add("--module", module.basename)
    if ctx.file.plan:
        args.add("--plan", ctx.file.plan)
    args.add_all(ctx.attr.calling_back, format_each = "--calling-back=%s")
    args.add("--output", bindings)
    ctx.actions.run(
        outputs = [bindings],
        inputs = [info.manifest] + ctx.files.plan,
        executable = ctx.toolchains[GOWASM_TYPE].gowasm.tool,
        arguments = [args],
        mnemonic = "GoWasmBindings",
        progress_message = "Writing Rust bindings %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )
    return [
        DefaultInfo(files = depset([bindings])),
        OutputGroupInfo(module = depset([module])),
    ]

go_wasm_bindings = rule(
    implementation = _go_wasm_bindings_impl,
    attrs = {
        "calling_back": attr.string_list(doc = "Imports whose host functions call exports of the instance that calls them."),
        "engine": attr.string(
            default = "wasmi",
            values = ["wasmi", "wasmtime"],
            doc = "What the host runs the module with.",
        ),
        "module": attr.label(mandatory = True, providers = [GoWasmModuleInfo], doc = "A go_wasm_library or go_wasm_binary."),
        "plan": attr.label(
            allow_single_file = [".toml"],
            doc = "A plan whose `[memory]` names the exports that place strings in the module's memory.",
        ),
    },
    toolchains = [GOWASM_TYPE],
    doc = """Writes NAME.rs, with a function for each export of a module and a trait for its imports, for a Rust host.

It includes NAME.wasm, the module, which is the output group `module`.""",
)
