"""The toolchain of a Go SDK, and the standard library that is made of it."""

load("//rules/private:actions.bzl", "GOWASM_TYPE", "PATH_MAPPING", "compile_std_action", "std_packages")
load("//rules/private:transition.bzl", "std_transition")
load("//rules/providers:go_sdk_info.bzl", "GoSdkInfo")
load("//toolchains:settings.bzl", "SettingInfo")

GoStdInfo = provider(
    doc = "The packages of a standard library, each compiled by an action of its own when somebody needs it.",
    fields = {
        "packages": "dict of GoWasmPackageInfo, by import path, each behind what it imports",
        "toolchain_tags": "File: the build tags that the release and its experiments set",
    },
)

def _toolchain_tags(ctx, goos):
    output = ctx.actions.declare_file(ctx.label.name + ".tags.json")
    args = ctx.actions.args()
    args.add_all(["bazel", "tags"])
    args.add("--sdk", ctx.file.root.dirname)
    args.add("--goos", goos)
    args.add("--goexperiment=" + (ctx.attr._goexperiment[SettingInfo].value or ctx.attr.goexperiment))
    args.add("--output", output)
    ctx.actions.run(
        outputs = [output],
        inputs = ctx.files.go + [ctx.file.root],
        executable = ctx.toolchains[GOWASM_TYPE].gowasm.tool,
        arguments = [args],
        mnemonic = "GoWasmTags",
        progress_message = "Asking Go for its build tags",
        execution_requirements = PATH_MAPPING,
        toolchain = GOWASM_TYPE,
    )
    return output

def _sources(ctx):
    """The files of each package: what lies in a folder that is no package is there to be embedded above."""
    files = {}
    root = len(ctx.file.root.dirname + "/src/")
    for file in ctx.files.srcs:
        importpath = file.dirname[root:]
        for _ in range(importpath.count("/")):
            if importpath in ctx.attr.imports:
                break
            importpath = importpath.rpartition("/")[0]
        files.setdefault(importpath, []).append(file)
    return files

def _go_std_impl(ctx):
    goos = ctx.attr._goos[SettingInfo].value
    sdk = struct(
        root = ctx.file.root,
        toolchain_tags = _toolchain_tags(ctx, goos),
        tools = depset(ctx.files.tools + [ctx.file.root]),
    )
    sources = _sources(ctx)
    packages = {}
    for importpath, imports in ctx.attr.imports.items():
        packages[importpath] = compile_std_action(
            ctx,
            sdk,
            importpath = importpath,
            srcs = sources[importpath],
            infos = [packages[path] for path in imports],
            goos = goos,
        )
    return [
        DefaultInfo(files = depset([info.archive for info in packages.values()])),
        GoStdInfo(packages = packages, toolchain_tags = sdk.toolchain_tags),
    ]

go_std = rule(
    implementation = _go_std_impl,
    attrs = {
        "go": attr.label_list(allow_files = True, doc = "The go command and its settings."),
        "goexperiment": attr.string(doc = "Experiments of Go's that are on where the build names no others."),
        "imports": attr.string_list_dict(mandatory = True, doc = "What each package imports, behind that."),
        "root": attr.label(allow_single_file = True, mandatory = True, doc = "VERSION"),
        "srcs": attr.label_list(allow_files = True, doc = "The files of all packages."),
        "tools": attr.label_list(allow_files = True, doc = "What a compile action runs and reads."),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
        "_goexperiment": attr.label(default = "//toolchains:goexperiment"),
        "_goos": attr.label(default = "//toolchains:goos"),
    },
    cfg = std_transition,
    toolchains = [GOWASM_TYPE],
    doc = "The standard library, an action a package: a build compiles those that it needs.",
)

def _go_sdk_impl(ctx):
    std = ctx.attr.std[GoStdInfo]
    sdk = GoSdkInfo(
        all_of_std = std_packages(std.packages.values()),
        cover = depset(ctx.files.cover),
        root = ctx.file.root,
        std = std.packages,
        toolchain_tags = std.toolchain_tags,
        tools = depset(ctx.files.tools + [ctx.file.root]),
        wasm_exec = ctx.file.wasm_exec,
        wasm_exec_node = ctx.file.wasm_exec_node,
    )
    return platform_common.ToolchainInfo(sdk = sdk)

go_sdk = rule(
    implementation = _go_sdk_impl,
    attrs = {
        "cover": attr.label_list(allow_files = True, doc = "The cover tool."),
        "root": attr.label(allow_single_file = True, mandatory = True, doc = "VERSION"),
        "std": attr.label(mandatory = True, providers = [GoStdInfo], doc = "A go_std."),
        "tools": attr.label_list(allow_files = True, doc = "What a compile action runs and reads."),
        "wasm_exec": attr.label(allow_single_file = True, mandatory = True, doc = "wasm_exec.js"),
        "wasm_exec_node": attr.label(allow_single_file = True, mandatory = True, doc = "wasm_exec_node.js"),
    },
    doc = "The toolchain of a Go SDK.",
)
