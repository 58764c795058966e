//! Digests of files that were hashed before, by their stamp, so that an archive that did not change is
//! not read again only to learn its digest.

use crate::Failure;
use crate::stamp::{Moment, Stamp};
use gowasm_store::{Digest, Store};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

const KIND: &str = "digests";

#[derive(Debug, Default)]
pub(crate) struct Memo {
    known: HashMap<PathBuf, (Stamp, Digest)>,
    changed: bool,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    stamp: Stamp,
    hash: [u8; 32],
    size: u64,
}

impl Memo {
    pub(crate) fn load(store: &Store, key: &[u8; 32]) -> Self {
        let text = store.get_note(KIND, key);
        let entries = text.and_then(|text| postcard::from_bytes::<Vec<Entry>>(&text).ok());
        let known = entries.unwrap_or_default().into_iter().map(|entry| {
            (entry.path, (entry.stamp, Digest { hash: entry.hash, size: entry.size }))
        });
        Memo { known: known.collect(), changed: false }
    }

    /// The digests of the files, in their order.
    pub(crate) fn digests(
        &mut self,
        paths: &[&Path],
        moment: &Moment,
    ) -> Result<Vec<Digest>, Failure> {
        let found: Vec<_> = paths.par_iter().map(|path| self.digest(path)).collect();
        let mut digests = Vec::with_capacity(paths.len());
        for (path, found) in paths.iter().zip(found) {
            let (stamp, digest, new) = found.map_err(|error| Failure::io("read", path, &error))?;
            // A stamp as young as this would not tell a change that is being made right now.
            if new && moment.is_after(&stamp) {
                self.known.insert(path.to_path_buf(), (stamp, digest));
                self.changed = true;
            }
            digests.push(digest);
        }
        Ok(digests)
    }

    fn digest(&self, path: &Path) -> std::io::Result<(Stamp, Digest, bool)> {
        let stamp = Stamp::of(path)?;
        match self.known.get(path) {
            Some((known, digest)) if *known == stamp => Ok((stamp, *digest, false)),
            _ => Ok((stamp, Digest::of_file(path)?, true)),
        }
    }

    /// Keeps what was used in this build.
    pub(crate) fn save(
        &self,
        store: &Store,
        key: &[u8; 32],
        used: &[&Path],
    ) -> Result<(), gowasm_store::StoreError> {
        if !self.changed {
            return Ok(());
        }
        let entries = used.iter().filter_map(|path| {
            let (stamp, digest) = self.known.get(*path)?;
            Some(Entry {
                path: path.to_path_buf(),
                stamp: *stamp,
                hash: digest.hash,
                size: digest.size,
            })
        });
        let entries: Vec<Entry> = entries.collect();
        // Plain data in memory: this cannot fail.
        let Ok(text) = postcard::to_stdvec(&entries) else { return Ok(()) };
        store.put_note(KIND, key, &text)
    }
}
