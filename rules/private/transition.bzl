"""Modules are built for wasm, whatever the rest of the build is for."""

_PLATFORMS = "//command_line_option:platforms"

# Labels, not strings: rules may be made in files of other repositories.
_GOEXPERIMENT = str(Label("//toolchains:goexperiment"))
_GOOS = str(Label("//toolchains:goos"))
_GO_SDK = str(Label("//toolchains:go_sdk"))
_TARGET_TAGS = str(Label("//toolchains:target_tags"))

# What a module is built with, it and all that it needs.
BUILD_ATTRS = {
    "goexperiment": attr.string(
        doc = "Experiments of Go's, as the variable GOEXPERIMENT names them: `simd,jsonv2`. Those of `--@rules_go_wasm//toolchains:goexperiment`, or of the SDK, without.",
    ),
    "gotags": attr.string_list(
        doc = "Build tags, beside those of `--@rules_go_wasm//toolchains:tags`.",
    ),
    "sdk": attr.string(
        doc = "The name of the SDK, of those that MODULE.bazel has; that of `--@rules_go_wasm//toolchains:go_sdk`, or the first one, without.",
    ),
    "_allowlist_function_transition": attr.label(
        default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
    ),
}

def module_transition(platform = None):
    """To what a module is built for and with.

    Args:
        platform: Label of the platform; ours for the module's goos without

    Returns:
        transition, for a rule with BUILD_ATTRS
    """

    # What a target says nothing of stays as it is: a test has a module under test built as the test is.
    def _impl(settings, attr):
        return {
            _GOEXPERIMENT: attr.goexperiment or settings[_GOEXPERIMENT],
            _GOOS: attr.goos,
            _GO_SDK: attr.sdk or settings[_GO_SDK],
            _PLATFORMS: str(platform or Label("//toolchains:" + attr.goos)),
            _TARGET_TAGS: sorted({tag: None for tag in attr.gotags}) or settings[_TARGET_TAGS],
        }

    return transition(
        implementation = _impl,
        inputs = [_GOEXPERIMENT, _GO_SDK, _TARGET_TAGS],
        outputs = [_GOEXPERIMENT, _GOOS, _GO_SDK, _PLATFORMS, _TARGET_TAGS],
    )

wasm_transition = module_transition()

def _wasm_platform_impl(settings, _attr):
    return {_PLATFORMS: str(Label("//toolchains:" + settings[_GOOS]))}

def _std_impl(settings, _attr):
    return {
        "//command_line_option:compilation_mode": "fastbuild",
        _PLATFORMS: str(Label("//toolchains:" + settings[_GOOS])),
        _TARGET_TAGS: [],
    }

# One standard library for modules of our platforms and of rules_go's, for those of any build tags, and for those that
# other rules build for the machine that runs actions.
std_transition = transition(
    implementation = _std_impl,
    inputs = [_GOOS],
    outputs = [
        "//command_line_option:compilation_mode",
        _PLATFORMS,
        _TARGET_TAGS,
    ],
)

# A package that is asked for by itself is the same one that a module asks for.
wasm_platform_transition = transition(
    implementation = _wasm_platform_impl,
    inputs = [_GOOS],
    outputs = [_PLATFORMS],
)
