//! Why a build stopped, by who can do something about it.

use gowasm_diagnostic::Diagnostic;
use gowasm_verify::Verdict;
use std::io;
use std::path::Path;

#[derive(Debug)]
pub enum Failure {
    /// What the user gave is at fault.
    Input(Vec<Diagnostic>),
    /// Go or its linker refused the input; their own text, unchanged.
    Tool(String),
    /// The module was built and does not do what it should; nothing was published.
    Rejected(Box<Verdict>),
    /// The request cannot be meant.
    Usage(Diagnostic),
    /// The machine is at fault: no Go, no disk, no right to write.
    Environment(Diagnostic),
    /// The caller asked to stop.
    Interrupted,
}

impl Failure {
    pub fn input(diagnostic: Diagnostic) -> Self {
        Failure::Input(vec![diagnostic])
    }

    /// A file or folder that could not be read or written: `what` says what for.
    pub(crate) fn io(what: &str, path: &Path, error: &io::Error) -> Self {
        let shown = path.display();
        let hint = match error.kind() {
            io::ErrorKind::StorageFull => "free some space on that disk",
            io::ErrorKind::ReadOnlyFilesystem => "choose a place on a disk that can be written",
            io::ErrorKind::PermissionDenied => "check the permissions, or choose another place",
            _ => "check that the path is right and can be used",
        };
        Failure::Environment(
            Diagnostic::error(format!("cannot {what} {shown}: {error}")).hint(hint),
        )
    }
}
