//! Making a store smaller: least recently used first.
//!
//! A blob may go that a result still names, and a build may be about to read it. Both count as
//! misses, so nothing needs to be stopped or traced; what stays in use was touched and stays.

use super::Watch;
use super::listing::{Entry, Kind, Listing};
use super::stat::Count;
use crate::error::StoreError;
use crate::store::Store;
use crate::temporary::is_abandoned;
use serde::Serialize;
use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

#[derive(Debug, Clone, Copy, Default)]
pub struct PruneLimits {
    /// Remove the least recently used until no more than this is left.
    pub max_size: Option<u64>,
    /// Remove what was not used for so long.
    pub max_age: Option<Duration>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    pub removed: Count,
    pub kept: Count,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    pub removed: Count,
    /// Left alone, because they are not the store's.
    pub foreign: Vec<String>,
}

impl Store {
    pub fn prune(&self, limits: &PruneLimits, watch: &dyn Watch) -> Result<Pruned, StoreError> {
        let Some(_lock) = self.lock(watch)? else { return Ok(Pruned::default()) };
        let (temporaries, mut entries) = self.list()?.split();
        let mut pruned = Pruned::default();
        for entry in temporaries.iter().filter(|entry| is_abandoned(&entry.path, entry.modified)) {
            self.remove(entry, &mut pruned.removed)?;
        }

        // Equal times are told apart by path: two runs on equal folders remove the same files.
        entries.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        let mut size: u64 = entries.iter().map(|entry| entry.size).sum();
        let now = SystemTime::now();
        for entry in &entries {
            if watch.cancelled() {
                return Err(StoreError::Interrupted);
            }
            let age = now.duration_since(entry.modified).unwrap_or_default();
            let too_old = limits.max_age.is_some_and(|max_age| age > max_age);
            let too_big = limits.max_size.is_some_and(|max_size| size > max_size);
            if too_old || too_big {
                self.remove(entry, &mut pruned.removed)?;
                size -= entry.size;
            } else {
                pruned.kept.add(entry.size);
            }
        }
        Ok(pruned)
    }

    /// Removes all that is ours, and the folders that are empty then. Files that a running build is
    /// writing stay, and so does whatever is foreign.
    pub fn clean(&self, watch: &dyn Watch) -> Result<Cleaned, StoreError> {
        let Some(_lock) = self.lock(watch)? else { return Ok(Cleaned::default()) };
        let listing = self.list()?;
        let foreign = listing.foreign.iter().map(|path| path.display().to_string()).collect();
        let mut cleaned = Cleaned { foreign, ..Cleaned::default() };
        let (temporaries, entries) = listing.split();
        let abandoned =
            temporaries.iter().filter(|entry| is_abandoned(&entry.path, entry.modified));
        for entry in abandoned.chain(&entries) {
            if watch.cancelled() {
                return Err(StoreError::Interrupted);
            }
            self.remove(entry, &mut cleaned.removed)?;
        }
        for shard in entries.iter().filter_map(|entry| entry.path.parent()) {
            // Refused while anything is left in it, which is right.
            let _ = fs::remove_dir(shard);
        }
        Ok(cleaned)
    }

    fn remove(&self, entry: &Entry, removed: &mut Count) -> Result<(), StoreError> {
        match fs::remove_file(&entry.path) {
            Ok(()) => removed.add(entry.size),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::Write { path: entry.path.clone(), source }),
        }
        Ok(())
    }
}

impl Listing {
    /// What is being written, and what is there.
    fn split(self) -> (Vec<Entry>, Vec<Entry>) {
        self.entries.into_iter().partition(|entry| matches!(entry.kind, Kind::Temporary))
    }
}
