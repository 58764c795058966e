"""The module extension, for `MODULE.bazel`."""

load("//rules/private:go_modules.bzl", "go_modules_repository")
load("//rules/private:releases.bzl", "GO", "GOWASM", "host_platform", "releases")
load("//rules/private:repositories.bzl", "go_sdk_repository", "gowasm_repository", "program_repository", "toolchains_repository")

_NO_TAG = struct(path = "", program = "", sha256s = {}, strip_prefix = "", urls = [], version = "")

_SOURCE_ATTRS = {
    "path": attr.string(doc = "Where it is on this machine."),
    "sha256": attr.string(doc = "The digest of the archive in `urls`."),
    "strip_prefix": attr.string(doc = "A folder of the archive to leave out."),
    "urls": attr.string_list(doc = "An archive, from any mirror."),
}

_RELEASE_ATTRS = {
    "sha256s": attr.string_dict(doc = "Digests of archives of `version` by platform, such as `linux-amd64`: for a version or a platform that this module has no digest of."),
    "version": attr.string(doc = "A version whose archives are fetched for the platforms that actions run on. With it `{version}`, `{os}` and `{arch}` in `urls` and `strip_prefix` stand for those of an archive, so that `urls` can name a mirror."),
}

_sdk = tag_class(
    attrs = _SOURCE_ATTRS | _RELEASE_ATTRS | {
        "goexperiment": attr.string(doc = "Experiments of Go's that are on where neither a target nor the build setting names others: `simd`."),
        "name": attr.string(default = "go", doc = "What `--@rules_go_wasm//toolchains:go_sdk` calls it."),
        "program": attr.string(doc = "The go command on the `PATH`, such as `go`: its SDK is used."),
        "strip_prefix": attr.string(doc = "A folder of the archive to leave out. Without it `go`, as archives of go.dev/dl have it, or with `version` that of the Go module."),
    },
    doc = """A Go SDK, 1.24 or newer.

One of `version`, `program`, `path` and `urls` says which; without them, and without any such tag, it is the newest version that this module has digests of. Its archives are those of the Go module `golang.org/toolchain`, from which the go command itself gets other versions; with `urls` of a company's Go proxy they come from there: `urls = ["https://PROXY/golang.org/toolchain/@v/v0.0.1-go{version}.{os}-{arch}.zip"]`.

Where there are several tags, the first SDK is used unless the build setting names another.""",
)

_gowasm = tag_class(
    attrs = _SOURCE_ATTRS | _RELEASE_ATTRS | {
        "cargo": attr.bool(doc = "Build it with cargo from the sources of this Bazel module, in some minutes."),
        "program": attr.string(doc = "The program on the `PATH`, such as `gowasm`."),
    },
    doc = """The gowasm program.

One of `version`, `program`, `path`, `cargo` and `urls` says which; without them, and without the tag, it is the one that was released with this module. A checkout that is no release knows none.""",
)

_PROGRAM_DOC = "The program on the `PATH`, where neither `path` nor `urls` is given; and what it is called in an archive."

_node = tag_class(
    attrs = _SOURCE_ATTRS | {
        "program": attr.string(default = "node", doc = _PROGRAM_DOC),
    },
    doc = "Node.js 20 or newer, in which modules of `goos = \"js\"` are verified. Without the tag there is no node. An archive is one as nodejs.org has it: `bin/node` below `strip_prefix`. Of a node on this machine its own file alone is used.",
)

_wasm_opt = tag_class(
    attrs = _SOURCE_ATTRS | {
        "program": attr.string(default = "wasm-opt", doc = _PROGRAM_DOC),
    },
    doc = "Binaryen's wasm-opt, for the attribute `wasm_opt`; a gowasm that was built with `--features wasm-opt` needs none. An archive is one as Binaryen's releases are: `bin/wasm-opt` below `strip_prefix`, and libraries below `lib`.",
)

_modules = tag_class(
    attrs = {
        "go": attr.string(doc = "The go command that fetches them, where it is not that of the first SDK; the root module's counts."),
        "go_mod": attr.label(mandatory = True, doc = "The go.mod file."),
        "go_sum": attr.label(mandatory = True, doc = "The go.sum file, which has the digests."),
        "name": attr.string(default = "go_modules", doc = "The repository to make. Tags of one name, in several Bazel modules too, make one."),
    },
    doc = "The packages of the Go modules that a go.mod requires: `@go_modules//IMPORTPATH`. [More](bazel.md#third-party-go-modules)",
)

