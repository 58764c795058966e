"""Releases of gowasm. In a checkout there are none: `cargo xtask release` fills this file in the archive that it makes."""

# {version}, {os} and {arch} stand for those of an archive.
GOWASM_URL = ""

# SHA-256 by version and platform.
GOWASM_SHA256 = {}
