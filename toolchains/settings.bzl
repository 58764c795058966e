"""Build settings."""

SettingInfo = provider(
    doc = "The value of a build setting.",
    fields = {"value": "string, list of strings or bool"},
)

def _string_setting_impl(ctx):
    value = ctx.build_setting_value
    if ctx.attr.values and value not in ctx.attr.values:
        fail("%s is `%s`; it can be %s" % (ctx.label, value, " or ".join(ctx.attr.values)))
    return SettingInfo(value = value)

string_setting = rule(
    implementation = _string_setting_impl,
    build_setting = config.string(flag = True),
    attrs = {"values": attr.string_list(doc = "What it can be; anything without.")},
    doc = "A build setting with one value.",
)

def _string_list_setting_impl(ctx):
    return SettingInfo(value = ctx.build_setting_value)

string_list_setting = rule(
    implementation = _string_list_setting_impl,
    build_setting = config.string_list(flag = True),
    doc = "A build setting with several values.",
)

def _stamping_impl(ctx):
    return SettingInfo(value = ctx.attr.value)

stamping = rule(
    implementation = _stamping_impl,
    attrs = {"value": attr.bool(doc = "Whether Bazel was given `--stamp`.", mandatory = True)},
    doc = "Bazel's `--stamp`, for rules to ask.",
)
