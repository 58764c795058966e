//! What can go wrong with a store, in words for people. A build can go on after each of these,
//! without the store.

use std::fmt;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    #[error("cannot tell where the store is: no home directory is known")]
    NoHome,
    #[error("cannot tell where the store is: the home directory gives {}, which is no absolute path", dir.display())]
    RelativeHome { dir: PathBuf },
    #[error("the store {} is a link to {}, which is not there", dir.display(), target.display())]
    Dangling { dir: PathBuf, target: PathBuf },
    #[error("{} holds a store of version `{found}`, which this gowasm does not know", dir.display())]
    Version { dir: PathBuf, found: String },
    #[error("{} is not a store: its file `version` was written by something else", dir.display())]
    NotAStore { dir: PathBuf },
    #[error("cannot read the store at {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write to the store at {}: {source}", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A file that was to be put, or that an action names as its input.
    #[error("cannot read {}: {source}", path.display())]
    Source { path: PathBuf, source: io::Error },
    /// Where a blob was to be copied to.
    #[error("cannot write {}: {source}", path.display())]
    Output { path: PathBuf, source: io::Error },
    #[error("an action cannot have `{path}` as an input: {why}")]
    InputPath { path: String, why: &'static str },
    #[error("an action result names the blob {digest}, which is not in the store")]
    MissingBlob { digest: crate::Digest },
    #[error("`{kind}` cannot name a kind of note: use a-z, 0-9 and `-`")]
    NoteKind { kind: String },
    #[error("this gowasm was built without the feature `remote`")]
    NoClient,
    #[error("no remote executor is named")]
    NoExecutor,
    /// A server, and what was being done with it.
    #[cfg(feature = "remote")]
    #[error("{0}")]
    Remote(Box<crate::remote::RemoteError>),
    #[error("interrupted")]
    Interrupted,
}

impl StoreError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            StoreError::Dangling { .. } => {
                Some("make that folder, or name another with --store or GOWASM_STORE")
            }
            StoreError::RelativeHome { .. } => {
                Some("set HOME to an absolute path, or name a folder with --store or GOWASM_STORE")
            }
            StoreError::NoHome => Some("name a folder with --store or GOWASM_STORE"),
            StoreError::Version { .. } => {
                Some("use a newer gowasm, or name another folder with --store or GOWASM_STORE")
            }
            StoreError::NotAStore { .. } => {
                Some("name another folder with --store or GOWASM_STORE")
            }
            StoreError::Read { .. } => {
                Some("check who may read that folder, or name another with --store")
            }
            StoreError::Write { source, .. } => Some(match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "make room with `gowasm store prune --max-size SIZE`, or name a folder on another disk with --store"
                }
                _ => "name a folder that you may write with --store or GOWASM_STORE",
            }),
            StoreError::NoClient => Some("install gowasm with its default features"),
            #[cfg(feature = "remote")]
            StoreError::Remote(error) => error.hint(),
            _ => None,
        }
    }

    /// Whether flags are at fault rather than the machine.
    pub fn is_usage(&self) -> bool {
        match self {
            #[cfg(feature = "remote")]
            StoreError::Remote(error) => error.is_usage(),
            _ => false,
        }
    }
}

/// Something that was found wrong and got around: a miss, not a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// An entry whose bytes are not what its name says.
    Wrong { path: PathBuf, why: String, removed: bool },
    /// An entry that is there and cannot be read.
    Unreadable { path: PathBuf, why: String },
    /// A server that did not do its part.
    Remote { why: String },
    /// A server's result that is not what was asked for.
    Refused { server: String, action: String, why: String },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Wrong { path, why, removed } => {
                let fate = if *removed { "it was removed" } else { "it could not be removed" };
                write!(
                    f,
                    "the store's file {} is damaged ({why}); {fate} and is not used",
                    path.display()
                )
            }
            Warning::Remote { why } => write!(f, "{why}; going on without it"),
            Warning::Refused { server, action, why } => write!(
                f,
                "{server} has a wrong result for action {action}: {why}; it is not used, and made anew"
            ),
            Warning::Unreadable { path, why } => {
                write!(
                    f,
                    "the store's file {} cannot be read ({why}); it is not used",
                    path.display()
                )
            }
        }
    }
}
