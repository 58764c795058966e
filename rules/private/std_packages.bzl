"""The packages of Go's standard library, their files and imports, read from the sources of an SDK.

The build graph has an action for each of these packages, so Bazel has to know their imports before anything runs. No
program of the SDK is asked: it may be one for another machine. Which files are compiled is for the action to say, as
it knows the experiments of the toolchain and what GOWASM says; here a constraint on these counts as one that may hold either
way, so a package may have an import too many, and never one too few.
"""

_SYSTEMS = [
    "aix",
    "android",
    "darwin",
    "dragonfly",
    "freebsd",
    "hurd",
    "illumos",
    "ios",
    "js",
    "linux",
    "nacl",
    "netbsd",
    "openbsd",
    "plan9",
    "solaris",
    "wasip1",
    "windows",
    "zos",
]
_MACHINES = [
    "386",
    "amd64",
    "arm",
    "arm64",
    "loong64",
    "mips",
    "mipsle",
    "mips64",
    "mips64le",
    "ppc64",
    "ppc64le",
    "riscv64",
    "s390x",
    "wasm",
]

# Programs, a page of documentation, and what cannot be built without cgo.
_LEFT_OUT = ["cmd", "builtin", "runtime/cgo"]

# More than there are of anything; Starlark has no loop without an end.
_MANY = range(1000000)

def _name_fits(name, goos):
    """Whether a file belongs to the target by its name: `name_GOOS.go`, `name_GOARCH.go`, `name_GOOS_GOARCH.go`."""
    words = [""] + name.split(".")[0].split("_")[1:]
    if words[-1] in _MACHINES:
        return words[-1] == "wasm" and (words[-2] not in _SYSTEMS or words[-2] == goos)
    return words[-1] not in _SYSTEMS or words[-1] == goos

def _holds(tag, goos):
    """Whether a build tag may be there, and whether it may not."""
    if tag.startswith("goexperiment.") or tag.startswith("wasm."):
        return (True, True)

    # The releases up to its own are tags of a toolchain, and its sources name no others.
    is_set = tag in [goos, "wasm", "gc"] or tag.startswith("go1.")
    return (is_set, not is_set)

def _apply(operator, values):
    """Replaces the operands on top of a stack by what an operator makes of them."""
    may, may_not = values.pop()
    if operator == "!":
        values.append((may_not, may))
        return
    other_may, other_may_not = values.pop()
    if operator == "&&":
        values.append((may and other_may, may_not or other_may_not))
    else:
        values.append((may or other_may, may_not and other_may_not))

_STRENGTH = {"!": 3, "&&": 2, "||": 1, "(": 0}

def _may_hold(expression, goos):
    """Whether the expression of a `//go:build` line may hold: Dijkstra's algorithm, for Starlark has no recursion."""
    for operator in ["(", ")", "!", "&&", "||"]:
        expression = expression.replace(operator, " %s " % operator)
    values = []
    operators = []
    for word in [it for it in expression.split(" ") if it]:
        if word == "(" or word == "!":
            operators.append(word)
        elif word == ")":
            for _ in _MANY:
                operator = operators.pop()
                if operator == "(":
                    break
                _apply(operator, values)
        elif word in _STRENGTH:
            for _ in _MANY:
                if not operators or _STRENGTH[operators[-1]] < _STRENGTH[word]:
                    break
                _apply(operators.pop(), values)
            operators.append(word)
        else:
            values.append(_holds(word, goos))
    for operator in reversed(operators):
        _apply(operator, values)
    return values[0][0]

