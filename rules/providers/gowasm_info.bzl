"""The gowasm program as a toolchain."""

GowasmInfo = provider(
    doc = "The program that every action runs.",
    fields = {
        "tool": "FilesToRunProvider: the program",
    },
)
