//! One maintenance at a time. Builds take no lock: they are right whatever disappears under them.

use super::Watch;
use crate::error::StoreError;
use crate::store::Store;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::time::Duration;

/// Asked for again so often, rather than waited for, so that Ctrl-C is heeded meanwhile.
const INTERVAL: Duration = Duration::from_millis(100);

/// Held as long as the file is open.
pub(crate) struct Lock(#[expect(dead_code)] File);

impl Store {
    /// `None` where there is no store to be locked.
    pub(crate) fn lock(&self, watch: &dyn Watch) -> Result<Option<Lock>, StoreError> {
        let path = self.layout.lock();
        let failed = |source| StoreError::Write { path: path.clone(), source };
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(Lock(file))),
                Err(TryLockError::WouldBlock) => {}
                // A file system without locks: two at once do needless work and no harm.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(Some(Lock(file)));
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
            if watch.cancelled() {
                return Err(StoreError::Interrupted);
            }
            if !said {
                watch.blocked(&path);
                said = true;
            }
            std::thread::sleep(INTERVAL);
        }
    }
}
