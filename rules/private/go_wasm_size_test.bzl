"""A budget of bytes as a test."""

load("//rules/private:actions.bzl", "GOWASM_TYPE")
load("//rules/private:runner.bzl", "gowasm_launcher")

def _go_wasm_size_test_impl(ctx):
    launcher, tool = gowasm_launcher(ctx, ["size", ctx.file.module.short_path, "--budget=%d" % ctx.attr.budget])
    return DefaultInfo(executable = launcher, runfiles = ctx.runfiles([ctx.file.module, tool]))

go_wasm_size_test = rule(
    implementation = _go_wasm_size_test_impl,
    attrs = {
        "budget": attr.int(mandatory = True, doc = "How many bytes the module may have."),
        "module": attr.label(
            allow_single_file = [".wasm"],
            mandatory = True,
            doc = "A wasm module: a go_wasm_library, a go_wasm_binary, or any file.",
        ),
    },
    test = True,
    toolchains = [GOWASM_TYPE],
    doc = "Fails when a module is larger than its budget; its log says by package where the bytes are.",
)
