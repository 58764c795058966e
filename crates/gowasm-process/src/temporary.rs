//! Temporary files and folders that are removed also when a signal ends the process.

use crate::registry;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A path that is removed when the process is ended while this is there. Where a file has got another
/// name meanwhile, nothing is.
#[derive(Debug)]
#[must_use]
pub struct Registered(PathBuf);

pub fn removed_at_the_end(path: &Path) -> Registered {
    // The folder that a process is in may change; ours does not.
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    registry::lock().paths.insert(path.clone());
    Registered(path)
}

impl Drop for Registered {
    fn drop(&mut self) {
        registry::lock().paths.remove(&self.0);
    }
}

/// A temporary folder.
#[derive(Debug)]
pub struct TempFolder {
    // Removed before it is taken off the registry.
    folder: TempDir,
    _registered: Registered,
}

impl TempFolder {
    /// In the system's folder for temporary files.
    pub fn new(prefix: &str) -> io::Result<Self> {
        Self::new_in(prefix, &std::env::temp_dir())
    }

    pub fn new_in(prefix: &str, folder: &Path) -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(folder)?;
        let registered = removed_at_the_end(folder.path());
        Ok(TempFolder { folder, _registered: registered })
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes a file, or a folder with all that is in it. What is not there any more is as it should be.
pub(crate) fn remove(path: &Path) {
    // Something may still be written into a folder while it is removed.
    for _ in 0..3 {
        let removed = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
            Ok(_) => std::fs::remove_file(path),
            Err(_) => return,
        };
        if removed.is_ok() {
            return;
        }
    }
}
