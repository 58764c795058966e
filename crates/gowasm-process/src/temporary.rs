//! Temporary files and folders that are removed also when a signal ends the process.

use crate::registry;
use std::path::{Path, PathBuf};

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
