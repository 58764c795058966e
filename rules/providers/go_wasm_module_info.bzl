"""What a wasm module tells the rules that use it."""

GoWasmModuleInfo = provider(
    doc = "A wasm module that has been verified.",
    fields = {
        "buildmode": "string: `c-shared` for a reactor, `exe` for a command",
        "exports": "File: the names of the functions that directives in the module's packages export, one a line",
        "goos": "string: `wasip1` or `js`",
        "manifest": "File: the interface, JSON",
        "module": "File: the wasm module",
        "verdict": "File: what the verification did and saw, JSON",
    },
)
