"""Programs that Bazel starts: tests, and what `bazel run` runs."""

load("//rules/private:actions.bzl", "GOWASM_TYPE")

def quote(word):
    """A word of a shell's.

    Args:
        word: any string

    Returns:
        string
    """
    return "'" + word.replace("'", "'\\''") + "'"

def gowasm_launcher(ctx, words):
    """Writes a program that becomes the gowasm tool, in the folder of the runfiles.

    Args:
        ctx: the rule's context
        words: the tool's arguments

    Returns:
        the program's File, and that of the tool, which it needs
    """
    tool = ctx.toolchains[GOWASM_TYPE].gowasm.tool.executable
    launcher = ctx.actions.declare_file(ctx.label.name)
    path = tool.short_path if "/" in tool.short_path else "./" + tool.short_path
    ctx.actions.write(
        launcher,
        "#!/bin/sh\nexec %s\n" % " ".join([quote(word) for word in [path] + words]),
        is_executable = True,
    )
    return launcher, tool
