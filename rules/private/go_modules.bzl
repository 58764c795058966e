"""A repository of the packages of other people's Go modules, as go.mod requires them.

Go's own client finds, fetches and checks them against go.sum; each package that it lists becomes a
go_wasm_package whose label is its import path.
"""

load("//rules/private:versions.bzl", "go_version_key", "newer", "semver_key")

_FIELDS = "-json=Dir,ImportPath,Standard,Module,GoFiles,SFiles,HFiles,EmbedFiles,Imports,Error,DepsErrors"

def _go(repository_ctx, folder, goos, arguments):
    go = repository_ctx.attr.go or _go_of_sdk(repository_ctx)
    environment = {
        "CGO_ENABLED": "0",
        "GOARCH": "wasm",
        # Of two -mod the last counts.
        "GOFLAGS": (repository_ctx.os.environ.get("GOFLAGS", "") + " -mod=readonly").strip(),
        "GOOS": goos,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    ran = repository_ctx.execute([go] + arguments, environment = environment, working_directory = str(folder), timeout = 1800)
    if ran.return_code != 0:
        fail("`go %s` fails for %s:\n%s" % (" ".join(arguments), _go_mods(repository_ctx), ran.stderr))
    return ran.stdout

def _go_of_sdk(repository_ctx):
    program = "go.exe" if repository_ctx.os.name.startswith("windows") else "go"
    return repository_ctx.path(repository_ctx.attr.sdk).dirname.get_child("bin", program)

def _go_mods(repository_ctx):
    return ", ".join([str(go_mod) for go_mod in repository_ctx.attr.go_mods])

def _documents(text):
    """The JSON documents that Go prints one behind the other."""
    return [json.decode(part + "\n}") for part in text.split("\n}\n") if part.strip()]

def _packages(repository_ctx, folder, goos, merged):
    """The packages of the required Go modules and all that they need, by import path, and those of the standard library."""
    if not merged.direct:
        return {}, {}
    patterns = [path + "/..." for path in merged.direct]
    listed = _documents(_go(repository_ctx, folder, goos, ["list", "-deps", "-e", _FIELDS] + patterns))

    # A Go module that go.sum has and Go cannot get is no reason to leave packages out.
    for package in listed:
        error = (package.get("Error") or {}).get("Err", "")
        if error.partition(": ")[0].replace("@", " ") in merged.sums:
            fail("Go cannot get what %s require:\n%s" % (_go_mods(repository_ctx), error))

    # Packages that cannot be built for this target, or need what go.sum does not name, are left out.
    return {
        package["ImportPath"]: package
        for package in listed
        if not package.get("Standard") and package.get("Module") and package.get("GoFiles") and
           not package.get("Error") and not package.get("DepsErrors")
    }, {package["ImportPath"]: None for package in listed if package.get("Standard")}

def _label(import_path):
    return "//%s:%s" % (import_path, import_path.split("/")[-1])

def _std(variants, std):
    imports = {path: None for package in variants for path in (package or {}).get("Imports") or []}
    return sorted([path for path in imports if path in std and path != "unsafe"])

def _deps(package, packages):
    return sorted([_label(path) for path in (package or {}).get("Imports") or [] if path in packages])

_BUILD = """\
load("{rule}", "go_wasm_package")

go_wasm_package(
    name = "{name}",
    srcs = {srcs},
    embedsrcs = {embedsrcs},
    importpath = "{importpath}",
    lang = "{lang}",
    module = "{module}",
    std = {std},
    visibility = ["//visibility:public"],
    deps = {deps},
)
"""

def _write_package(repository_ctx, import_path, variants, packages, std, copies):
    wasip1, js = variants
    package = wasip1 or js
    files = {}
    for variant in variants:
        for field in ["GoFiles", "SFiles", "HFiles", "EmbedFiles"]:
            for name in (variant or {}).get(field) or []:
                files[name] = field == "EmbedFiles"
    module = package["Module"]
    effective = module.get("Replace") or module
    if effective.get("Version"):
        copies[import_path] = struct(folder = package["Dir"], files = sorted(files))
    else:
        # A folder of the user's: what changes there changes here.
        for name in files:
            repository_ctx.symlink("%s/%s" % (package["Dir"], name), "%s/%s" % (import_path, name))
    deps = {"wasip1": _deps(wasip1, packages["wasip1"]), "js": _deps(js, packages["js"])}
    version = module.get("Version")
    repository_ctx.file(import_path + "/BUILD.bazel", _BUILD.format(
        rule = Label("//rules:defs.bzl"),
        name = import_path.split("/")[-1],
        srcs = sorted([name for name, embedded in files.items() if not embedded]),
        embedsrcs = sorted([name for name, embedded in files.items() if embedded]),
        importpath = import_path,
        lang = "go" + ".".join((effective.get("GoVersion") or "1.16").split(".")[:2]),
        module = module["Path"] + ("@" + version if version else ""),
        std = _std(variants, std),
        deps = deps["wasip1"] if deps["wasip1"] == deps["js"] else "select({%r: %s, %r: %s})" % (
            str(Label("//toolchains:is_wasip1")),
            deps["wasip1"],
            str(Label("//toolchains:is_js")),
            deps["js"],
        ),
    ))

def _quote(word):
    """A word of a shell's."""
    return "'" + word.replace("'", "'\\''") + "'"

def _copy(repository_ctx, copies):
    """Copies the files out of Go's module cache: links into it are of no use to another machine."""
    lines = ["set -eu"]
    for import_path, package in copies.items():
        folders = {}
        for name in package.files:
            folders.setdefault(name.rpartition("/")[0], []).append(name)
        for folder, names in folders.items():
            sources = " ".join([_quote(package.folder + "/" + name) for name in names])
            to = _quote(import_path + "/" + folder)
            lines.append("mkdir -p %s && cp %s %s" % (to, sources, to))
    repository_ctx.file("copy.sh", "\n".join(lines) + "\n", executable = False)
    copied = repository_ctx.execute(["sh", "copy.sh"], timeout = 1800)
    if copied.return_code != 0:
        fail("cannot copy the files of %s out of Go's module cache:\n%s" % (_go_mods(repository_ctx), copied.stderr))
    repository_ctx.delete("copy.sh")

def _merge(repository_ctx, folder):
    """Writes a go.mod that requires what all of them do, and says what they require directly."""
    sums = {}
    for go_sum in repository_ctx.attr.go_sums:
        # Whoever changes one of these gets another repository.
        sums |= {line: None for line in repository_ctx.read(go_sum).splitlines()}
    requirements = []
    go = "1.16"
    required = {}
    direct = {}
    lines = ["module go_wasm.invalid/modules"]
    for index, go_mod in enumerate(repository_ctx.attr.go_mods):
        repository_ctx.read(go_mod)
        path = repository_ctx.path(go_mod)
        read = json.decode(_go(repository_ctx, folder, "wasip1", ["mod", "edit", "-json", str(path)]))
        go = newer(go, read.get("Go") or go, go_version_key)
        for requirement in read.get("Require") or []:
            name, version = requirement["Path"], requirement["Version"]
            required[name] = newer(required.get(name, version), version, semver_key)
            if not requirement.get("Indirect"):
                direct[name] = None
            requirements.append(struct(index = index, path = name, version = version, direct = not requirement.get("Indirect")))

        # As in Go: only the main module replaces others.
        if index < repository_ctx.attr.roots:
            for replace in read.get("Replace") or []:
                lines.append("replace %s => %s" % (_at(replace["Old"]), _at(_absolute(replace["New"], path.dirname))))
            for exclude in read.get("Exclude") or []:
                lines.append("exclude " + _at(exclude))
    lines.append("go " + go)
    lines += ["require %s %s" % pair for pair in required.items()]
    repository_ctx.file(folder.get_child("go.mod"), "\n".join(lines) + "\n")
    repository_ctx.file(folder.get_child("go.sum"), "\n".join(sums) + "\n")
    return struct(
        direct = sorted(direct),
        requirements = requirements,
        # `path version`; those of go.mod files alone have another end.
        sums = {" ".join(line.split(" ")[:2]): None for line in sums},
    )

def _at(module):
    return json.encode(module["Path"]) + (" " + module["Version"] if module.get("Version") else "")

def _absolute(module, folder):
    if module.get("Version") or not module["Path"].startswith("."):
        return module
    return {"Path": "%s/%s" % (folder, module["Path"])}

def _tell_of_conflicts(repository_ctx, folder, merged):
    """Says which Go modules are newer than the root module's go.mod has them."""
    if len(repository_ctx.attr.go_mods) < 2 or not merged.direct:
        return
    listed = _documents(_go(repository_ctx, folder, "wasip1", ["list", "-m", "-json"] + merged.direct))
    used = {module["Path"]: module.get("Version") for module in listed}
    for requirement in merged.requirements:
        version = used.get(requirement.path)
        if requirement.index >= repository_ctx.attr.roots or not requirement.direct or version in [None, requirement.version]:
            continue
        others = [r.index for r in merged.requirements if r.path == requirement.path and r.version == version]
        why = "%s requires" % repository_ctx.attr.go_mods[others[0]] if others else "another Go module requires"

        # buildifier: disable=print
        print("%s requires the Go module %s %s; this build has %s, which %s. `go get %s@%s` in the folder of that go.mod makes them agree." % (
            repository_ctx.attr.go_mods[requirement.index],
            requirement.path,
            requirement.version,
            version,
            why,
            requirement.path,
            version,
        ))

def _go_modules_repository_impl(repository_ctx):
    repository_ctx.report_progress("fetching Go modules")
    merged_in = "merged"
    repository_ctx.file(merged_in + "/go.mod", "module go_wasm.invalid/modules\n")
    folder = repository_ctx.path(merged_in)
    merged = _merge(repository_ctx, folder)
    _tell_of_conflicts(repository_ctx, folder, merged)
    packages = {}
    std = {}
    for goos in ["wasip1", "js"]:
        packages[goos], of_goos = _packages(repository_ctx, folder, goos, merged)
        std |= of_goos
    repository_ctx.delete(merged_in)
    copies = {}
    for import_path in sorted(packages["wasip1"] | packages["js"]):
        variants = [packages[goos].get(import_path) for goos in ["wasip1", "js"]]
        _write_package(repository_ctx, import_path, variants, packages, std, copies)
    _copy(repository_ctx, copies)
    repository_ctx.file("BUILD.bazel", "")

go_modules_repository = repository_rule(
    implementation = _go_modules_repository_impl,
    attrs = {
        "go": attr.string(doc = "The go command, where it is not that of the SDK."),
        "go_mods": attr.label_list(mandatory = True, allow_files = True, doc = "go.mod files, those of the root module first."),
        "go_sums": attr.label_list(mandatory = True, allow_files = True, doc = "Their go.sum files."),
        "roots": attr.int(mandatory = True, doc = "How many of them are the root module's."),
        "sdk": attr.label(mandatory = True, doc = "VERSION of the SDK whose go command is used without `go`."),
    },
    environ = [
        "GOAUTH",
        "GOFLAGS",
        "GOINSECURE",
        "GOMODCACHE",
        "GONOPROXY",
        "GONOSUMDB",
        "GOPATH",
        "GOPRIVATE",
        "GOPROXY",
        "GOSUMDB",
        "GOVCS",
        "NETRC",
    ],
    doc = "The packages that go.mod files require, of the version that is the least for all of them.",
)
