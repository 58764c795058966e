"""The gowasm tool as a toolchain."""

GowasmInfo = provider(
    doc = "The program that every action runs.",
    fields = {
        "tool": "FilesToRunProvider: the program",
    },
)
