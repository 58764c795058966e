"""The options of `gowasm build` that are attributes of modules and flags of one action, each declared once.

An attribute `memory_limit` is the flag `--memory-limit`. Options that mean more to Bazel than a flag, such as `plan`
and `wasm_opt`, are with the rule.
"""

# Flags of `gowasm bazel link`.
LINK_OPTIONS = {
    "deny": attr.string_list(
        doc = "Warnings that are errors, in all packages of the module but those of other people: codes such as `GW018`, or `warnings` for all. Those of `--@rules_go_wasm//toolchains:deny` come to them.",
    ),
    "embed_manifest": attr.bool(
        doc = "Put the manifest into the module as well, for `gowasm inspect`.",
    ),
    "guard": attr.string(
        values = ["full", "allow-exit", "none"],
        default = "full",
        doc = "Which calls at a wrong time the exports refuse, with a trap that says why: `full`, those before init, after a trap and after an exit; `allow-exit`, not those after an exit; `none`. Modules for js have no guard.",
    ),
}

# Flags of `gowasm bazel verify` and `gowasm verify`.
VERIFY_OPTIONS = {
    "memory_limit": attr.string(
        doc = "How much memory the module may use while it is verified, such as `2G`; `1G` without.",
    ),
    "missing_imports": attr.string(
        values = ["", "refuse", "stop", "trap"],
        doc = "What becomes of imports that neither WASI nor the plan supplies: `trap` when they are called; `refuse` the module; or `stop` at the first call, so that what comes before it is what is verified. What the plan says, or `trap`, without.",
    ),
    "step_limit": attr.string(
        doc = "How many instructions each step of the verification may take.",
    ),
    "time_limit": attr.int(
        doc = "How long all of the verification may take, in seconds.",
    ),
}

# Flags of `gowasm wasm-opt`.
WASM_OPT_OPTIONS = {
    "wasm_opt_memory_limit": attr.string(
        doc = "How much memory wasm-opt may use; `4G` without.",
    ),
    "wasm_opt_time_limit": attr.int(
        doc = "How long wasm-opt may take, in seconds; 600 without.",
    ),
}

def option_flags(ctx, options, prefix = ""):
    """What the attributes of a target are as flags.

    Args:
        ctx: the rule's context
        options: one of the dicts above
        prefix: what the attributes' names begin with and the flags' do not

    Returns:
        list of strings, none for an attribute without a value
    """
    flags = []
    for name in options:
        flag = "--" + name.removeprefix(prefix).replace("_", "-")
        value = getattr(ctx.attr, name)
        if type(value) == "bool":
            flags += [flag] if value else []
        else:
            values = value if type(value) == "list" else [value] if value else []
            flags += ["%s=%s" % (flag, one) for one in values]
    return flags
