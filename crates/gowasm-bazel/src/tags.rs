//! The build tags that Go's release and its experiments set, for those who choose a package's files without Go.

use crate::sdk::{self, Sdk};
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub struct Tags {
    pub sdk: PathBuf,
    pub goos: Goos,
    /// The file to write, JSON.
    pub output: PathBuf,
}

/// Asks Go itself: they differ between releases.
pub fn tags(request: &Tags, cancel: &AtomicBool) -> Result<(), Failure> {
    let folder = files::scratch()?;
    let sdk = Sdk::open(&request.sdk)?;
    let mut go = sdk.go(request.goos, folder.path());
    let form = "{{join context.ReleaseTags \" \"}} {{join context.ToolTags \" \"}}";
    // A package that Go knows without its sources.
    go.current_dir(folder.path()).args(["list", "-e", "-f", form, "unsafe"]);
    let text = sdk::run(go, cancel, |said| said)?;
    let text = String::from_utf8_lossy(&text);
    files::write_json(&request.output, &text.split_whitespace().collect::<Vec<_>>())
}

pub(crate) fn read(place: &Path) -> Result<Vec<String>, Failure> {
    serde_json::from_slice(&files::read(place)?).map_err(|error| {
        let message = format!("{} holds no tags: {error}", place.display());
        Failure::input(Diagnostic::error(message).hint("`gowasm bazel tags` writes them"))
    })
}
