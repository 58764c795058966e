//! Temporary folders and files that do not stay behind for long when their process is killed.
//!
//! Who is killed cannot clean up. So each process holds a lock on what it made, which the system lets go
//! of when the process ends, and whoever makes the next thing in the same place removes what is called
//! like ours and locked by nobody.

use gowasm_process::Registered;
use std::collections::HashSet;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};
use tempfile::{Builder, NamedTempFile, TempDir};

const FOLDER: &str = "gowasm-";
const FILE: &str = ".gowasm-";
const SUFFIX: &str = ".tmp";
/// Where the system locks no folders, or the disk nothing at all.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);
/// How often something is made anew that another process took for left over, before it was locked.
const ATTEMPTS: usize = 16;

/// A temporary folder, removed with its value, or else by the next process that makes one.
#[derive(Debug)]
pub struct Folder {
    folder: TempDir,
    /// A signal that ends the process removes it as well.
    _registered: Registered,
    /// Locked as long as it is open.
    _lock: Option<File>,
}

impl Folder {
    /// In the system's folder for temporary files. `purpose` becomes a part of the name.
    pub fn new(purpose: &str) -> io::Result<Self> {
        Folder::within(&std::env::temp_dir(), purpose)
    }

    pub fn within(place: &Path, purpose: &str) -> io::Result<Self> {
        sweep_once(place);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let folder = Builder::new()
                .prefix(&format!("{FOLDER}{purpose}-"))
                .suffix(SUFFIX)
                .tempdir_in(place)?;
            match File::open(folder.path()) {
                Ok(lock) if hold(&lock, folder.path()) => {
                    return Ok(Folder::held(folder, Some(lock)));
                }
                // Not every system opens folders.
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Ok(Folder::held(folder, None));
                }
                _ if attempts == ATTEMPTS => return Err(io::ErrorKind::AlreadyExists.into()),
                _ => {}
            }
        }
    }

    fn held(folder: TempDir, lock: Option<File>) -> Self {
        let _registered = gowasm_process::removed_at_the_end(folder.path());
        Folder { folder, _registered, _lock: lock }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A hidden file in the folder where it is to get a name, with what the user's umask leaves of `mode`.
pub fn file_in(folder: &Path, mode: u32) -> io::Result<NamedTempFile> {
    sweep_once(folder);
    let mut builder = Builder::new();
    builder.prefix(FILE).suffix(SUFFIX);
    let permissions = permissions(mode);
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    let mut attempts = 0;
    loop {
        attempts += 1;
        let file = builder.tempfile_in(folder)?;
        if hold(file.as_file(), file.path()) {
            return Ok(file);
        }
        if attempts == ATTEMPTS {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
    }
}

#[cfg(unix)]
fn permissions(mode: u32) -> Option<fs::Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn permissions(_mode: u32) -> Option<fs::Permissions> {
    None
}

/// `false`: another process was faster and has removed it, or is about to.
fn hold(file: &File, path: &Path) -> bool {
    match file.try_lock() {
        Ok(()) => path.exists(),
        Err(TryLockError::WouldBlock) => false,
        // No locks here: the age has to do.
        Err(TryLockError::Error(_)) => true,
    }
}

/// Removes what killed processes left in a place; how many files and folders that were.
pub fn sweep(place: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(place) else { return 0 };
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.ends_with(SUFFIX)) else { continue };
        // Of the thing itself: a link leads to what is not ours.
        let Ok(metadata) = entry.metadata() else { continue };
        let is_ours = match metadata.is_dir() {
            true => name.starts_with(FOLDER),
            false => metadata.is_file() && is_name_of_file(name),
        };
        if is_ours && is_mine(&metadata) && remove(&entry.path(), &metadata) {
            removed += 1;
        }
    }
    removed
}

/// Other files may begin like ours.
fn is_name_of_file(name: &str) -> bool {
    let random = name.strip_prefix(FILE).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

#[cfg(unix)]
fn is_mine(metadata: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    // SAFETY: it takes nothing and cannot fail.
    metadata.uid() == unsafe { libc::geteuid() }
}

#[cfg(not(unix))]
fn is_mine(_metadata: &Metadata) -> bool {
    true
}

/// Removes it if nobody holds it. The lock is held meanwhile, so that whoever has just made it sees that.
fn remove(path: &Path, metadata: &Metadata) -> bool {
    let old = || {
        let age = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        age.is_some_and(|age| age > ABANDONED_AFTER)
    };
    let file = File::open(path);
    let abandoned = match file.as_ref().map(File::try_lock) {
        Ok(Ok(())) => true,
        Ok(Err(TryLockError::WouldBlock)) => false,
        Ok(Err(TryLockError::Error(_))) | Err(_) => old(),
    };
    let removed = match metadata.is_dir() {
        _ if !abandoned => return false,
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
    removed.is_ok()
}

/// A place is looked through once by a process.
fn sweep_once(place: &Path) {
    static SWEPT: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);
    let mut swept = SWEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let is_first = swept.get_or_insert_default().insert(place.to_owned());
    drop(swept);
    if is_first {
        sweep(place);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn what_is_held_stays_and_what_is_left_goes() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::within(place.path(), "test").unwrap();
        let file = file_in(place.path(), 0o666).unwrap();
        let foreign = ["gowasm-test-1", ".gowasm-1.tmp", ".gowasm-abc/def.tmp", "other.tmp"];
        for name in &foreign[..] {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("/", place.path().join("gowasm-link-abcdef.tmp")).unwrap();
        assert_eq!(sweep(place.path()), 0);
        assert!(folder.path().exists() && file.path().exists());

        // As a killed process leaves them.
        fs::create_dir(place.path().join("gowasm-go-abcdef.tmp")).unwrap();
        fs::write(place.path().join("gowasm-go-abcdef.tmp/more"), "").unwrap();
        fs::write(place.path().join(".gowasm-abcdef.tmp"), "").unwrap();
        assert_eq!(sweep(place.path()), 2);
        assert!(folder.path().exists() && file.path().exists());
        drop((folder, file));
        let mut left: Vec<_> = fs::read_dir(place.path()).unwrap().flatten().collect();
        left.retain(|entry| entry.file_name() != "gowasm-link-abcdef.tmp");
        assert_eq!(left.len(), foreign.len());
    }

    /// Many make and sweep at once, and none loses what it holds.
    #[test]
    fn makers_and_sweepers_do_not_disturb_each_other() {
        let place = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        let folder = Folder::within(place.path(), "test").unwrap();
                        sweep(place.path());
                        assert!(folder.path().exists());
                    }
                });
            }
        });
        assert_eq!(fs::read_dir(place.path()).unwrap().count(), 0);
    }

    /// The lock does not pass on to programs that are started.
    #[test]
    fn a_child_that_lives_on_holds_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::within(place.path(), "test").unwrap();
        let mut child = Command::new("sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
        let path = folder.path().to_owned();
        let Folder { folder, _lock, .. } = folder;
        let _ = folder.keep();
        drop(_lock);
        assert_eq!((sweep(place.path()), path.exists()), (1, false));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
