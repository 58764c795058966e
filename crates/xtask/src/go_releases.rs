//! Go SDKs as the Go module golang.org/toolchain has them, from which the go command itself gets other versions:
//! Go's own client fetches them, and checks them against Go's checksum database.

use crate::release::sha256;
use crate::{project, tools};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TABLE: &str = "rules/private/go_releases.bzl";
const PLATFORMS: [&str; 4] = ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"];

/// This machine, as Go calls it.
pub(crate) fn host() -> String {
    let system = if OS == "macos" { "darwin" } else { OS };
    let cpu = match ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    format!("{system}-{cpu}")
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Download {
    #[serde(default)]
    zip: PathBuf,
    #[serde(default)]
    error: String,
}

/// The archive of an SDK, among the Go modules of this user or of another cache.
pub(crate) fn archive(version: &str, platform: &str, cache: Option<&Path>) -> Result<PathBuf> {
    let go = tools::machine_go().map_or_else(|| tools::installed_go(tools::NEWEST_GO), Ok)?;
    let module = format!("golang.org/toolchain@v0.0.1-go{version}.{platform}");
    let mut ask = Command::new(&go);
    ask.args(["env", "GOSUMDB"]).current_dir("/").env("GOTOOLCHAIN", "local");
    if project::output(&mut ask)?.trim() == "off" {
        bail!("GOSUMDB is off, so nothing says whether {module} is the right one");
    }
    let mut download = Command::new(go);
    download.args(["mod", "download", "-json", &module]).current_dir("/");
    download.env("GOTOOLCHAIN", "local").env("GOFLAGS", "-modcacherw");
    download.envs(cache.map(|cache| ("GOMODCACHE", cache)));
    let output = download.output().context("cannot start go")?;
    let download: Download = serde_json::from_slice(&output.stdout).with_context(|| {
        format!("`go mod download` fails:\n{}", String::from_utf8_lossy(&output.stderr))
    })?;
    if !download.error.is_empty() {
        bail!("{}", download.error);
    }
    Ok(download.zip)
}

/// Writes the table of digests.
pub(crate) fn lock(versions: &[String]) -> Result<()> {
    let mut text = "\"\"\"Releases of Go. `cargo xtask lock-go` writes this file.\"\"\"\n\n\
                    # SHA-256 of the archives of the Go module golang.org/toolchain, by version and platform.\n\
                    GO_SHA256 = {\n"
        .to_owned();
    for version in versions {
        text += &format!("    \"{version}\": {{\n");
        for platform in PLATFORMS {
            // One at a time: unpacked they are large.
            let cache = tempfile::tempdir()?;
            match archive(version, platform, Some(cache.path())) {
                Ok(archive) => {
                    let hex: String =
                        sha256(&archive)?.iter().map(|byte| format!("{byte:02x}")).collect();
                    text += &format!("        \"{platform}\": \"{hex}\",\n");
                }
                Err(error) => eprintln!("left out: {error:#}"),
            }
        }
        text += "    },\n";
    }
    Ok(fs::write(project::root().join(TABLE), text + "}\n")?)
}
