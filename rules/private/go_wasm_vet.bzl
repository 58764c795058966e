"""An aspect that judges directives, beside the build."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "vet_action")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

def _go_wasm_vet_impl(target, ctx):
    if GoWasmPackageInfo not in target:
        return []
    module = target[GoWasmModuleInfo] if GoWasmModuleInfo in target else None
    output = ctx.actions.declare_file(ctx.label.name + ".vet.json")

    # Who asks for a judgement wants to hear of everything.
    deny = ctx.attr._deny[SettingInfo].value or ["warnings"]
    vet_action(ctx, target[GoWasmPackageInfo], module, deny, output)
    return [OutputGroupInfo(_validation = depset([output]))]

def vet_aspect(requires = []):
    """An aspect that judges the directives of packages and modules.

    Args:
        requires: aspects that make packages of other targets

    Returns:
        aspect, to be a global variable
    """
    return aspect(
        implementation = _go_wasm_vet_impl,
        attrs = {"_deny": attr.label(default = Label("//toolchains:deny"))},
        requires = requires,
        toolchains = [GOWASM_TYPE],
        doc = "Judges the directives of packages, and those of a module's packages together.",
    )

go_wasm_vet = vet_aspect()
