//! Files, with errors that name them.

use crate::Failure;
use gowasm_scratch::Folder;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::io("read", path, &error))
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    create_parent(path)?;
    fs::write(path, bytes).map_err(|error| Failure::io("write", path, &error))
}

pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_vec(value).map_err(std::io::Error::from);
    write(path, &text.map_err(|error| Failure::io("write", path, &error))?)
}

/// The whole file or the one before, whatever happens.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error| Failure::io("write", path, &error);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file =
        gowasm_scratch::file_in(folder.unwrap_or(Path::new(".")), 0o666).map_err(failed)?;
    let _registered = gowasm_process::removed_at_the_end(file.path());
    file.write_all(bytes).and_then(|()| file.as_file().sync_data()).map_err(failed)?;
    if let Ok(before) = fs::metadata(path) {
        file.as_file().set_permissions(before.permissions()).map_err(failed)?;
    }
    file.persist(path).map_err(|refused| failed(refused.error)).map(drop)
}

/// A regular file of its own, whatever `from` is: Go refuses to embed symbolic links, which is what a
/// sandbox is made of.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    create_parent(to)?;
    fs::copy(from, to).map_err(|error| Failure::io("copy", from, &error))?;
    Ok(())
}

pub(crate) fn scratch() -> Result<Folder, Failure> {
    let made = Folder::new("bazel");
    made.map_err(|error| Failure::io("make a temporary folder in", &std::env::temp_dir(), &error))
}

/// Go's tools are started in other folders than this process.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))
}

fn create_parent(path: &Path) -> Result<(), Failure> {
    match path.parent() {
        Some(parent) => {
            fs::create_dir_all(parent).map_err(|error| Failure::io("create", parent, &error))
        }
        None => Ok(()),
    }
}
