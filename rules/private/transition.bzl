"""Modules are built for wasm, whatever the rest of the build is for."""

def _wasm_impl(_settings, attr):
    return {
        "//command_line_option:platforms": str(Label("//toolchains:" + attr.goos)),
        "//toolchains:goos": attr.goos,
    }

wasm_transition = transition(
    implementation = _wasm_impl,
    inputs = [],
    outputs = [
        "//command_line_option:platforms",
        "//toolchains:goos",
    ],
)

def _wasm_platform_impl(settings, _attr):
    return {"//command_line_option:platforms": str(Label("//toolchains:" + settings["//toolchains:goos"]))}

def _std_impl(settings, _attr):
    goos = settings["//toolchains:goos"]
    return {
        "//command_line_option:compilation_mode": "fastbuild",
        "//command_line_option:platforms": str(Label("//toolchains:" + goos)),
    }

# One standard library for modules of our platforms and of rules_go's, and for those that other rules build for
# the machine that runs actions.
std_transition = transition(
    implementation = _std_impl,
    inputs = ["//toolchains:goos"],
    outputs = [
        "//command_line_option:compilation_mode",
        "//command_line_option:platforms",
    ],
)

# A package that is asked for by itself is the same one that a module asks for.
wasm_platform_transition = transition(
    implementation = _wasm_platform_impl,
    inputs = ["//toolchains:goos"],
    outputs = ["//command_line_option:platforms"],
)
