//! rules_go without Bazel's registry: its sources as Go's own client has them, and in place of the modules
//! that it names the little that loading it takes. None of that is run: the bridge compiles nothing with
//! rules_go's toolchain.

use crate::project;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "v0.65.0";

/// Modules, and the files in them.
const STAND_INS: [(&str, &[(&str, &str)]); 4] = [
    ("gazelle", &[]),
    ("rules_shell", &[("shell/sh_test.bzl", "def sh_test(**_kwargs):\n    pass\n")]),
    (
        "package_metadata",
        &[("providers/package_metadata_info.bzl", "PackageMetadataInfo = provider()\n")],
    ),
    ("bazel_features", &[("features.bzl", FEATURES)]),
];
/// What rules_go and Debian's rules_java ask for.
const FEATURES: &str = "bazel_features = struct(
    external_deps = struct(extension_metadata_has_reproducible = True),
    rules = struct(instrumented_files_info_has_baseline_coverage_files = False),
)
";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Download {
    dir: PathBuf,
}

/// The folder of its sources, among this user's Go modules.
pub(super) fn sources(go: &Path) -> Result<PathBuf> {
    let mut download = Command::new(go);
    let module = format!("github.com/bazelbuild/rules_go@{VERSION}");
    download.args(["mod", "download", "-json", &module]).current_dir("/");
    let said = project::output(download.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-mod=mod"))?;
    let download: Download = serde_json::from_str(&said).context("what `go mod download` says")?;
    Ok(download.dir)
}

/// Writes the stand-ins into a folder that Bazel sees as `seen`, and says which flags let it use them.
pub(super) fn stand_ins(folder: &Path, seen: &str) -> Result<Vec<String>> {
    let mut flags = Vec::new();
    for (module, files) in STAND_INS {
        let root = folder.join(module);
        fs::create_dir_all(&root)?;
        fs::write(root.join("BUILD.bazel"), "")?;
        let head = format!("module(name = \"{module}\", version = \"0.0.0\")\n");
        fs::write(root.join("MODULE.bazel"), head)?;
        for (name, text) in files {
            let file = root.join(name);
            let package = file.parent().context("a file has a folder")?;
            fs::create_dir_all(package)?;
            fs::write(package.join("BUILD.bazel"), "")?;
            fs::write(file, text)?;
        }
        flags.push(format!("--override_module={module}={seen}/{module}"));
    }
    Ok(flags)
}
