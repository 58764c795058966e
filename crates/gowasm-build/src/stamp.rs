//! What tells that a file is the one that was read: cheap to ask for, and changed by every write.

use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::io;
use std::path::Path;
#[cfg(not(unix))]
use std::time::UNIX_EPOCH;

/// Nanoseconds since 1970 by the file system's clock.
pub(crate) type Nanos = i128;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    size: u64,
    modified: Nanos,
    /// When anything of the file changed, its other times included. Nobody can set this one.
    changed: Nanos,
    inode: u64,
    device: u64,
    mode: u32,
}

impl Stamp {
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        Ok(Stamp::from(&path.metadata()?))
    }

    #[cfg(unix)]
    pub(crate) fn from(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        let nanos =
            |seconds: i64, rest: i64| Nanos::from(seconds) * 1_000_000_000 + Nanos::from(rest);
        Stamp {
            size: metadata.size(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
            mode: metadata.mode(),
        }
    }

    #[cfg(not(unix))]
    pub(crate) fn from(metadata: &Metadata) -> Self {
        let modified = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_nanos() as Nanos);
        let mode = u32::from(metadata.is_dir()) << 1 | u32::from(metadata.permissions().readonly());
        Stamp { size: metadata.len(), modified, changed: modified, inode: 0, device: 0, mode }
    }
}

impl Stamp {
    pub(crate) fn is_folder(&self) -> bool {
        #[cfg(unix)]
        return self.mode & 0o170_000 == 0o040_000;
        #[cfg(not(unix))]
        return self.mode & 2 != 0;
    }

    pub(crate) fn is_executable(&self) -> bool {
        cfg!(unix) && self.mode & 0o111 != 0
    }

    pub(crate) fn same_kind(&self, other: &Stamp) -> bool {
        self.is_folder() == other.is_folder()
    }
}

/// A point in time by the clock of one file system: whatever was changed up to then is told apart from
/// whatever is changed later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    at: Nanos,
    device: u64,
}

/// How far two file systems' clocks, and a coarse clock's ticks, may be apart.
const SLACK: Nanos = 2_500_000_000;

impl Moment {
    /// Asks the file system that holds `dir` for the time, and returns when its clock has moved on, so
    /// that every later change has a later time.
    pub(crate) fn now(dir: &Path) -> io::Result<Self> {
        let probe = tempfile::NamedTempFile::new_in(dir)?;
        let first = Stamp::from(&probe.as_file().metadata()?);
        let moment = Moment { at: first.changed, device: first.device };
        let started = std::time::Instant::now();
        let mut written = 0u64;
        loop {
            written += 1;
            probe.as_file().set_len(written)?;
            let stamp = Stamp::from(&probe.as_file().metadata()?);
            if stamp.changed > moment.at {
                return Ok(moment);
            }
            if started.elapsed() > std::time::Duration::from_millis(50) {
                // A clock this coarse is not waited for: nothing of that file system counts as old
                // until well after.
                return Ok(Moment { at: moment.at, device: u64::MAX });
            }
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
    }

    /// Whether the stamp's last change surely came before this moment, and every change after the
    /// moment gives another stamp.
    pub(crate) fn is_after(&self, stamp: &Stamp) -> bool {
        if stamp.device == self.device && cfg!(unix) {
            stamp.changed <= self.at
        } else {
            stamp.changed + SLACK < self.at
        }
    }
}