def _header(text, is_go):
    """The beginning of a file in Go or assembly.

    Returns:
        struct of the expression that constrains it, if any, and what it imports; None for a file without a package
    """
    constraint = None
    imports = []
    is_package = False
    is_comment = False
    is_list = False
    for line in text.split("\n"):
        line = line.strip()
        if is_comment:
            is_comment = "*/" not in line
        elif line.startswith("/*"):
            is_comment = "*/" not in line
        elif line.startswith("//go:build ") and not is_package:
            constraint = line.removeprefix("//go:build ")
        elif not line or line.startswith("//"):
            continue
        elif not is_go:
            break
        elif not is_package:
            is_package = True
            if line.split(" ")[1] == "documentation":
                return None
        elif is_list and line == ")":
            is_list = False
        elif line == "import (":
            is_list = True
        elif is_list or line.startswith("import "):
            imports.append(line.split("\"")[1])
        else:
            break
    return struct(constraint = constraint, imports = imports)

def _in_order(packages):
    """The packages, each behind those that it imports."""
    ordered = {}
    pending = {path: list(imports) for path, imports in packages.items()}
    for _ in _MANY:
        ready = [path for path, imports in pending.items() if not [it for it in imports if it not in ordered]]
        if not ready:
            break
        for path in ready:
            ordered[path] = pending.pop(path)
    if pending:
        fail("packages of the standard library import each other: %s" % ", ".join(pending))
    return ordered

def _files(src):
    """The files of each folder but programs and tests, by import path."""
    files = {}
    folders = [("", src)]
    for _ in _MANY:
        if not folders:
            break
        importpath, folder = folders.pop()
        files[importpath] = []
        for entry in folder.readdir(watch = "no"):
            name = entry.basename
            if not entry.is_dir:
                if not name.endswith("_test.go") and name[0] not in "_.":
                    files[importpath].append(entry)
            elif name[0] not in "_." and name != "testdata":
                below = importpath + "/" + name if importpath else name
                if below not in _LEFT_OUT:
                    folders.append((below, entry))
    return files

def _embeddable(importpath, files, packages):
    """Files that a package may embed: those that are no sources, in its folder and in those below that are no packages."""
    found = []
    for folder, entries in files.items():
        if folder == importpath or folder.startswith(importpath + "/") and folder not in packages:
            names = [entry.basename for entry in entries if entry.basename.split(".")[-1] not in ["go", "s"]]
            found += ["src/%s/%s" % (folder, name) for name in names]
    return found

def std_packages(repository_ctx, src):
    """The packages of a standard library.

    Args:
        repository_ctx: that of a repository rule
        src: the path of the SDK's folder `src`

    Returns:
        by GOOS a dict of `imports`, a dict of what each package imports, by import path, each behind what it imports; and
        `srcs`, the files of all of them
    """
    files = _files(src)
    files.pop("")
    found = {"wasip1": {}, "js": {}}
    srcs = {"wasip1": {}, "js": {}}
    for importpath, entries in files.items():
        for entry in entries:
            name = entry.basename
            is_go = name.endswith(".go")
            if not is_go and not name.endswith(".s") and not name.endswith(".h"):
                continue
            gooses = [goos for goos in found if _name_fits(name, goos)]
            header = _header(repository_ctx.read(entry, watch = "no"), is_go) if gooses else None
            if not header or "C" in header.imports:
                continue
            for goos in gooses:
                if not header.constraint or _may_hold(header.constraint, goos):
                    srcs[goos].setdefault(importpath, []).append("src/%s/%s" % (importpath, name))
                    if is_go:
                        found[goos].setdefault(importpath, {}).update({path: None for path in header.imports})
    result = {}
    for goos, packages in found.items():
        packages.pop("unsafe", None)
        resolved = {}
        of_all = []
        for importpath in sorted(packages):
            # Its own copies of other modules have import paths of their own.
            paths = ["vendor/" + path if "vendor/" + path in packages else path for path in packages[importpath]]
            resolved[importpath] = sorted([path for path in paths if path in packages and path != importpath])
            of_all += srcs[goos][importpath]
            if "embed" in paths:
                of_all += _embeddable(importpath, files, packages)
        result[goos] = {"imports": _in_order(resolved), "srcs": of_all}
    return result
