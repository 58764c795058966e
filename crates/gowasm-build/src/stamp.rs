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

/// A point in time by the clocks of some file systems: whatever was changed up to then is told apart
/// from whatever is changed later.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    /// What the clocks of the file systems that were asked showed, by device.
    clocks: Vec<(u64, Nanos)>,
    /// What the slowest of them showed, for files on other file systems.
    at: Nanos,
}

/// How far two file systems' clocks, and a coarse clock's ticks, may be apart.
const SLACK: Nanos = 2_500_000_000;

impl Moment {
    /// Asks the file systems that hold the folders for the time, and returns when their clocks have
    /// moved on, so that every later change has a later time. Folders that cannot be written do not
    /// count; without one that can, the error is the first one's.
    pub(crate) fn now(dirs: &[&Path]) -> io::Result<Self> {
        let mut clocks: Vec<(u64, Nanos)> = Vec::new();
        let mut at: Option<Nanos> = None;
        let mut refused = None;
        for dir in dirs {
            let is_known =
                device(dir).is_some_and(|it| clocks.iter().any(|(known, _)| *known == it));
            if is_known {
                continue;
            }
            match ask_clock(dir) {
                Ok((clock, moved)) => {
                    at = Some(at.map_or(clock.1, |at| at.min(clock.1)));
                    // A clock too coarse to be waited for: nothing of that file system counts as old
                    // until well after.
                    clocks.extend(moved.then_some(clock));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        let nowhere = || io::Error::from(io::ErrorKind::NotFound);
        Ok(Moment { clocks, at: at.ok_or_else(|| refused.unwrap_or_else(nowhere))? })
    }

    /// Whether the stamp's last change surely came before this moment, and every change after the
    /// moment gives another stamp.
    pub(crate) fn is_after(&self, stamp: &Stamp) -> bool {
        match self.clocks.iter().find(|(device, _)| *device == stamp.device) {
            Some((_, at)) if cfg!(unix) => stamp.changed <= *at,
            _ => stamp.changed + SLACK < self.at,
        }
    }
}

/// What the clock of the folder's file system shows, and whether it moved on before too long. The file
/// that is written for it has no name where the system can do that: a process that is killed leaves
/// nothing behind.
fn ask_clock(dir: &Path) -> io::Result<((u64, Nanos), bool)> {
    let probe = tempfile::tempfile_in(dir)?;
    let first = Stamp::from(&probe.metadata()?);
    let started = std::time::Instant::now();
    let mut written = 0u64;
    loop {
        written += 1;
        probe.set_len(written)?;
        let moved = Stamp::from(&probe.metadata()?).changed > first.changed;
        if moved || started.elapsed() > std::time::Duration::from_millis(50) {
            return Ok(((first.device, first.changed), moved));
        }
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
}

#[cfg(unix)]
fn device(dir: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    Some(dir.metadata().ok()?.dev())
}

#[cfg(not(unix))]
fn device(_dir: &Path) -> Option<u64> {
    None
}
