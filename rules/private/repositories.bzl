"""Repositories of toolchains."""

load("//rules/private:releases.bzl", "platform_constraints")
load("//rules/private:std_packages.bzl", "std_packages")

def _find(repository_ctx):
    """A path that is given, or that of a program."""
    if repository_ctx.attr.path:
        return repository_ctx.path(repository_ctx.attr.path)

    # Whoever changes the PATH gets another repository.
    repository_ctx.getenv("PATH")
    found = repository_ctx.which(repository_ctx.attr.program)
    if not found:
        fail("there is no `%s` on the PATH: give the tag a path or urls" % repository_ctx.attr.program)
    return found

def _extract(repository_ctx):
    repository_ctx.download_and_extract(
        repository_ctx.attr.urls,
        sha256 = repository_ctx.attr.sha256,
        stripPrefix = repository_ctx.attr.strip_prefix,
    )

def _is_there(repository_ctx, places):
    """The first of some places that the archive has."""
    for place in places:
        if repository_ctx.path(place).exists:
            return place
    fail("the archive has none of %s: name the folder that has it as strip_prefix" % ", ".join(places))

def _metadata(repository_ctx):
    """What Bazel 8 and later may keep a repository by: one that is made of an archive of a known digest is always the same."""
    if hasattr(repository_ctx, "repo_metadata"):
        is_fixed = not hasattr(repository_ctx.attr, "urls") or repository_ctx.attr.urls and repository_ctx.attr.sha256
        return repository_ctx.repo_metadata(reproducible = bool(is_fixed))
    return None

_SOURCE_ATTRS = {
    "path": attr.string(),
    "program": attr.string(),
    "sha256": attr.string(),
    "strip_prefix": attr.string(),
    "urls": attr.string_list(),
}

# Why there is none. It is told to those alone who need one.
_PROBLEM_ATTRS = {"problem": attr.string()}

_SDK_BUILD = """\
load("{go_sdk}", "go_sdk", "go_std")
load(":std.bzl", "STD")

_TOOLS = glob(
    [
        "pkg/include/**",
        "pkg/tool/*/asm*",
        "pkg/tool/*/compile*",
    ],
    allow_empty = True,
)

go_std(
    name = "std",
    srcs = select({{
        "{is_js}": STD["js"]["srcs"],
        "{is_wasip1}": STD["wasip1"]["srcs"],
    }}),
    go = glob(
        [
            "bin/go",
            "bin/go.exe",
            "go.env",
        ],
        allow_empty = True,
    ),
    goexperiment = "{goexperiment}",
    imports = select({{
        "{is_js}": STD["js"]["imports"],
        "{is_wasip1}": STD["wasip1"]["imports"],
    }}),
    root = "VERSION",
    tools = _TOOLS,
)

go_sdk(
    name = "sdk",
    cover = glob(
        [
            "pkg/tool/*/cover",
            "pkg/tool/*/cover.exe",
        ],
        allow_empty = True,
    ),
    root = "VERSION",
    std = ":std",
    tools = _TOOLS,
    visibility = ["//visibility:public"],
    wasm_exec = "lib/wasm/wasm_exec.js",
    wasm_exec_node = "lib/wasm/wasm_exec_node.js",
)
"""

def _go_sdk_repository_impl(repository_ctx):
    if repository_ctx.attr.problem:
        fail(repository_ctx.attr.problem)
    if repository_ctx.attr.urls:
        _extract(repository_ctx)
        _is_there(repository_ctx, ["VERSION"])
    else:
        found = _find(repository_ctx)
        root = found
        if not repository_ctx.attr.path:
            asked = repository_ctx.execute([found, "env", "GOROOT"], environment = {"GOTOOLCHAIN": "local"})
            if asked.return_code != 0:
                fail("`%s env GOROOT` fails:\n%s" % (found, asked.stderr))
            root = repository_ctx.path(asked.stdout.strip())
        for entry in ["VERSION", "bin", "go.env", "lib", "pkg", "src"]:
            if root.get_child(entry).exists:
                repository_ctx.symlink(root.get_child(entry), entry)
        if not root.get_child("VERSION").exists:
            fail("%s is no Go SDK: it has no VERSION" % root)
    repository_ctx.file("std.bzl", "STD = %r\n" % std_packages(repository_ctx, repository_ctx.path("src")))
    repository_ctx.file("BUILD.bazel", _SDK_BUILD.format(
        go_sdk = Label("//rules/private:go_sdk.bzl"),
        goexperiment = repository_ctx.attr.goexperiment,
        is_js = Label("//toolchains:is_js"),
        is_wasip1 = Label("//toolchains:is_wasip1"),
    ))
    return _metadata(repository_ctx)

go_sdk_repository = repository_rule(
    implementation = _go_sdk_repository_impl,
    attrs = _SOURCE_ATTRS | _PROBLEM_ATTRS | {"goexperiment": attr.string()},
    configure = True,
    doc = "A Go SDK.",
)

