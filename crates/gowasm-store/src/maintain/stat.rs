//! How much there is.

use super::listing::Kind;
use crate::error::StoreError;
use crate::store::Store;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    pub files: u64,
    pub bytes: u64,
}

impl Count {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stat {
    pub directory: String,
    pub blobs: Count,
    pub results: Count,
    pub notes: Count,
    /// Being written, or left over from a process that was killed.
    pub temporary: Count,
    pub total: Count,
    /// Files and folders in the store's folder that are not the store's.
    pub foreign: Vec<String>,
    /// When the entry that went longest without use was used last, in seconds since 1970.
    pub oldest_use: Option<u64>,
}

impl Store {
    pub fn stat(&self) -> Result<Stat, StoreError> {
        let listing = self.list()?;
        let mut stat = Stat { directory: self.dir().display().to_string(), ..Stat::default() };
        let mut oldest: Option<SystemTime> = None;
        for entry in &listing.entries {
            let count = match &entry.kind {
                Kind::Blob(_) => &mut stat.blobs,
                Kind::Result(_) => &mut stat.results,
                Kind::Note(..) => &mut stat.notes,
                Kind::Temporary => &mut stat.temporary,
            };
            count.add(entry.size);
            stat.total.add(entry.size);
            if !matches!(entry.kind, Kind::Temporary) {
                oldest = Some(oldest.map_or(entry.modified, |oldest| oldest.min(entry.modified)));
            }
        }
        stat.foreign = listing.foreign.iter().map(|path| path.display().to_string()).collect();
        stat.oldest_use =
            oldest.map(|time| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
        Ok(stat)
    }
}
