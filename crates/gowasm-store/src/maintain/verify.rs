//! Reads everything again and removes what is wrong.

use super::Watch;
use super::listing::{Entry, Kind};
use super::stat::Count;
use crate::digest::{Hasher, copy};
use crate::error::StoreError;
use crate::notes;
use crate::results::{self, Decoded};
use crate::store::{Store, open_regular};
use rayon::prelude::*;
use serde::Serialize;
use std::fs;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Clone, Default, Serialize)]
pub struct Verification {
    pub checked: Count,
    /// In the order of their paths.
    pub wrong: Vec<Wrong>,
    /// Results that no longer have all their blobs; they count as absent.
    pub dangling: u64,
    /// Results that another program put into `ac/`: sound in form, not used by gowasm.
    pub unsigned: u64,
    pub foreign: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Wrong {
    pub path: String,
    pub why: String,
    pub removed: bool,
}

enum Finding {
    Sound,
    Dangling,
    Unsigned,
    Wrong(Wrong),
    /// Pruned meanwhile, or being written.
    Gone,
    Cancelled,
}

impl Store {
    pub fn verify(&self, watch: &dyn Watch) -> Result<Verification, StoreError> {
        let listing = self.list()?;
        let total = listing.entries.iter().map(|entry| entry.size).sum();
        let done = AtomicU64::new(0);
        let check = |entry: &Entry| {
            if watch.cancelled() {
                return Finding::Cancelled;
            }
            let finding = self.check(entry);
            watch.progress(done.fetch_add(entry.size, Ordering::Relaxed) + entry.size, total);
            finding
        };
        let findings: Vec<_> = listing.entries.par_iter().map(check).collect();

        let mut verification = Verification::default();
        for (entry, finding) in listing.entries.iter().zip(findings) {
            match finding {
                Finding::Gone => continue,
                Finding::Cancelled => return Err(StoreError::Interrupted),
                Finding::Sound => {}
                Finding::Dangling => verification.dangling += 1,
                Finding::Unsigned => verification.unsigned += 1,
                Finding::Wrong(wrong) => verification.wrong.push(wrong),
            }
            verification.checked.add(entry.size);
        }
        verification.foreign =
            listing.foreign.iter().map(|path| path.display().to_string()).collect();
        Ok(verification)
    }

    fn check(&self, entry: &Entry) -> Finding {
        let examined = match &entry.kind {
            Kind::Blob(hash) => hashes_to(entry, hash),
            Kind::Result(key) => {
                read(entry).map(|bytes| bytes.map(|bytes| self.check_result(key, &bytes)))
            }
            Kind::Note(kind, key) => read(entry).map(|bytes| {
                let sound = bytes.map(|bytes| notes::text_of(kind, key, &bytes).is_some());
                sound.map(|sound| if sound { Ok(Finding::Sound) } else { Err(CHECKSUM) })
            }),
            Kind::Temporary => return Finding::Gone,
        };
        match examined {
            Ok(None) => Finding::Gone,
            Ok(Some(Ok(finding))) => finding,
            Ok(Some(Err(why))) => {
                let removed = fs::remove_file(&entry.path).is_ok();
                Finding::Wrong(Wrong {
                    path: entry.path.display().to_string(),
                    why: why.to_owned(),
                    removed,
                })
            }
            // Not ours to judge, so not ours to remove.
            Err(error) => Finding::Wrong(Wrong {
                path: entry.path.display().to_string(),
                why: format!("it cannot be read: {error}"),
                removed: false,
            }),
        }
    }

    fn check_result(&self, key: &[u8; 32], bytes: &[u8]) -> Result<Finding, &'static str> {
        match results::decode(key, bytes) {
            Decoded::Ours(result) => {
                let complete = result.outputs.iter().all(|output| self.contains(&output.digest));
                Ok(if complete { Finding::Sound } else { Finding::Dangling })
            }
            Decoded::Unsigned => Ok(Finding::Unsigned),
            Decoded::Wrong => Err(CHECKSUM),
        }
    }
}

const CHECKSUM: &str = "its checksum is not that of its contents";

/// Absent, or sound, or what is wrong with it.
type Examined = io::Result<Option<Result<Finding, &'static str>>>;

fn hashes_to(entry: &Entry, hash: &[u8; 32]) -> Examined {
    let Some((mut file, _)) = open_regular(&entry.path)? else { return Ok(None) };
    let mut hasher = Hasher::new();
    copy(&mut file, |chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    let sound = hasher.finish().hash == *hash;
    Ok(Some(if sound { Ok(Finding::Sound) } else { Err("its bytes do not have its digest") }))
}

fn read(entry: &Entry) -> io::Result<Option<Vec<u8>>> {
    let Some((mut file, _)) = open_regular(&entry.path)? else { return Ok(None) };
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}
