//! The import configuration: which archive each import path stands for, as Go's compiler and linkers read it.

use crate::Failure;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// What Go's compiler imports by itself where a package imports "simd", from Go 1.27 on: it has the vectors of the
/// target, which calls become. cmd/go gives it to such packages too, though it is internal to the standard library.
pub(crate) const SIMD_BRIDGE: &str = "simd/internal/bridge";

/// A package and its archive.
pub(crate) type Entry = (String, PathBuf);

pub(crate) fn text<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> String {
    entries.into_iter().fold(String::new(), |mut text, (import_path, archive)| {
        let _ = writeln!(text, "packagefile {import_path}={}", archive.display());
        text
    })
}

/// Whether a file stands for a package of the standard library that is not for the target.
pub(crate) fn is_empty(archive: &Path) -> Result<bool, Failure> {
    let found = fs::metadata(archive).map_err(|error| Failure::io("find", archive, &error))?;
    Ok(found.len() == 0)
}

/// What packages outside of the standard library may not import, as `go build` has it.
pub(crate) fn is_internal(import_path: &str) -> bool {
    import_path.split('/').any(|part| part == "internal" || part == "vendor")
}
