"""A Go SDK as a toolchain."""

GoSdkInfo = provider(
    doc = "A release of Go, and the standard library that it makes for the target.",
    fields = {
        "all_of_std": "what std_packages gives of all packages in std",
        "cover": "depset of File: the cover tool",
        "root": "File: VERSION, which stands in the root of the SDK",
        "std": "dict of GoWasmPackageInfo: the packages of the standard library that the target has, by import path",
        "toolchain_tags": "File: the build tags that the release and its experiments set, JSON",
        "tools": "depset of File: what the compile actions need: the programs and their headers",
        "wasm_exec": "File: wasm_exec.js, with which modules of GOOS=js run",
        "wasm_exec_node": "File: wasm_exec_node.js, which runs them in node",
    },
)
