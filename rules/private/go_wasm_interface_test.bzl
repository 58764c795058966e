"""The interface of a module as a test, against the one that is checked in."""

load("//rules/private:actions.bzl", "GOWASM_TYPE")
load("//rules/private:runner.bzl", "gowasm_launcher", "quote")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")

_MODULE = attr.label(
    mandatory = True,
    providers = [GoWasmModuleInfo],
    doc = "A go_wasm_library or go_wasm_binary.",
)

def _go_wasm_interface_diff_test_impl(ctx):
    manifest = ctx.attr.module[GoWasmModuleInfo].manifest
    exact = [] if ctx.attr.allow_compatible else ["--exact"]
    launcher, tool = gowasm_launcher(ctx, ["diff"] + exact + [ctx.file.manifest.short_path, manifest.short_path])
    return DefaultInfo(executable = launcher, runfiles = ctx.runfiles([ctx.file.manifest, manifest, tool]))

_go_wasm_interface_diff_test = rule(
    implementation = _go_wasm_interface_diff_test_impl,
    attrs = {
        "allow_compatible": attr.bool(doc = "Pass where a host that was made for the checked-in interface can go on."),
        "manifest": attr.label(allow_single_file = [".json"], mandatory = True, doc = "The manifest that is checked in."),
        "module": _MODULE,
    },
    test = True,
    toolchains = [GOWASM_TYPE],
)

# Found as a runfile, from wherever `bazel run` starts it.
_UPDATE = """\
#!/bin/sh
set -eu
cp -f {manifest} "$BUILD_WORKSPACE_DIRECTORY"/{file}
chmod 644 "$BUILD_WORKSPACE_DIRECTORY"/{file}
echo "wrote "{file}
"""

def _go_wasm_interface_update_impl(ctx):
    manifest = ctx.attr.module[GoWasmModuleInfo].manifest
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _UPDATE.format(
            file = quote("/".join([part for part in [ctx.label.package, ctx.attr.file] if part])),
            manifest = quote(manifest.short_path),
        ),
        is_executable = True,
    )
    return DefaultInfo(executable = launcher, runfiles = ctx.runfiles([manifest]))

_go_wasm_interface_update = rule(
    implementation = _go_wasm_interface_update_impl,
    attrs = {
        "file": attr.string(mandatory = True, doc = "What is written, below the folder of the target."),
        "module": _MODULE,
    },
    executable = True,
)

def go_wasm_interface_test(
        name,
        module,
        manifest,
        allow_compatible = False,
        tags = [],
        **kwargs):
    """Fails when a module has another interface than the one that is checked in.

    `bazel run :NAME.update` writes the file, the first time too.

    Args:
        name: the target
        module: a go_wasm_library or go_wasm_binary
        manifest: the manifest that is checked in, a file of this folder: `plugin.interface.json`
        allow_compatible: pass where a host that was made for the checked-in interface can go on
        tags: tags of the targets
        **kwargs: what every test has, such as size
    """
    _go_wasm_interface_diff_test(
        name = name,
        allow_compatible = allow_compatible,
        manifest = manifest,
        module = module,
        tags = tags,
        **kwargs
    )
    _go_wasm_interface_update(
        name = name + ".update",
        testonly = True,
        file = manifest,
        module = module,
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
    )
