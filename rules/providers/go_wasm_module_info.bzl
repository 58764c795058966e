"""What a wasm module tells the rules that use it."""

GoWasmModuleInfo = provider(
    doc = "A wasm module: what it tells the rules that use it.",
    fields = {
        "buildmode": "string: `c-shared` for a reactor, `exe` for a command",
        "exports": "File: the names of the functions that directives in the module's packages export, one a line. They are known once the packages are compiled, so rules can only pass the file on; the manifest has the types, too",
        "goos": "string: `wasip1` or `js`",
        "manifest": "File: the [interface](manifest.md), JSON",
        "module": "File: the wasm module",
        "verdict": "File: what the verification did and saw, JSON; `None` with `verify = False`",
    },
)
