//! The store as a whole: opening it, its first write, and what it noticed on the way.

use crate::error::{StoreError, Warning};
use crate::layout::{self, CACHEDIR_TAG, Layout, VERSION, VERSION_PREFIX};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// A folder of blobs, action results and notes. Opening it writes nothing; a folder that is not
/// there is an empty store.
#[derive(Debug)]
pub struct Store {
    pub(crate) layout: Layout,
    prepared: AtomicBool,
    warnings: Mutex<Vec<Warning>>,
    /// What is behind the disk.
    #[cfg(feature = "remote")]
    pub(crate) remote: Option<crate::remote::Remote>,
}

impl Store {
    /// A folder that cannot be read opens, with a warning, and misses: a build can do without it. One
    /// that holds something else is an error: somebody named it by mistake.
    ///
    /// `dir` is the flag's folder; see [`location`](crate::location) for what counts without one.
    pub fn open(dir: Option<&Path>) -> Result<Self, StoreError> {
        let layout = Layout { root: layout::location(dir)? };
        let store = Store {
            layout,
            prepared: AtomicBool::new(false),
            warnings: Mutex::default(),
            #[cfg(feature = "remote")]
            remote: None,
        };
        store.check_link()?;
        store.check_version()?;
        Ok(store)
    }

    pub fn dir(&self) -> &Path {
        &self.layout.root
    }

    /// What was found wrong since the last call, each once.
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub(crate) fn warn(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    /// Removes an entry whose bytes are not what its name says, and remembers to say so.
    pub(crate) fn discard(&self, path: &Path, why: String) {
        let removed = match fs::remove_file(path) {
            Ok(()) => true,
            // Somebody else found it wrong as well.
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        };
        self.warn(Warning::Wrong { path: path.to_owned(), why, removed });
    }

    /// Opens an entry for reading. Absent is a miss; unreadable is a miss and a warning.
    pub(crate) fn open_entry(&self, path: &Path) -> Option<(File, u64)> {
        match open_regular(path) {
            Ok(opened) => opened,
            Err(error) => {
                self.warn(Warning::Unreadable { path: path.to_owned(), why: error.to_string() });
                None
            }
        }
    }

    /// Reads a small entry whole.
    pub(crate) fn read_entry(&self, path: &Path) -> Option<Vec<u8>> {
        let (mut file, size) = self.open_entry(path)?;
        let mut bytes = Vec::with_capacity(size.min(1 << 20) as usize);
        match file.read_to_end(&mut bytes) {
            Ok(_) => Some(bytes),
            Err(error) => {
                self.warn(Warning::Unreadable { path: path.to_owned(), why: error.to_string() });
                None
            }
        }
    }

    /// What the first write of a process does: the folder, its version and its tag.
    pub(crate) fn prepare(&self) -> Result<(), StoreError> {
        if self.prepared.load(Ordering::Acquire) {
            return Ok(());
        }
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Write { path, source }
        };
        let temporary = self.layout.temporary();
        fs::create_dir_all(&temporary).map_err(failed(&temporary))?;
        for (path, text) in [(self.layout.tag(), CACHEDIR_TAG), (self.layout.version(), VERSION)] {
            if !path.exists() {
                self.write_whole(&path, text.as_bytes()).map_err(failed(&path))?;
            }
        }
        self.prepared.store(true, Ordering::Release);
        Ok(())
    }

    /// A link to nothing is no empty store: no folder can be made in its place.
    fn check_link(&self) -> Result<(), StoreError> {
        let root = &self.layout.root;
        match fs::read_link(root) {
            Ok(target) if !root.exists() => Err(StoreError::Dangling { dir: root.clone(), target }),
            _ => Ok(()),
        }
    }

    fn check_version(&self) -> Result<(), StoreError> {
        let Some(text) = self.read_entry(&self.layout.version()) else { return Ok(()) };
        if text == VERSION.as_bytes() {
            return Ok(());
        }
        let dir = self.layout.root.clone();
        let text = String::from_utf8_lossy(&text);
        Err(match text.strip_prefix(VERSION_PREFIX) {
            Some(found) => {
                StoreError::Version { dir, found: found.trim().escape_debug().take(40).collect() }
            }
            None => StoreError::NotAStore { dir },
        })
    }
}

/// The last use of an entry, which pruning goes by, is its modification time, as it is for Bazel.
/// On a folder that may not be written the order of use is lost and nothing else.
pub(crate) fn touch(path: &Path) {
    let _ = filetime::set_file_mtime(path, filetime::FileTime::now());
}

/// `None` when there is nothing. Anything but a regular file is refused: opening a named pipe would
/// wait for ever, and a link leads out of the store.
pub(crate) fn open_regular(path: &Path) -> io::Result<Option<(File, u64)>> {
    let opened = fs::symlink_metadata(path).and_then(|metadata| {
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok((file, size))
    });
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
