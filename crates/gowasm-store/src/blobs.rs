//! Blobs: in with their digest, out only with the right one.

use crate::digest::{Digest, Hasher, copy};
use crate::error::{StoreError, Warning};
use crate::store::{Store, open_regular, touch};
use crate::temporary::create_in;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

impl Store {
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        let target = self.layout.blob(&digest.hash);
        if self.keep_existing(&digest) {
            return Ok(digest);
        }
        let mut file = self.temporary()?;
        file.write_all(bytes)
            .map_err(|source| StoreError::Write { path: target.clone(), source })?;
        self.commit(file, &target, true)?;
        Ok(digest)
    }

    /// Hashed as it is copied, so that a file which changes meanwhile is stored as what was read.
    pub fn put_file(&self, path: &Path) -> Result<Digest, StoreError> {
        let failed = |source| StoreError::Source { path: path.to_owned(), source };
        let mut source = File::open(path).map_err(failed)?;
        let mut file = self.temporary()?;
        let mut hasher = Hasher::new();
        let mut refused = None;
        let copied = copy(&mut source, |chunk| {
            hasher.update(chunk);
            file.write_all(chunk).map_err(|error| {
                let kind = error.kind();
                refused = Some(error);
                kind.into()
            })
        });
        if let Some(source) = refused {
            return Err(StoreError::Write { path: self.layout.temporary(), source });
        }
        copied.map_err(failed)?;
        let digest = hasher.finish();
        if !self.keep_existing(&digest) {
            self.commit(file, &self.layout.blob(&digest.hash), true)?;
        }
        Ok(digest)
    }

    /// Stores what a reader gives. It is not waited for the disk: after a crash of the machine the
    /// blob may be damaged, which [`Store::path_of`] finds.
    pub fn put_stream(&self, source: &mut dyn Read) -> Result<Digest, StoreError> {
        let mut file = self.temporary()?;
        let mut hasher = Hasher::new();
        let place = self.layout.temporary();
        let copied = copy(source, |chunk| {
            hasher.update(chunk);
            file.write_all(chunk)
        });
        copied.map_err(|source| StoreError::Write { path: place, source })?;
        let digest = hasher.finish();
        if !self.keep_existing(&digest) {
            self.commit(file, &self.layout.blob(&digest.hash), false)?;
        }
        Ok(digest)
    }

    /// The file of a blob, just checked, for programs that read it themselves. `None` is a miss.
    pub fn path_of(&self, digest: &Digest) -> Option<PathBuf> {
        let intact = self.read_blob(digest, |_| Ok(())).unwrap_or(false);
        intact.then(|| self.layout.blob(&digest.hash))
    }

    /// Whether there is a blob of that name and size; its bytes are checked when they are read.
    pub fn contains(&self, digest: &Digest) -> bool {
        let found = std::fs::symlink_metadata(self.layout.blob(&digest.hash));
        found.is_ok_and(|metadata| metadata.is_file() && metadata.len() == digest.size)
    }

    /// The blob's bytes, checked. `None` is a miss.
    pub fn get(&self, digest: &Digest) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let hit = self.read_blob(digest, |chunk| {
            bytes.extend_from_slice(chunk);
            Ok(())
        });
        hit.unwrap_or(false).then_some(bytes)
    }

    /// Copies a blob to `target`, checked, and in place only when it is whole; `false` is a miss.
    /// A copy and no link: the user may edit what was built.
    pub fn materialize(
        &self,
        digest: &Digest,
        target: &Path,
        executable: bool,
    ) -> Result<bool, StoreError> {
        let failed = |source| StoreError::Output { path: target.to_owned(), source };
        let folder = target.parent().filter(|parent| !parent.as_os_str().is_empty());
        let mut file = create_in(folder.unwrap_or(Path::new(".")), executable).map_err(failed)?;
        if !self.read_blob(digest, |chunk| file.write_all(chunk)).map_err(failed)? {
            return Ok(false);
        }
        file.as_file().sync_data().map_err(failed)?;
        file.persist(target).map_err(|refused| failed(refused.error))?;
        Ok(true)
    }

    /// Streams a blob into `sink`. What went into it counts only when this returns `true`. An error
    /// is the sink's own.
    fn read_blob(
        &self,
        digest: &Digest,
        mut sink: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<bool> {
        let path = self.layout.blob(&digest.hash);
        let Some((file, size)) = self.open_entry(&path) else { return Ok(false) };
        if size != digest.size {
            self.discard(&path, format!("{size} bytes where {} are due", digest.size));
            return Ok(false);
        }
        let mut refused = None;
        let mut hasher = Hasher::new();
        // One byte more than is due tells a file that grew.
        let read = copy(&mut file.take(digest.size.saturating_add(1)), |chunk| {
            hasher.update(chunk);
            sink(chunk).map_err(|error| {
                let kind = error.kind();
                refused = Some(error);
                kind.into()
            })
        });
        if let Some(error) = refused {
            return Err(error);
        }
        if let Err(error) = read {
            self.warn(Warning::Unreadable { path, why: error.to_string() });
            return Ok(false);
        }
        if hasher.finish() != *digest {
            self.discard(&path, "its bytes do not have its digest".to_owned());
            return Ok(false);
        }
        touch(&path);
        Ok(true)
    }

    /// Whether the blob is there already, in good order. A damaged one is written
    /// anew by the caller, and needs no warning.
    fn keep_existing(&self, digest: &Digest) -> bool {
        let path = self.layout.blob(&digest.hash);
        let Ok(Some((mut file, size))) = open_regular(&path) else { return false };
        let mut hasher = Hasher::new();
        let read = copy(&mut file, |chunk| {
            hasher.update(chunk);
            Ok(())
        });
        let intact = size == digest.size && read.is_ok() && hasher.finish() == *digest;
        if intact {
            touch(&path);
        }
        intact
    }
}
