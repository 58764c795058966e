"""A bridge to rules_go: wasm modules of `go_library` targets.

The sources of a `go_library` and of all that it depends on are compiled by the actions of this module, with
its own Go SDK; rules_go says which they are. Its archives are not used, so nothing is built with its toolchain.

This Bazel module does not depend on rules_go. Whoever does so makes the rules, in a .bzl file:

    load("@rules_go//go:def.bzl", "GoInfo")
    load("@rules_go_wasm//rules:rules_go.bzl", "bridge_aspect", "bridge_library")

    go_wasm_aspect = bridge_aspect(GoInfo)
    go_wasm_library = bridge_library(go_wasm_aspect, Label("@rules_go//go/toolchain:wasip1_wasm"))
"""

load("//rules/private:actions.bzl", "TOOLCHAINS", "compile_action")
load("//rules/private:go_wasm_package.bzl", "build_tags")
load("//rules/private:go_wasm_vet.bzl", _vet_aspect = "vet_aspect")
load("//rules/private:module.bzl", "module_rule")
load("//rules/private:transition.bzl", "module_transition")
load("//rules/providers:go_wasm_package_info.bzl", "GoWasmPackageInfo")
load("//toolchains:settings.bzl", "SettingInfo")

def bridge_aspect(GoInfo):
    """An aspect that compiles what rules_go knows as Go packages.

    Args:
        GoInfo: the provider of rules_go

    Returns:
        aspect, to be a global variable
    """

    def _impl(target, ctx):
        if GoInfo not in target or GoWasmPackageInfo in target:
            return []
        go = target[GoInfo]
        deps = [dep for dep in getattr(ctx.rule.attr, "deps", []) if GoWasmPackageInfo in dep]
        infos = [dep[GoWasmPackageInfo] for dep in deps]
        for embedded in getattr(ctx.rule.attr, "embed", []):
            if GoWasmPackageInfo in embedded:
                infos += embedded[GoWasmPackageInfo].source.deps.to_list()
        return [compile_action(
            ctx,
            # Beside the outputs of rules_go.
            name = ctx.label.name + ".gowasm",
            importpath = go.importpath,
            srcs = [file for file in go.srcs if file.extension in ["go", "s", "h"]],
            embedsrcs = list(go.embedsrcs),
            infos = infos,
            importmap = go.importmap,
            flags = go.gc_goopts,
            x_defs = go.x_defs,
            goos = ctx.attr._goos[SettingInfo].value,
            tags = build_tags(ctx),
        )]

    return aspect(
        implementation = _impl,
        attr_aspects = ["deps", "embed"],
        attrs = {
            "_goos": attr.label(default = Label("//toolchains:goos")),
            "_tags": attr.label(default = Label("//toolchains:tags")),
            "_target_tags": attr.label(default = Label("//toolchains:target_tags")),
        },
        toolchains = TOOLCHAINS,
        doc = "Compiles the Go packages of rules_go for wasm.",
    )

def _rule(aspect, platform, buildmode, doc):
    return module_rule(
        buildmode,
        ["wasip1"],
        doc,
        aspects = [aspect],
        # The platform as rules_go calls it: its `select` conditions hold.
        cfg = module_transition(platform),
    )

def bridge_library(aspect, platform):
    """The rule `go_wasm_library`, whose `embed` and `deps` take targets of rules_go too.

    Args:
        aspect: what bridge_aspect returned
        platform: Label of rules_go's platform for wasip1

    Returns:
        rule, to be a global variable
    """
    return _rule(aspect, platform, "c-shared", "A reactor, of packages of rules_go.")

def bridge_binary(aspect, platform):
    """The rule `go_wasm_binary` for wasip1, whose `embed` and `deps` take targets of rules_go too.

    Args:
        aspect: what bridge_aspect returned
        platform: Label of rules_go's platform for wasip1

    Returns:
        rule, to be a global variable
    """
    return _rule(aspect, platform, "exe", "A command, of packages of rules_go.")

# An aspect that judges the directives of what the aspects have compiled that it is given.
vet_aspect = _vet_aspect
