//! The file that the module goes to. It has its name only when it is whole.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gowasm_diagnostic::Diagnostic;
use gowasm_process::Registered;
use tempfile::NamedTempFile;

use crate::Accept;
use crate::error::Error;

/// What is written from beginning to end, but for section sizes that are known later.
pub(crate) struct Output {
    path: PathBuf,
    place: Place,
    length: u64,
}

enum Place {
    /// A file without a name of its own, in the folder of the output.
    Beside(NamedTempFile, Registered),
    /// A device or a pipe, which cannot be replaced.
    Memory(Vec<u8>),
}

impl Output {
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        let place = match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                let error = io::Error::from(io::ErrorKind::IsADirectory);
                return Err(cannot_write(path, &error));
            }
            Ok(metadata) if !metadata.is_file() => Place::Memory(Vec::new()),
            old => {
                // As Go's linker does, and replacing a file makes some file systems write at once.
                if old.is_ok() {
                    fs::remove_file(path).map_err(|error| cannot_write(path, &error))?;
                }
                let file = beside(path).map_err(|error| cannot_write(path, &error))?;
                let registered = gowasm_process::removed_at_the_end(file.path());
                Place::Beside(file, registered)
            }
        };
        Ok(Output { path: path.to_owned(), place, length: 0 })
    }

    /// How many bytes have been written.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.place {
            Place::Beside(file, _) => {
                file.as_file_mut()
                    .write_all(bytes)
                    .map_err(|error| cannot_write(&self.path, &error))?;
            }
            Place::Memory(all) => all.extend_from_slice(bytes),
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Replaces bytes that have been written.
    pub(crate) fn patch(&mut self, at: u64, bytes: &[u8]) -> Result<(), Error> {
        match &mut self.place {
            Place::Beside(file, _) => patch(file.as_file_mut(), at, bytes)
                .map_err(|error| cannot_write(&self.path, &error)),
            Place::Memory(all) => {
                all[at as usize..][..bytes.len()].copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Gives the file its name if its bytes are accepted, where somebody looks at them.
    pub(crate) fn finish(self, accept: Option<&Accept<'_>>) -> Result<(), Error> {
        let path = &self.path;
        let cannot_write = |error: io::Error| cannot_write(path, &error);
        let accepted = |accept: &Accept<'_>, module: &[u8]| {
            accept(module).map_err(|why| not_accepted(path, &why))
        };
        match self.place {
            Place::Beside(file, _registered) => {
                if let Some(accept) = accept {
                    // SAFETY: nobody else knows of the file, and nobody writes it while it is mapped.
                    let module =
                        unsafe { memmap2::Mmap::map(file.as_file()) }.map_err(cannot_write)?;
                    accepted(accept, &module)?;
                }
                file.persist(path).map(drop).map_err(|failed| cannot_write(failed.error))
            }
            Place::Memory(all) => {
                if let Some(accept) = accept {
                    accepted(accept, &all)?;
                }
                fs::write(path, all).map_err(cannot_write)
            }
        }
    }
}

fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    // As Go's linker creates its output.
    gowasm_scratch::file_in(folder.unwrap_or(Path::new(".")), 0o775)
}

fn patch(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.seek(SeekFrom::End(0)).map(drop)
}

fn not_accepted(path: &Path, why: &str) -> Error {
    let fault = format!("{} would be no module: {why}", path.display());
    let hint = "an archive is damaged: compile the packages again, as `go build -a` does";
    Error::hinted(fault, hint)
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on that disk",
        _ => "-o names a file in a folder that can be written",
    };
    let fault = format!("cannot write {}: {error}", path.display());
    Error::Output(Diagnostic::error(fault).hint(hint))
}
