"""What a compiled Go package tells the rules that link it."""

GoWasmPackageInfo = provider(
    doc = "A Go package, compiled for wasm.",
    fields = {
        "archive": "File: the package archive",
        "directives": "File: the directives in the package, JSON",
        "export": "File: what those need to compile that import the package",
        "imported_as": "string: the import path in sources, which a go_library of rules_go may have another one for",
        "importpath": "string: the import path",
        "source": "struct(label, srcs, embedsrcs, deps, goos, lang, module, imported_as, flags, x_defs, cover): what it was compiled from",
        "transitive": "depset of struct(importpath, archive, directives, source): this package and all that it needs, without the standard library, each after what it imports",
    },
)
