"""A verification as a test."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "GO_SDK_TYPE")
load("//rules/private:options.bzl", "VERIFY_OPTIONS", "option_flags")
load("//rules/private:program.bzl", "NODE_TYPE", "PROGRAMS", "node_for_js", "program_of")
load("//rules/private:runner.bzl", "gowasm_launcher")
load("//rules/providers:go_wasm_module_info.bzl", "GoWasmModuleInfo")

def _go_wasm_verify_test_impl(ctx):
    arguments = ["verify", ctx.file.module.short_path, "--plan", ctx.file.plan.short_path]
    files = [ctx.file.module, ctx.file.plan]
    node = program_of(ctx, NODE_TYPE) if ctx.attr.engine == "node" else None
    if GoWasmModuleInfo in ctx.attr.module:
        info = ctx.attr.module[GoWasmModuleInfo]
        arguments += ["--manifest", info.manifest.short_path]
        files.append(info.manifest)
        if info.goos == "js":
            node = node_for_js(ctx)
            sdk = ctx.toolchains[GO_SDK_TYPE].sdk
            arguments += ["--goroot", sdk.root.short_path.rpartition("/")[0]]
            files += [sdk.root, sdk.wasm_exec]
    if node:
        arguments += ["--node", node.program.short_path]
    if ctx.attr.engine:
        arguments += ["--engine", ctx.attr.engine]
    arguments += option_flags(ctx, VERIFY_OPTIONS)
    launcher, tool = gowasm_launcher(ctx, arguments)
    return DefaultInfo(executable = launcher, runfiles = ctx.runfiles(files + [tool], transitive_files = node.files if node else None))

go_wasm_verify_test = rule(
    implementation = _go_wasm_verify_test_impl,
    attrs = VERIFY_OPTIONS | {
        "engine": attr.string(doc = "What runs the module, as `gowasm verify --engine` calls it; without, wasmi, or node for a module for js. Node is that of `go_wasm.node`; wasmtime must be inside the gowasm program."),
        "module": attr.label(
            allow_single_file = [".wasm"],
            mandatory = True,
            doc = "A wasm module: a go_wasm_library, a go_wasm_binary, or any file.",
        ),
        "plan": attr.label(
            allow_single_file = [".toml"],
            mandatory = True,
            doc = "The [plan](plans.md) of what the module must do.",
        ),
    },
    test = True,
    toolchains = [GOWASM_TYPE, GO_SDK_TYPE] + PROGRAMS,
    doc = "Runs a module as a plan says, under `bazel test`.",
)
