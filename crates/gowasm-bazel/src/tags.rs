//! The build tags that Go's release and its experiments set, for those who choose a package's files without Go.

use crate::sdk::{self, Sdk};
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub struct Tags {
    pub sdk: PathBuf,
    pub goos: Goos,
    /// As Go reads the variable GOEXPERIMENT; empty for the release's own experiments.
    pub goexperiment: String,
    /// The file to write, JSON.
    pub output: PathBuf,
}

/// What the file says: every package of a program is compiled with it.
#[derive(Serialize, Deserialize)]
struct Toolchain {
    tags: Vec<String>,
    goexperiment: String,
}

/// Asks Go itself: they differ between releases.
pub fn tags(request: &Tags, cancel: &AtomicBool) -> Result<(), Failure> {
    let folder = files::scratch()?;
    let goexperiment = request.goexperiment.clone();
    let sdk = Sdk { goexperiment, ..Sdk::open(&request.sdk)? };
    let mut go = sdk.go(request.goos, folder.path());
    let form = "{{join context.ReleaseTags \" \"}} {{join context.ToolTags \" \"}}";
    // A package that Go knows without its sources.
    go.current_dir(folder.path()).args(["list", "-e", "-f", form, "unsafe"]);
    let text = sdk::run(go, cancel, |said| said)?;
    let text = String::from_utf8_lossy(&text);
    let tags = text.split_whitespace().map(str::to_owned).collect();
    files::write_json(&request.output, &Toolchain { tags, goexperiment: sdk.goexperiment })
}

/// The SDK with its experiments, and its tags, for those who compile with it.
pub(crate) fn open(sdk: &Path, tags: &Path) -> Result<(Sdk, Vec<String>), Failure> {
    let read: Result<Toolchain, _> = serde_json::from_slice(&files::read(tags)?);
    let toolchain = read.map_err(|error| {
        let message = format!("{} holds no tags: {error}", tags.display());
        Failure::input(Diagnostic::error(message).hint("`gowasm bazel tags` writes them"))
    })?;
    Ok((Sdk { goexperiment: toolchain.goexperiment, ..Sdk::open(sdk)? }, toolchain.tags))
}
