"""A reactor."""

load("//rules/private:module.bzl", "module_rule")

go_wasm_library = module_rule(
    buildmode = "c-shared",
    gooses = ["wasip1"],
    doc = "Builds a wasm module with `-buildmode=c-shared`: a reactor, whose exports a host calls after `_initialize`. The build fails when init, or a call of the plan, fails.",
)
