"""An OCI image of a module."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "PATH_MAPPING")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")

def _go_wasm_image_impl(ctx):
    info = ctx.attr.module[GoWasmModuleInfo]
    layout = ctx.actions.declare_directory(ctx.label.name)
    args = ctx.actions.args()
    args.add_all(["bazel", "image", info.module])
    args.add("--goos", info.goos)
    args.add("--name", info.module.basename)
    args.add_all("--output", [layout], expand_directories = False)
    ctx.actions.run(
        outputs = [layout],
        inputs = [info.module],
        executable = ctx.toolchains[GOWASM_TYPE].gowasm.tool,
        arguments = [args],
        mnemonic = "GoWasmImage",
        progress_message = "Writing OCI image %{label}",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )
    return DefaultInfo(files = depset([layout]))

go_wasm_image = rule(
    implementation = _go_wasm_image_impl,
    attrs = {
        "module": attr.label(mandatory = True, providers = [GoWasmModuleInfo], doc = "A go_wasm_library or go_wasm_binary."),
    },
    toolchains = [GOWASM_TYPE],
    doc = """Writes an OCI image layout, a folder whose only layer is the module.

That is how CNCF's [wasm artifact](https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/) has it. The same module gives the same image.""",
)
