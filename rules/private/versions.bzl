"""Versions of Go modules and of Go, in their order."""

def newer(a, b, key):
    """The newer one of two versions.

    Args:
        a: a version
        b: another one
        key: semver_key or go_version_key

    Returns:
        string
    """
    return b if key(a) < key(b) else a

def semver_key(version):
    """What versions of Go modules are compared by, as semver.org has it.

    Args:
        version: such as `v1.2.3-rc.1` or `v0.0.0-20250212164326-ab4161dcf924`

    Returns:
        a value that is comparable
    """
    numbers, _, pre = version.removeprefix("v").partition("+")[0].partition("-")
    parts = [int(part) if part.isdigit() else 0 for part in numbers.split(".")]
    identifiers = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")]

    # Before a release come its pre-releases.
    return (parts, 0 if pre else 1, identifiers)

def go_version_key(version):
    """What versions of Go are compared by: 1.21 is older than 1.21rc1, and that than 1.21.0.

    Args:
        version: such as `1.24.3`

    Returns:
        a value that is comparable
    """
    for name, rank in {"rc": -1, "beta": -2}.items():
        before, found, after = version.partition(name)
        if found:
            return (_numbers(before), rank, _numbers(after))
    numbers = _numbers(version)
    return (numbers[:2], numbers[2] if len(numbers) > 2 else -3, [])

def _numbers(text):
    return [int(part) if part.isdigit() else 0 for part in text.split(".")]
