"""The module extension: Go SDKs, the gowasm tool, node, wasm-opt and third-party Go modules."""

load("//rules/private:go_modules.bzl", "go_modules_repository")
load("//rules/private:repositories.bzl", "go_sdk_repository", "gowasm_repository", "program_repository", "toolchains_repository")

_SOURCE_ATTRS = {
    "path": attr.string(doc = "Where it is on this machine."),
    "sha256": attr.string(doc = "Of the archive."),
    "strip_prefix": attr.string(doc = "A folder of the archive to leave out."),
    "urls": attr.string_list(doc = "An archive, from any mirror."),
}

_sdk = tag_class(
    attrs = _SOURCE_ATTRS | {
        "name": attr.string(default = "go", doc = "What `--@rules_go_wasm//toolchains:go_sdk` calls it."),
        "program": attr.string(default = "go", doc = "The go command on the PATH, where neither path nor urls is given."),
    },
    doc = "A Go SDK, 1.24 or newer. Where there are several, the first is used unless the build setting names another.",
)

_tool = tag_class(
    attrs = _SOURCE_ATTRS | {
        "cargo": attr.bool(doc = "Build it with cargo from the sources of this Bazel module."),
        "program": attr.string(default = "gowasm", doc = "The program on the PATH, where nothing else is given."),
    },
    doc = "The gowasm tool.",
)

_PROGRAM_DOC = "The program on the PATH, where neither path nor urls is given, and in an archive."

_node = tag_class(
    attrs = _SOURCE_ATTRS | {
        "program": attr.string(default = "node", doc = _PROGRAM_DOC),
    },
    doc = "Node.js 20 or newer, in which modules of `goos = \"js\"` are verified.",
)

_wasm_opt = tag_class(
    attrs = _SOURCE_ATTRS | {
        "program": attr.string(default = "wasm-opt", doc = _PROGRAM_DOC),
    },
    doc = "Binaryen's wasm-opt, for a gowasm that was built without it.",
)

_modules = tag_class(
    attrs = {
        "go": attr.string(doc = "The go command, where it is not the one on the PATH."),
        "go_mod": attr.label(mandatory = True, doc = "go.mod"),
        "go_sum": attr.label(mandatory = True, doc = "go.sum"),
        "name": attr.string(default = "go_modules", doc = "The repository to make."),
    },
    doc = "The packages of the Go modules that a go.mod requires: `@go_modules//IMPORTPATH`. Tags of one name in several Bazel modules make one repository, with the least version of each Go module that serves all.",
)

def _go_modules_repositories(module_ctx):
    """Tags of one name, of all Bazel modules, are one repository: a Go module has one version in it."""
    by_name = {}
    for module in module_ctx.modules:
        for tag in module.tags.modules:
            roots, others = by_name.setdefault(tag.name, ([], []))
            (roots if module.is_root else others).append(tag)
    for name, (roots, others) in by_name.items():
        go_modules_repository(
            name = name,
            # Only the root module chooses programs.
            go = ([tag.go for tag in roots if tag.go] + [""])[0],
            go_mods = [tag.go_mod for tag in roots + others],
            go_sums = [tag.go_sum for tag in roots + others],
            roots = len(roots),
        )

def _go_wasm_impl(module_ctx):
    _go_modules_repositories(module_ctx)
    sdks = []
    tools = []
    programs = {"node": [], "wasm_opt": []}
    for module in module_ctx.modules:
        # Only the root module chooses, as with every toolchain.
        if module.is_root:
            sdks += module.tags.sdk
            tools += module.tags.tool
            programs["node"] += module.tags.node
            programs["wasm_opt"] += module.tags.wasm_opt
    names = []
    for sdk in sdks:
        if sdk.name in names:
            fail("two SDKs are named %s" % sdk.name)
        names.append(sdk.name)
        go_sdk_repository(
            name = "go_wasm_sdk_" + sdk.name,
            path = sdk.path,
            program = sdk.program,
            sha256 = sdk.sha256,
            strip_prefix = sdk.strip_prefix or "go",
            urls = sdk.urls,
        )
    if not names:
        names = ["go"]
        go_sdk_repository(name = "go_wasm_sdk_go", program = "go")
    if len(tools) > 1:
        fail("the gowasm tool is named twice")
    if tools:
        gowasm_repository(
            name = "go_wasm_tool",
            cargo = tools[0].cargo,
            path = tools[0].path,
            program = tools[0].program,
            sha256 = tools[0].sha256,
            strip_prefix = tools[0].strip_prefix,
            urls = tools[0].urls,
        )
    else:
        gowasm_repository(name = "go_wasm_tool", program = "gowasm")
    for name, tags in programs.items():
        if len(tags) > 1:
            fail("%s is named twice" % name)
        for tag in tags:
            program_repository(
                name = "go_wasm_" + name,
                path = tag.path,
                program = tag.program,
                sha256 = tag.sha256,
                strip_prefix = tag.strip_prefix,
                urls = tag.urls,
            )
    programs = [name for name, tags in programs.items() if tags]
    toolchains_repository(name = "go_wasm_toolchains", programs = programs, sdks = names)

    # The repositories follow from the tags alone; what is in them is theirs to say.
    return module_ctx.extension_metadata(reproducible = True)

go_wasm = module_extension(
    implementation = _go_wasm_impl,
    tag_classes = {
        "modules": _modules,
        "node": _node,
        "sdk": _sdk,
        "tool": _tool,
        "wasm_opt": _wasm_opt,
    },
    doc = "Go SDKs, the gowasm tool, node, wasm-opt and third-party Go modules.",
)
