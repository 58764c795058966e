//! How anything gets into the store or out of it: written beside its place, synced, renamed.
//!
//! A process may be killed at any moment, and then leaves a file in `tmp/`. Writers hold a lock on
//! theirs, which the system lets go of when the process ends: a file nobody locks is left over.

use crate::error::StoreError;
use crate::layout::TEMPORARY_PREFIX;
use crate::store::Store;
use gowasm_process::Registered;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;

/// Between its creation and its lock a file looks left over.
const LOCK_GRACE: Duration = Duration::from_secs(10);
/// For file systems that know no locks.
const ABANDONED_AFTER: Duration = Duration::from_secs(3600);

/// A file that is not there yet for anybody else.
pub(crate) struct Uncommitted {
    file: NamedTempFile,
    _registered: Registered,
}

impl Deref for Uncommitted {
    type Target = NamedTempFile;

    fn deref(&self) -> &NamedTempFile {
        &self.file
    }
}

impl DerefMut for Uncommitted {
    fn deref_mut(&mut self) -> &mut NamedTempFile {
        &mut self.file
    }
}

impl Store {
    /// A new file in `tmp/`, removed again unless it is committed.
    pub(crate) fn temporary(&self) -> Result<Uncommitted, StoreError> {
        self.prepare()?;
        let dir = self.layout.temporary();
        let made = create_in(&dir, false).or_else(|error| match error.kind() {
            // The folder went since the first write.
            io::ErrorKind::NotFound => {
                fs::create_dir_all(&dir).and_then(|()| create_in(&dir, false))
            }
            _ => Err(error),
        });
        let file = made.map_err(|source| StoreError::Write { path: dir, source })?;
        // Without locks the file's age has to do.
        let _ = file.as_file().try_lock();
        let registered = gowasm_process::removed_at_the_end(file.path());
        Ok(Uncommitted { file, _registered: registered })
    }

    /// Gives a finished file its place. `durable` waits for the disk: after a crash of the machine
    /// the name is there with all its bytes, or not at all.
    pub(crate) fn commit(
        &self,
        file: Uncommitted,
        target: &Path,
        durable: bool,
    ) -> Result<(), StoreError> {
        let Uncommitted { file, _registered } = file;
        let rename = || {
            if durable {
                file.as_file().sync_data()?;
            }
            match file.persist(target) {
                Ok(_) => Ok(()),
                Err(refused) if refused.error.kind() == io::ErrorKind::NotFound => {
                    if let Some(parent) = target.parent() {
                        fs::create_dir_all(parent)?;
                    }
                    refused.file.persist(target).map(drop).map_err(|refused| refused.error)
                }
                Err(refused) => Err(refused.error),
            }
        };
        rename().map_err(|source| StoreError::Write { path: target.to_owned(), source })
    }

    /// For the store's own two files, before `tmp/` may be relied on.
    pub(crate) fn write_whole(&self, target: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = create_in(&self.layout.temporary(), false)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(target).map(drop).map_err(|refused| refused.error)
    }
}

/// A temporary file with the rights an ordinary new file has: other users of a shared folder may
/// read what is in it.
pub(crate) fn create_in(dir: &Path, executable: bool) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY_PREFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if executable { 0o777 } else { 0o666 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = executable;
    builder.tempfile_in(dir)
}

/// Whether the process that wrote this file has ended.
pub(crate) fn is_abandoned(path: &Path, modified: SystemTime) -> bool {
    let age = SystemTime::now().duration_since(modified).unwrap_or_default();
    // Before the lock is tried: its writer may be about to take it.
    if age <= LOCK_GRACE {
        return false;
    }
    let Ok(file) = File::open(path) else { return false };
    match file.try_lock() {
        Ok(()) => true,
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => age > ABANDONED_AFTER,
    }
}
