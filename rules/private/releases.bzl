"""Archives of Go and of gowasm by version and platform."""

load("//rules/private:go_releases.bzl", "GO_SHA256")
load("//rules/private:gowasm_releases.bzl", "GOWASM_SHA256", "GOWASM_URL")
load("//rules/private:versions.bzl", "go_version_key", "newer", "semver_key")

# The Go module that the go command itself takes toolchains from, because Go's checksum database has its
# content. A company's Go proxy serves it too.
GO = struct(
    name = "Go",
    prefix = "golang.org/toolchain@v0.0.1-go{version}.{os}-{arch}",
    sha256 = GO_SHA256,
    url = "https://proxy.golang.org/golang.org/toolchain/@v/v0.0.1-go{version}.{os}-{arch}.zip",
    version_key = go_version_key,
)

GOWASM = struct(
    name = "gowasm",
    prefix = "",
    sha256 = GOWASM_SHA256,
    url = GOWASM_URL,
    version_key = semver_key,
)

_CPUS = {
    "amd64": "@platforms//cpu:x86_64",
    "arm64": "@platforms//cpu:aarch64",
}

_SYSTEMS = {
    "darwin": "@platforms//os:macos",
    "linux": "@platforms//os:linux",
    "windows": "@platforms//os:windows",
}

def platform_constraints(platform):
    """What Bazel calls a platform.

    Args:
        platform: such as `linux-amd64`

    Returns:
        labels of constraint values, or None for one that Bazel is not told of here
    """
    system, _, cpu = platform.partition("-")
    if system not in _SYSTEMS or cpu not in _CPUS:
        return None
    return [_SYSTEMS[system], _CPUS[cpu]]

def host_platform(os):
    """The platform of this machine, as Go calls it.

    Args:
        os: repository_ctx.os, or that of a module extension

    Returns:
        such as `linux-amd64`
    """
    system = os.name.lower()
    for name, known in {"mac os x": "darwin", "windows": "windows"}.items():
        if system.startswith(name):
            system = known
    cpu = {"aarch64": "arm64", "x86_64": "amd64"}.get(os.arch, os.arch)
    return "%s-%s" % (system, cpu)

def releases(product, tag, host):
    """The archives of a version, one for each platform that it is known for.

    Args:
        product: GO or GOWASM
        tag: has `version`, `sha256s`, `urls` and `strip_prefix`
        host: the platform of this machine

    Returns:
        by platform a struct of `urls`, `sha256`, `strip_prefix` and `problem`: why there is no archive for it, or ""
    """
    version = tag.version
    if not version:
        for known in product.sha256:
            version = newer(version or known, known, product.version_key)
    digests = {
        platform: digest
        for platform, digest in (product.sha256.get(version, {}) | tag.sha256s).items()
        if platform_constraints(platform)
    }
    found = {
        platform: struct(
            problem = "",
            sha256 = digest,
            strip_prefix = _fill(tag.strip_prefix or product.prefix, version, platform),
            urls = [_fill(url, version, platform) for url in tag.urls or [product.url]],
        )
        for platform, digest in digests.items()
    }
    if host not in found:
        found[host] = struct(problem = _problem(product, version, host), sha256 = "", strip_prefix = "", urls = [])
    return found

def _problem(product, version, host):
    if not product.sha256 and not version:
        return "this rules_go_wasm is no release, so it knows no archive of %s: name one by program, path, urls or version and sha256s" % product.name
    known = ["%s for %s" % (version, ", ".join(platforms)) for version, platforms in product.sha256.items()]
    return "rules_go_wasm knows no digest of %s %s for %s; it knows %s. Give the tag sha256s = {\"%s\": \"..\"}, or name one by program, path or urls" % (
        product.name,
        version,
        host,
        "; ".join(known) or "none",
        host,
    )

def _fill(template, version, platform):
    system, _, cpu = platform.partition("-")
    return template.replace("{version}", version).replace("{os}", system).replace("{arch}", cpu)
