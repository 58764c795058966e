"""What a compiled Go package tells the rules that link it."""

GoWasmPackageInfo = provider(
    doc = "A Go package, compiled for wasm: what it tells the rules that link it.",
    fields = {
        "archive": "File: the package archive: code, for links",
        "directives": "File: the directives in the package, JSON",
        "export": "File: what those need to compile that import the package",
        "files": "depset of File: the archives and directives of transitive",
        "height": "int: the number of packages on the longest path down its imports, itself counted",
        "imported_as": "string: the import path in sources, which a go_library of rules_go may have another one for",
        "importpath": "string: the import path, as the linker knows it",
        "source": "struct(label, srcs, embedsrcs, deps, std, goos, lang, module, imported_as, flags, x_defs, cover): what it was compiled from; deps is a depset of GoWasmPackageInfo",
        "stamps": "bool: whether its x_defs, or those of what it needs, may name variables of the workspace's status",
        "transitive": "depset of struct(importpath, archive, directives, label, x_defs): this package and all that it needs, of the standard library too, each after what it imports",
    },
)
