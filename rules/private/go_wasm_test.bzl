"""Go tests, in the engine."""

load("//rules/private:actions.bzl", "GOWASM_TYPE")
load("//rules/private:go_wasm_test_module.bzl", "go_wasm_test_module")

# The package's files are copied: the program may not follow links out of what it is given.
_LAUNCHER = """\
#!/bin/sh
set -eu
temporary=${{TEST_TMPDIR:-$(mktemp -d)}}
mkdir -p "$temporary/package" "$temporary/tmp"
if [ -d '{package}' ]; then cp -RL '{package}/.' "$temporary/package"; fi
if [ -n "${{TESTBRIDGE_TEST_ONLY:-}}" ]; then set -- "-test.run=$TESTBRIDGE_TEST_ONLY" "$@"; fi
exec './{tool}' bazel report --name "${{TEST_TARGET:-{name}}}" ${{XML_OUTPUT_FILE:+--xml "$XML_OUTPUT_FILE"}} \\
    -- --dir "$temporary/package::/package" --dir "$temporary/tmp::/tmp" \\
    --env PWD=/package --env TMPDIR=/tmp {env} \\
    '{module}' -test.v=test2json "$@"
"""

def _go_wasm_run_test_impl(ctx):
    tool = ctx.toolchains[GOWASM_TYPE].gowasm.tool.executable
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(
            env = " ".join(["--env '%s=%s'" % pair for pair in sorted(ctx.attr.env.items())]),
            name = str(ctx.label),
            module = ctx.file.module.short_path,
            package = ctx.label.package or ".",
            tool = tool.short_path,
        ),
        is_executable = True,
    )
    runfiles = ctx.runfiles([ctx.file.module, tool] + ctx.files.data)
    return DefaultInfo(executable = launcher, runfiles = runfiles)

_go_wasm_run_test = rule(
    implementation = _go_wasm_run_test_impl,
    attrs = {
        "data": attr.label_list(allow_files = True, doc = "Files that the tests read."),
        "env": attr.string_dict(doc = "Environment variables of the tests."),
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
        data = [],
        env = {},
        tags = [],
        **kwargs):
    """Compiles a package's tests for wasip1 and runs them in the engine under `bazel test`.

    `--test_filter` is Go's `-test.run`, `--test_arg` gives other flags of test programs. Tests see the
    files in `data` that lie below their folder, which is the working directory, and a temporary folder;
    nothing else of the machine.

    Args:
        name: the target
        srcs: the test files, and the package's own where embed has them not
        embed: the go_wasm_package under test
        deps: packages that the tests import
        embedsrcs: files that `//go:embed` in the tests may name
        importpath: the import path of the package; that of embed without
        lang: version of the language; that of embed without
        data: files that the tests read
        env: environment variables of the tests
        tags: tags of the targets
        **kwargs: what every test has, such as size
    """
    go_wasm_test_module(
        name = name + ".module",
        testonly = True,
        srcs = srcs,
        embed = embed,
        embedsrcs = embedsrcs,
        importpath = importpath,
        lang = lang,
        tags = tags + ["manual"],
        visibility = ["//visibility:private"],
        deps = deps,
    )
    _go_wasm_run_test(
        name = name,
        data = data,
        env = env,
        module = name + ".module",
        tags = tags,
        **kwargs
    )
