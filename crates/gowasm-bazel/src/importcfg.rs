//! The import configuration: which archive each import path stands for, as Go's compiler and linkers
//! read it. The standard library's folder has one whose paths are relative to it.

use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub(crate) const FILE: &str = "importcfg";

/// A package and its archive.
pub(crate) type Entry = (String, PathBuf);

pub(crate) fn text<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    entries.into_iter().fold(String::new(), |mut text, (import_path, archive)| {
        let _ = writeln!(text, "packagefile {import_path}={}", archive.display());
        text
    })
}

/// The packages of a standard library that [`crate::std()`] made.
pub(crate) fn of_std(folder: &Path) -> Result<Vec<Entry>, Failure> {
    let folder = files::absolute(folder)?;
    let place = folder.join(FILE);
    let text = files::read(&place)?;
    let entry = |line: &str| {
        let (import_path, archive) = line.strip_prefix("packagefile ")?.split_once('=')?;
        Some((import_path.to_owned(), folder.join(archive)))
    };
    String::from_utf8_lossy(&text)
        .lines()
        .map(|line| {
            entry(line).ok_or_else(|| {
                let message = format!("{}: `{line}` names no archive", place.display());
                Failure::input(Diagnostic::error(message).hint("build the standard library again"))
            })
        })
        .collect()
}

/// What packages outside of the standard library may not import, as `go build` has it.
pub(crate) fn is_internal(import_path: &str) -> bool {
    import_path.split('/').any(|part| part == "internal" || part == "vendor")
}
