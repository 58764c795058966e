//! All that lies in the store's folder, sorted into ours and foreign. Only what is ours, by place
//! and name, is ever changed or removed.

use crate::error::StoreError;
use crate::layout::{self, TEMPORARY_PREFIX};
use crate::store::Store;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) kind: Kind,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
}

pub(crate) enum Kind {
    Blob([u8; 32]),
    Result([u8; 32]),
    Note(String, [u8; 32]),
    Temporary,
}

#[derive(Default)]
pub(crate) struct Listing {
    pub(crate) entries: Vec<Entry>,
    /// Files and folders that are not the store's; what is in such a folder is not looked at.
    pub(crate) foreign: Vec<PathBuf>,
}

impl Store {
    /// Everything, in the order of its paths.
    pub(crate) fn list(&self) -> Result<Listing, StoreError> {
        let mut listing = Listing::default();
        let root = &self.layout.root;
        let own = [self.layout.version(), self.layout.tag(), self.layout.lock()];
        for entry in read_dir(root)? {
            match (name(&entry).as_deref(), is_dir(&entry)) {
                (Some("cas"), true) => listing.shards(&entry.path(), &Kind::Blob)?,
                (Some("ac"), true) => listing.shards(&entry.path(), &Kind::Result)?,
                (Some("fp"), true) => listing.notes(&entry.path())?,
                (Some("tmp"), true) => listing.temporaries(&entry.path())?,
                _ if own.contains(&entry.path()) => {}
                (Some(name), false) if is_probe(name, &entry) => {
                    listing.add(&entry, Some(Kind::Temporary))?;
                }
                _ => listing.foreign.push(entry.path()),
            }
        }
        listing.entries.sort_by(|a, b| a.path.cmp(&b.path));
        listing.foreign.sort();
        Ok(listing)
    }
}

impl Listing {
    fn notes(&mut self, folder: &Path) -> Result<(), StoreError> {
        for entry in read_dir(folder)? {
            match name(&entry).filter(|name| layout::is_note_kind(name)) {
                Some(kind) if is_dir(&entry) => {
                    self.shards(&entry.path(), &|key| Kind::Note(kind.clone(), key))?;
                }
                _ => self.foreign.push(entry.path()),
            }
        }
        Ok(())
    }

    fn temporaries(&mut self, folder: &Path) -> Result<(), StoreError> {
        for entry in read_dir(folder)? {
            let ours = name(&entry).is_some_and(|name| name.starts_with(TEMPORARY_PREFIX));
            self.add(&entry, ours.then_some(Kind::Temporary))?;
        }
        Ok(())
    }

    fn shards(&mut self, folder: &Path, kind: &dyn Fn([u8; 32]) -> Kind) -> Result<(), StoreError> {
        for shard in read_dir(folder)? {
            let Some(shard_name) =
                name(&shard).filter(|name| layout::is_shard(name) && is_dir(&shard))
            else {
                self.foreign.push(shard.path());
                continue;
            };
            for entry in read_dir(&shard.path())? {
                let hash = name(&entry).and_then(|name| layout::entry_hash(&shard_name, &name));
                self.add(&entry, hash.map(kind))?;
            }
        }
        Ok(())
    }

    /// Links and the like are foreign whatever they are called.
    fn add(&mut self, entry: &DirEntry, kind: Option<Kind>) -> Result<(), StoreError> {
        let path = entry.path();
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed by somebody since its folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(StoreError::Read { path, source }),
        };
        match kind.filter(|_| metadata.is_file()) {
            Some(kind) => {
                let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                self.entries.push(Entry { path, kind, size: metadata.len(), modified });
            }
            None => self.foreign.push(path),
        }
        Ok(())
    }
}

/// A folder that is not there, or no longer, is empty.
fn read_dir(folder: &Path) -> Result<Vec<DirEntry>, StoreError> {
    match fs::read_dir(folder).and_then(Iterator::collect) {
        Ok(entries) => Ok(entries),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(source) => Err(StoreError::Read { path: folder.to_owned(), source }),
    }
}

fn name(entry: &DirEntry) -> Option<String> {
    entry.file_name().into_string().ok()
}

/// What an earlier gowasm asked the clock with, and left behind when it was killed.
fn is_probe(name: &str, entry: &DirEntry) -> bool {
    let random = name.strip_prefix(".tmp").unwrap_or_default();
    random.len() == 6
        && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && entry.metadata().is_ok_and(|metadata| metadata.len() < 4096)
}

fn is_dir(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}
