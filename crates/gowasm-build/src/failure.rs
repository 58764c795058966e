//! Why a build stopped, by who can do something about it.

use gowasm_diagnostic::{Diagnostic, Renderer, printable};
use gowasm_store::StoreError;
use gowasm_verify::Verdict;
use std::fmt;
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
    /// The exit code that says whose fault it is.
    pub fn code(&self) -> u8 {
        match self {
            Failure::Input(_) | Failure::Tool(_) | Failure::Rejected(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Environment(_) => 3,
            // What a shell reports for a process that SIGINT ended.
            Failure::Interrupted => 130,
        }
    }

    pub fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Failure::Input(diagnostics) => diagnostics,
            Failure::Usage(diagnostic) | Failure::Environment(diagnostic) => {
                std::slice::from_ref(diagnostic)
            }
            Failure::Tool(_) | Failure::Rejected(_) | Failure::Interrupted => &[],
        }
    }

    /// Go, or its linker, gave up. Where it says that a disk is full, that is what is at fault.
    pub(crate) fn tool(said: String) -> Self {
        const FULL: [&str; 2] = ["no space left on device", "disk quota exceeded"];
        match said.lines().find(|line| FULL.iter().any(|full| line.contains(full))) {
            Some(line) => Failure::Environment(
                Diagnostic::error(line.trim())
                    .hint("free some space, or set TMPDIR and GOCACHE to folders on another disk"),
            ),
            None => Failure::Tool(said),
        }
    }

    pub fn input(diagnostic: Diagnostic) -> Self {
        Failure::Input(vec![diagnostic])
    }

    /// A file or folder that could not be read or written: `what` says what for.
    pub fn io(what: &str, path: &Path, error: &io::Error) -> Self {
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

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if let StoreError::Interrupted = error {
            return Failure::Interrupted;
        }
        let mut diagnostic = Diagnostic::error(error.to_string());
        if let Some(hint) = error.hint() {
            diagnostic = diagnostic.hint(hint);
        }
        if error.is_usage() { Failure::Usage(diagnostic) } else { Failure::Environment(diagnostic) }
    }
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Failure::input(diagnostic)
    }
}

/// As people read it, each with its end of line.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Tool(output) => f.write_str(&printable::lines(output)),
            Failure::Rejected(verdict) => f.write_str(&verdict.render()),
            Failure::Interrupted => f.write_str("interrupted\n"),
            _ => self
                .diagnostics()
                .iter()
                .try_for_each(|diagnostic| f.write_str(&Renderer::plain().diagnostic(diagnostic))),
        }
    }
}

impl From<gowasm_link::Error> for Failure {
    fn from(error: gowasm_link::Error) -> Self {
        match error {
            gowasm_link::Error::Usage(_) => Failure::Usage(Diagnostic::error(error.to_string())),
            gowasm_link::Error::Interrupted => Failure::Interrupted,
            gowasm_link::Error::Output(diagnostic) => Failure::Environment(diagnostic),
            error => Failure::Input(error.into_diagnostics()),
        }
    }
}

impl From<gowasm_verify::Failure> for Failure {
    fn from(failure: gowasm_verify::Failure) -> Self {
        match failure {
            gowasm_verify::Failure::Input(diagnostics) => Failure::Input(diagnostics),
            gowasm_verify::Failure::Environment(diagnostic) => Failure::Environment(diagnostic),
            gowasm_verify::Failure::Interrupted => Failure::Interrupted,
        }
    }
}
