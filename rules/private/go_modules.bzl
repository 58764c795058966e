"""A repository of the packages of other people's Go modules, as go.mod requires them.

Go's own client finds, fetches and checks them against go.sum; each package that it lists becomes a
go_wasm_package whose label is its import path.
"""

_FIELDS = "-json=Dir,ImportPath,Standard,Module,GoFiles,SFiles,HFiles,EmbedFiles,Imports,Error,DepsErrors"

def _go(repository_ctx, folder, goos, arguments):
    go = repository_ctx.attr.go or repository_ctx.which("go")
    if not go:
        fail("there is no `go` on the PATH: give the modules tag the attribute go")
    environment = {
        "CGO_ENABLED": "0",
        "GOARCH": "wasm",
        "GOFLAGS": "-mod=readonly",
        "GOOS": goos,
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    ran = repository_ctx.execute([go] + arguments, environment = environment, working_directory = str(folder), timeout = 1800)
    if ran.return_code != 0:
        fail("`go %s` fails in %s:\n%s" % (" ".join(arguments), folder, ran.stderr))
    return ran.stdout

def _documents(text):
    """The JSON documents that Go prints one behind the other."""
    return [json.decode(part + "\n}") for part in text.split("\n}\n") if part.strip()]

def _packages(repository_ctx, folder, goos):
    """The packages of the required Go modules and all that they need, by import path."""
    required = [r["Path"] for r in json.decode(_go(repository_ctx, folder, goos, ["mod", "edit", "-json"])).get("Require") or [] if not r.get("Indirect")]
    if not required:
        return {}
    patterns = [path + "/..." for path in required]
    listed = _documents(_go(repository_ctx, folder, goos, ["list", "-deps", "-e", _FIELDS] + patterns))

    # Packages that cannot be built for this target, or need what go.sum does not name, are left out.
    return {
        package["ImportPath"]: package
        for package in listed
        if not package.get("Standard") and package.get("Module") and package.get("GoFiles") and
           not package.get("Error") and not package.get("DepsErrors")
    }

def _label(import_path):
    return "//%s:%s" % (import_path, import_path.split("/")[-1])

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
    visibility = ["//visibility:public"],
    deps = {deps},
)
"""

def _write_package(repository_ctx, import_path, variants, packages):
    wasip1, js = variants
    package = wasip1 or js
    files = {}
    for variant in variants:
        for field in ["GoFiles", "SFiles", "HFiles", "EmbedFiles"]:
            for name in (variant or {}).get(field) or []:
                files[name] = field == "EmbedFiles"
    for name in files:
        repository_ctx.symlink("%s/%s" % (package["Dir"], name), "%s/%s" % (import_path, name))
    deps = {"wasip1": _deps(wasip1, packages["wasip1"]), "js": _deps(js, packages["js"])}
    module = package["Module"]
    effective = module.get("Replace") or module
    version = module.get("Version")
    repository_ctx.file(import_path + "/BUILD.bazel", _BUILD.format(
        rule = Label("//rules:defs.bzl"),
        name = import_path.split("/")[-1],
        srcs = sorted([name for name, embedded in files.items() if not embedded]),
        embedsrcs = sorted([name for name, embedded in files.items() if embedded]),
        importpath = import_path,
        lang = "go" + ".".join((effective.get("GoVersion") or "1.16").split(".")[:2]),
        module = module["Path"] + ("@" + version if version else ""),
        deps = deps["wasip1"] if deps["wasip1"] == deps["js"] else "select({%r: %s, %r: %s})" % (
            str(Label("//toolchains:is_wasip1")),
            deps["wasip1"],
            str(Label("//toolchains:is_js")),
            deps["js"],
        ),
    ))

def _go_modules_repository_impl(repository_ctx):
    # Whoever changes these gets another repository.
    repository_ctx.read(repository_ctx.attr.go_sum)
    folder = repository_ctx.path(repository_ctx.attr.go_mod).dirname
    repository_ctx.report_progress("fetching Go modules")
    packages = {goos: _packages(repository_ctx, folder, goos) for goos in ["wasip1", "js"]}
    for import_path in sorted(packages["wasip1"] | packages["js"]):
        variants = [packages[goos].get(import_path) for goos in ["wasip1", "js"]]
        _write_package(repository_ctx, import_path, variants, packages)
    repository_ctx.file("BUILD.bazel", "")

go_modules_repository = repository_rule(
    implementation = _go_modules_repository_impl,
    attrs = {
        "go": attr.string(doc = "The go command, where it is not the one on the PATH."),
        "go_mod": attr.label(mandatory = True, allow_single_file = True, doc = "go.mod"),
        "go_sum": attr.label(mandatory = True, allow_single_file = True, doc = "go.sum"),
    },
    environ = ["GOFLAGS", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB", "PATH"],
    doc = "The packages that go.mod requires.",
)