def _go_modules_repositories(module_ctx, sdk):
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
            sdk = "@%s//:VERSION" % sdk,
        )

def _archives(tag, product, kind, host):
    """What a tag names: archives by platform, or one source for this machine, whose platform is "".

    Args:
        tag: a tag of `sdk` or `gowasm`, or None for the defaults
        product: GO or GOWASM
        kind: the tag's class
        host: the platform of this machine

    Returns:
        by platform the attributes of its repository
    """
    tag = tag or _NO_TAG
    sources = [name for name in ["version", "path", "program", "cargo"] if getattr(tag, name, None)]
    if tag.urls and sources != ["version"]:
        sources.append("urls")
    if len(sources) > 1:
        fail("a tag go_wasm.%s has %s: one alone can say which it is" % (kind, " and ".join(sources)))
    if sources and sources != ["version"]:
        return {"": {
            "path": tag.path,
            "program": tag.program,
            "sha256": tag.sha256,
            "strip_prefix": tag.strip_prefix or ("go" if kind == "sdk" else ""),
            "urls": tag.urls,
        } | ({"cargo": tag.cargo} if kind == "gowasm" else {})}
    return {
        platform: {
            "problem": release.problem,
            "sha256": release.sha256,
            "strip_prefix": release.strip_prefix,
            "urls": release.urls,
        }
        for platform, release in releases(product, tag, host).items()
    }

def _toolchain(type, target, platform, sdk = ""):
    return json.encode(struct(platform = platform, sdk = sdk, target = target, type = type))

def _platform_suffix(platform):
    return "_" + platform.replace("-", "_") if platform else ""

def _go_wasm_impl(module_ctx):
    host = host_platform(module_ctx.os)
    sdks = []
    gowasms = []
    programs = {"node": [], "wasm_opt": []}
    for module in module_ctx.modules:
        # Only the root module chooses, as with every toolchain.
        if module.is_root:
            sdks += module.tags.sdk
            gowasms += module.tags.gowasm
            programs["node"] += module.tags.node
            programs["wasm_opt"] += module.tags.wasm_opt
    toolchains = []
    host_sdks = {}
    for sdk in sdks or [None]:
        name = sdk.name if sdk else "go"
        if name in host_sdks:
            fail("two SDKs are named %s" % name)
        for platform, attributes in _archives(sdk, GO, "sdk", host).items():
            repository = "go_wasm_sdk_" + name + _platform_suffix(platform)
            go_sdk_repository(name = repository, goexperiment = sdk.goexperiment if sdk else "", **attributes)
            toolchains.append(_toolchain("go_sdk", "@%s//:sdk" % repository, platform, name))
            if platform in ["", host]:
                host_sdks[name] = repository
    if len(gowasms) > 1:
        fail("the gowasm program is named twice")
    for platform, attributes in _archives(gowasms[0] if gowasms else None, GOWASM, "gowasm", host).items():
        repository = "go_wasm_gowasm" + _platform_suffix(platform)
        gowasm_repository(name = repository, **attributes)
        toolchains.append(_toolchain("gowasm", "@%s//:toolchain" % repository, platform))
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
            toolchains.append(_toolchain(name, "@go_wasm_%s//:program" % name, ""))
    toolchains_repository(name = "go_wasm_toolchains", toolchains = toolchains)
    _go_modules_repositories(module_ctx, host_sdks.values()[0])

    # The repositories follow from the tags alone; what is in them is theirs to say.
    return module_ctx.extension_metadata(reproducible = True)

go_wasm = module_extension(
    implementation = _go_wasm_impl,
    arch_dependent = True,
    os_dependent = True,
    tag_classes = {
        "gowasm": _gowasm,
        "modules": _modules,
        "node": _node,
        "sdk": _sdk,
        "wasm_opt": _wasm_opt,
    },
    doc = "Go SDKs, the gowasm program, node, wasm-opt and third-party Go modules. Programs are those that the root module names; `modules` counts in every module.",
)
