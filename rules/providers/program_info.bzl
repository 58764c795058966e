"""Somebody else's program as a toolchain."""

ProgramInfo = provider(
    doc = "A program that some actions run.",
    fields = {
        "files": "depset of File: the program, and the libraries beside it",
        "program": "File: what is started",
    },
)
