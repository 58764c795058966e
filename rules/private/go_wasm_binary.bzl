"""A command."""

load("//rules/private:module.bzl", "module_rule")

go_wasm_binary = module_rule(
    buildmode = "exe",
    gooses = [
        "js",
        "wasip1",
    ],
    doc = """Builds a wasm module with `-buildmode=exe`: a command, which a host starts with `_start`. The build fails when the program, or a call of the plan, fails.

`bazel run //tool -- ARGUMENTS` runs it: one for wasip1 in the engine, where it sees the user's environment and the folder that `bazel run` was called in, and nothing else of the machine; one for js in the node of `go_wasm.node`. As a tool of an action or in the `data` of a test, NAME.sh is the program that does so.""",
)
