//! Where everything lies. `cas/` and `ac/` are laid out as Bazel's disk cache lays them out, so that
//! the two can share a folder.
//!
//! ```text
//! cas/ab/abcd…        a blob, named by the SHA-256 of its bytes
//! ac/ab/abcd…         an action result, named by its action's key
//! fp/KIND/ab/abcd…    a note of the driver's
//! tmp/gowasm-…        what is being written just now
//! version             which layout this is
//! lock                held by `prune` and `clean`
//! CACHEDIR.TAG        tells backup programs to leave the folder out
//! ```

use crate::digest::{hex, parse_hex};
use crate::error::StoreError;
use etcetera::BaseStrategy;
use std::path::{Path, PathBuf};

pub(crate) const VERSION: &str = "gowasm-store 1\n";
pub(crate) const VERSION_PREFIX: &str = "gowasm-store ";
pub(crate) const TEMPORARY_PREFIX: &str = "gowasm-";
pub(crate) const CACHEDIR_TAG: &str = "\
Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache made by gowasm; it can be removed at any time.
# About this file, see https://bford.info/cachedir/
";

/// The folder of the store: the flag's, else `GOWASM_STORE`'s, else the platform's cache directory.
pub fn location(flag: Option<&Path>) -> Result<PathBuf, StoreError> {
    let from_environment = || std::env::var_os("GOWASM_STORE").filter(|value| !value.is_empty());
    let dir = match flag.map(Path::to_owned).or_else(|| from_environment().map(PathBuf::from)) {
        Some(dir) => dir,
        None => {
            let platform = etcetera::base_strategy::choose_native_strategy();
            let dir = platform.map_err(|_| StoreError::NoHome)?.cache_dir().join("gowasm");
            if !dir.is_absolute() {
                // It would be another in each folder.
                return Err(StoreError::RelativeHome { dir });
            }
            dir
        }
    };
    std::path::absolute(&dir).map_err(|source| StoreError::Read { path: dir, source })
}

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) root: PathBuf,
}

impl Layout {
    pub(crate) fn blob(&self, hash: &[u8; 32]) -> PathBuf {
        sharded(self.root.join("cas"), hash)
    }

    pub(crate) fn result(&self, key: &[u8; 32]) -> PathBuf {
        sharded(self.root.join("ac"), key)
    }

    /// `kind` has been checked with `is_note_kind`.
    pub(crate) fn note(&self, kind: &str, key: &[u8; 32]) -> PathBuf {
        sharded(self.root.join("fp").join(kind), key)
    }

    pub(crate) fn temporary(&self) -> PathBuf {
        self.root.join("tmp")
    }

    pub(crate) fn version(&self) -> PathBuf {
        self.root.join("version")
    }

    pub(crate) fn tag(&self) -> PathBuf {
        self.root.join("CACHEDIR.TAG")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }
}

fn sharded(folder: PathBuf, hash: &[u8; 32]) -> PathBuf {
    let name = hex(hash);
    folder.join(&name[..2]).join(name)
}

pub(crate) fn is_note_kind(kind: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !kind.is_empty() && kind.len() <= 64 && kind.bytes().all(allowed)
}

pub(crate) fn is_shard(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The hash that a file in the shard `shard` is named by.
pub(crate) fn entry_hash(shard: &str, name: &str) -> Option<[u8; 32]> {
    name.starts_with(shard).then(|| parse_hex(name)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;

    #[test]
    fn blobs_and_results_lie_where_bazel_looks_for_them() {
        let layout = Layout { root: "/s".into() };
        let hash = Digest::of(b"abc").hash;
        let name = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(layout.blob(&hash), Path::new("/s/cas/ba").join(name));
        assert_eq!(layout.result(&hash), Path::new("/s/ac/ba").join(name));
        assert_eq!(layout.note("inputs", &hash), Path::new("/s/fp/inputs/ba").join(name));
        assert_eq!(entry_hash("ba", name), Some(hash));
        assert_eq!(entry_hash("bb", name), None);
    }

    #[test]
    fn a_flag_wins_and_becomes_absolute() {
        assert_eq!(location(Some(Path::new("/x/y"))).unwrap(), Path::new("/x/y"));
        assert!(location(Some(Path::new("x"))).unwrap().is_absolute());
    }

    #[test]
    fn kinds_of_notes_cannot_leave_their_folder() {
        assert!(is_note_kind("inputs-1"));
        for bad in ["", "..", "a/b", "A", ".x", "a\\b"] {
            assert!(!is_note_kind(bad), "{bad}");
        }
    }
}
