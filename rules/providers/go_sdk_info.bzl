"""A Go SDK as a toolchain."""

GoSdkInfo = provider(
    doc = "A release of Go, and the standard library that it makes for the target.",
    fields = {
        "cover": "depset of File: the cover tool",
        "root": "File: VERSION, which stands in the root of the SDK",
        "std": "File: the folder of the compiled standard library, for links",
        "std_export": "File: the folder with what importers need of it, for compilations",
        "tools": "depset of File: what the compile actions need: the programs and their headers",
        "wasm_exec": "File: wasm_exec.js, with which modules of GOOS=js run",
        "wasm_exec_node": "File: wasm_exec_node.js, which runs them in node",
    },
)
