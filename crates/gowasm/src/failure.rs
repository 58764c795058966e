//! Why a command stopped, and the exit code that says so.

use gowasm_diagnostic::{Diagnostic, Renderer};
use gowasm_store::StoreError;
use std::fmt;
use std::process::ExitCode;

#[derive(Debug)]
pub(crate) enum Failure {
    /// What the user gave is at fault.
    Input(Vec<Diagnostic>),
    /// The command line is at fault, in a way that clap cannot see.
    Usage(Diagnostic),
    /// The machine is at fault: no Go, no disk, no right to write.
    Environment(Diagnostic),
    /// Another tool refused the input; its own text, unchanged.
    Tool(String),
    /// A module does not do what it should.
    Rejected(Box<gowasm_verify::Verdict>),
    /// Ctrl-C or a termination signal.
    Interrupted,
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Input(_) | Failure::Tool(_) | Failure::Rejected(_) => 1,
            Failure::Usage(_) => 2,
            Failure::Environment(_) => 3,
            // What a shell reports for a process that SIGINT ended.
            Failure::Interrupted => 130,
        }
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code())
    }

    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Failure::Input(diagnostics) => diagnostics,
            Failure::Usage(diagnostic) | Failure::Environment(diagnostic) => {
                std::slice::from_ref(diagnostic)
            }
            Failure::Tool(_) | Failure::Rejected(_) | Failure::Interrupted => &[],
        }
    }
}

impl From<gowasm_build::Failure> for Failure {
    fn from(failure: gowasm_build::Failure) -> Self {
        match failure {
            gowasm_build::Failure::Input(diagnostics) => Failure::Input(diagnostics),
            gowasm_build::Failure::Tool(output) => Failure::Tool(output),
            gowasm_build::Failure::Rejected(verdict) => Failure::Rejected(verdict),
            gowasm_build::Failure::Usage(diagnostic) => Failure::Usage(diagnostic),
            gowasm_build::Failure::Environment(diagnostic) => Failure::Environment(diagnostic),
            gowasm_build::Failure::Interrupted => Failure::Interrupted,
        }
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
        Failure::Input(vec![diagnostic])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Tool(output) => f.write_str(output),
            Failure::Rejected(verdict) => f.write_str(&verdict.render()),
            Failure::Interrupted => f.write_str("interrupted\n"),
            _ => self
                .diagnostics()
                .iter()
                .try_for_each(|diagnostic| f.write_str(&Renderer::plain().diagnostic(diagnostic))),
        }
    }
}
