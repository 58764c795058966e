"""A command."""

load("//rules/private:module.bzl", "module_rule")

go_wasm_binary = module_rule(
    buildmode = "exe",
    gooses = [
        "js",
        "wasip1",
    ],
    doc = """Builds a wasm module with `-buildmode=exe`: a command, which a host starts with `_start`.

Outputs NAME.wasm, NAME.manifest.json (output group `manifest`) and NAME.verdict.json (output group `verdict`). The build fails when the program, or a call of the plan, fails.""",
)
