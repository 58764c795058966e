use std::fmt;
use std::path::Path;

use gowasm_diagnostic::Diagnostic;

use crate::version;

/// Why a link failed.
#[derive(Debug)]
pub enum Error {
    /// The command line is not one `go tool link` would take.
    Usage(String),
    /// The archives were made by a Go release this linker does not know.
    UnknownVersion { found: String },
    /// Somebody asked to stop.
    Interrupted,
    /// The inputs are wrong.
    Failed(Vec<Diagnostic>),
    /// The module cannot be written where it should go.
    Output(Diagnostic),
}

impl Error {
    pub(crate) fn message(what: impl Into<String>) -> Self {
        Error::Failed(vec![Diagnostic::error(what)])
    }

    pub(crate) fn file(file: &Path, what: impl fmt::Display) -> Self {
        Error::message(FileMessage { file, what: &what }.to_string())
    }

    pub(crate) fn hinted(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Error::Failed(vec![Diagnostic::error(what).hint(hint)])
    }

    /// The findings, for those who show all kinds alike.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        match self {
            Error::Failed(diagnostics) => diagnostics,
            Error::Output(diagnostic) => vec![diagnostic],
            Error::UnknownVersion { .. } => {
                vec![
                    Diagnostic::error(self.to_string())
                        .hint("link with Go's own linker: `gowasm build --linker go`"),
                ]
            }
            Error::Usage(_) | Error::Interrupted => vec![Diagnostic::error(self.to_string())],
        }
    }
}

struct FileMessage<'m> {
    file: &'m Path,
    what: &'m dyn fmt::Display,
}

impl fmt::Display for FileMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file.display(), self.what)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(what) => f.write_str(what),
            Error::Interrupted => f.write_str("interrupted"),
            Error::UnknownVersion { found } => write!(
                f,
                "cannot link packages compiled by {found}; known Go versions: {}",
                version::known()
            ),
            Error::Output(diagnostic) => diagnostic.fmt(f),
            Error::Failed(diagnostics) => {
                for (i, diagnostic) in diagnostics.iter().enumerate() {
                    if i > 0 {
                        f.write_str("\n")?;
                    }
                    diagnostic.fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for Error {}