_GOWASM_BUILD = """\
load("{gowasm}", "gowasm_toolchain")

gowasm_toolchain(
    name = "toolchain",
    program = "{program}",
    visibility = ["//visibility:public"],
)
"""

def _gowasm_repository_impl(repository_ctx):
    program = "gowasm.exe" if repository_ctx.os.name.startswith("windows") else "gowasm"
    if repository_ctx.attr.problem:
        fail(repository_ctx.attr.problem)
    if repository_ctx.attr.urls:
        _extract(repository_ctx)
        program = _is_there(repository_ctx, ["gowasm", "gowasm.exe"])
    elif repository_ctx.attr.cargo:
        manifest = repository_ctx.path(Label("//:MODULE.bazel")).dirname.get_child("Cargo.toml")
        cargo = repository_ctx.which("cargo")
        if not cargo:
            fail("there is no cargo on the PATH: install Rust, or give the tag a path or urls")
        repository_ctx.report_progress("building gowasm with cargo")
        built = repository_ctx.execute(
            [cargo, "build", "--release", "--locked", "--package", "gowasm", "--bin", "gowasm", "--manifest-path", manifest, "--target-dir", "target"],
            timeout = 3600,
        )
        if built.return_code != 0:
            fail("cargo cannot build gowasm:\n" + built.stderr)
        repository_ctx.symlink("target/release/" + program, program)
    else:
        repository_ctx.symlink(_find(repository_ctx), program)
    repository_ctx.file("BUILD.bazel", _GOWASM_BUILD.format(
        gowasm = Label("//rules/private:gowasm.bzl"),
        program = program,
    ))
    return _metadata(repository_ctx)

gowasm_repository = repository_rule(
    implementation = _gowasm_repository_impl,
    attrs = _SOURCE_ATTRS | _PROBLEM_ATTRS | {"cargo": attr.bool()},
    configure = True,
    doc = "The gowasm program.",
)

_PROGRAM_BUILD = """\
load("{rule}", "program_toolchain")

program_toolchain(
    name = "program",
    libraries = glob(
        [
            "lib/**/*.dylib",
            "lib/**/*.so",
            "lib/**/*.so.*",
        ],
        allow_empty = True,
    ),
    program = "{program}",
    visibility = ["//visibility:public"],
)
"""

def _program_repository_impl(repository_ctx):
    if repository_ctx.attr.urls:
        _extract(repository_ctx)
        program = _is_there(repository_ctx, [place % repository_ctx.attr.program for place in ["bin/%s", "%s", "bin/%s.exe", "%s.exe"]])
    else:
        source = _find(repository_ctx)
        program = "bin/" + source.basename
        repository_ctx.symlink(source, program)
    repository_ctx.file("BUILD.bazel", _PROGRAM_BUILD.format(
        program = program,
        rule = Label("//rules/private:program.bzl"),
    ))
    return _metadata(repository_ctx)

program_repository = repository_rule(
    implementation = _program_repository_impl,
    attrs = _SOURCE_ATTRS,
    configure = True,
    doc = "A program that some actions run.",
)

_TOOLCHAIN = """\
toolchain(
    name = "{name}",
    exec_compatible_with = {platform},
    target_settings = {settings},
    toolchain = "{target}",
    toolchain_type = "{type}",
)
"""

_SETTING = """\
config_setting(
    name = "{name}",
    flag_values = {{"{flag}": "{value}"}},
)
"""

def _toolchains_repository_impl(repository_ctx):
    parts = ['load("@platforms//host:constraints.bzl", "HOST_CONSTRAINTS")\n']
    toolchains = [json.decode(toolchain) for toolchain in repository_ctx.attr.toolchains]

    # SDKs are chosen by name; the first one also serves those who name none.
    names = {toolchain["sdk"]: None for toolchain in toolchains if toolchain["sdk"]}.keys()
    settings = {name: {"is_" + name: name} for name in names}
    settings[names[0]]["is_default"] = ""
    for name, value in [item for values in settings.values() for item in values.items()]:
        parts.append(_SETTING.format(
            name = name,
            flag = Label("//toolchains:go_sdk"),
            value = value,
        ))
    for toolchain in toolchains:
        for setting in settings.get(toolchain["sdk"], {"": ""}):
            constraints = platform_constraints(toolchain["platform"])
            parts.append(_TOOLCHAIN.format(
                name = "_".join([part for part in [toolchain["type"], setting, toolchain["platform"]] if part]),
                platform = constraints or "HOST_CONSTRAINTS",
                settings = [":" + setting] if setting else [],
                target = toolchain["target"],
                type = Label("//toolchains:%s_type" % toolchain["type"]),
            ))
    repository_ctx.file("BUILD.bazel", "\n".join(parts))
    return _metadata(repository_ctx)

toolchains_repository = repository_rule(
    implementation = _toolchains_repository_impl,
    attrs = {"toolchains": attr.string_list(doc = "JSON, each with `type`, `target`, `platform` and `sdk`.")},
    doc = "The toolchains to register.",
)
