"""Go tests, in the engine."""

load("//rules/private:actions.bzl", "GOWASM_TYPE")
load("//rules/private:go_wasm_test_module.bzl", "go_wasm_test_module")
load("//rules/private:runner.bzl", "quote")

_LAUNCHER = """\
#!/bin/sh
exec {tool} bazel run-test --module {module} --package {package} --hide {tool} --hide {launcher} {coverage}-- "$@"
"""

def _go_wasm_run_test_impl(ctx):
    tool = ctx.toolchains[GOWASM_TYPE].gowasm.tool.executable
    launcher = ctx.actions.declare_file(ctx.label.name)
    repository = ctx.label.repo_name or ctx.workspace_name
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(
            coverage = "--coverage " if ctx.configuration.coverage_enabled else "",
            launcher = quote(launcher.short_path),
            module = quote(ctx.file.module.short_path),
            package = quote(repository + "/" + ctx.label.package if ctx.label.package else repository),
            tool = quote(tool.short_path if "/" in tool.short_path else "./" + tool.short_path),
        ),
        is_executable = True,
    )
    runfiles = ctx.runfiles([ctx.file.module, tool] + ctx.files.data)
    runfiles = runfiles.merge_all([data[DefaultInfo].default_runfiles for data in ctx.attr.data])
    return [
        DefaultInfo(executable = launcher, runfiles = runfiles),
        coverage_common.instrumented_files_info(ctx, dependency_attributes = ["module"]),
        RunEnvironmentInfo(
            environment = {
                name: ctx.expand_location(value, ctx.attr.data)
                for name, value in ctx.attr.env.items()
            },
            inherited_environment = ctx.attr.env_inherit,
        ),
    ]

_go_wasm_run_test = rule(
    implementation = _go_wasm_run_test_impl,
    attrs = {
        "data": attr.label_list(allow_files = True, doc = "Files that the tests read."),
        "env": attr.string_dict(doc = "Environment variables of the tests."),
        "env_inherit": attr.string_list(doc = "Environment variables that the tests have from outside."),
        "module": attr.label(allow_single_file = [".wasm"], mandatory = True, doc = "The test program."),
    },
    test = True,
    toolchains = [GOWASM_TYPE],
)

def go_wasm_test(
        name,
        srcs,
        embed = [],
        deps = [],
        embedsrcs = [],
        importpath = "",
        lang = "",
        std = ["std"],
        gc_goopts = [],
        gotags = [],
        goexperiment = "",
        sdk = "",
        data = [],
        env = {},
        env_inherit = [],
        tags = [],
        **kwargs):
    """Compiles a package's tests for wasip1 and runs them in the engine under `bazel test`.

    Each Go test is a case in `test.xml`. Of Bazel's options `--test_filter` is Go's `-test.run`,
    `--test_runner_fail_fast` is `-test.failfast`, `--test_arg` gives other flags; `shard_count` spreads tests, examples
    and benchmarks over processes. A little before Bazel's timeout `-test.timeout` ends the program with the stacks of
    all goroutines, and what does not let it is ended by the runner: the report says which test did not end.

    `bazel coverage` writes LCOV: `go tool cover` has the packages count that `--instrumentation_filter` lets, those that
    a test imports too. No merger of Bazel's is needed for it.

    The program sees the folder `/runfiles`, a copy of the test's runfiles, with its package's folder in it as working
    directory; `/tmp`; and `/outputs`, which is Bazel's folder for undeclared outputs. Variables that Bazel sets, such
    as `TEST_SRCDIR`, `TEST_TMPDIR` and `TEST_UNDECLARED_OUTPUTS_DIR`, name these. It sees the environment that Bazel
    gives the test, `--test_env` too, and nothing else of the machine.

    Args:
        name: the target
        srcs: the test files, and the package's own where `embed` has them not
        embed: what is under test: a `go_wasm_package`, or a module of package main that has `srcs`
        deps: packages that the tests import
        embedsrcs: files that `//go:embed` in the tests may name
        importpath: the import path of the package; that of `embed` without
        lang: version of the language; that of `embed` without
        std: the packages of the [standard library](bazel.md#the-standard-library) that `srcs` import: only these are
            compiled, those that `embed` has, and what every test program needs; all of it without
        gc_goopts: further flags of `go tool compile`, beside those of `embed`
        gotags: build tags of the test and all that it needs, beside those of `--@rules_go_wasm//toolchains:tags`
        goexperiment: experiments of Go's, as the variable GOEXPERIMENT names them
        sdk: the name of the SDK, of those that MODULE.bazel has
        data: files that the tests read, of any package: `testdata/x`, `../other/y`
        env: environment variables of the tests; `$(rootpath LABEL)` and its like name files of `data`
        env_inherit: environment variables that the tests have from where Bazel was started
        tags: tags of the targets
        **kwargs: what every test has, such as `size`
    """
    go_wasm_test_module(
        name = name + ".module",
        testonly = True,
        srcs = srcs,
        embed = embed,
        embedsrcs = embedsrcs,
        importpath = importpath,
        lang = lang,
        std = std,
        gc_goopts = gc_goopts,
        gotags = gotags,
        goexperiment = goexperiment,
        sdk = sdk,
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
        deps = deps,
    )
    _go_wasm_run_test(
        name = name,
        data = data,
        env = env,
        env_inherit = env_inherit,
        module = name + ".module",
        tags = tags,
        **kwargs
    )
