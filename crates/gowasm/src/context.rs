//! What every command is given: where it was started, how to speak, and whether to stop.

use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use gowasm_diagnostic::{Diagnostic, Renderer, printable};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    #[default]
    Auto,
    Always,
    Never,
}

pub(crate) struct Context {
    /// The directory the command was started in; shown paths are relative to it.
    pub(crate) started_in: PathBuf,
    pub(crate) verbosity: Verbosity,
    pub(crate) format: MessageFormat,
    pub(crate) renderer: Renderer,
    /// Set once Ctrl-C or a termination signal arrived.
    pub(crate) cancel: Arc<AtomicBool>,
}

impl Context {
    pub(crate) fn new(
        verbosity: Verbosity,
        colour: Colour,
        format: MessageFormat,
    ) -> Result<Self, Failure> {
        let started_in = std::env::current_dir().map_err(|error| {
            let diagnostic =
                Diagnostic::error(format!("cannot tell the current directory: {error}"))
                    .hint("change to a directory that exists and that you may read");
            Failure::Environment(diagnostic)
        })?;
        let cancel = Arc::new(AtomicBool::new(false));
        // For where the command waits for something that it cannot be woken from.
        let tell = move || {
            tell_interrupted();
            if format == MessageFormat::Json {
                let _ = message::print(&message::failed(&Failure::Interrupted));
            }
        };
        gowasm_process::on_signals(cancel.clone(), tell).map_err(|error| {
            let diagnostic = Diagnostic::error(format!("cannot watch for Ctrl-C: {error}"));
            Failure::Environment(diagnostic)
        })?;
        let renderer = if wants_colour(colour) { Renderer::coloured() } else { Renderer::plain() };
        Ok(Context { started_in, verbosity, format, renderer, cancel })
    }

    /// A path as messages name it: relative to where the command was started when it lies below.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let absolute = self.started_in.join(path);
        let relative = absolute.strip_prefix(&self.started_in).unwrap_or(&absolute);
        relative.display().to_string()
    }

    /// A finding, on stderr.
    pub(crate) fn report(&self, diagnostic: &Diagnostic) {
        if diagnostic.is_error() || self.verbosity > Verbosity::Quiet {
            write_stderr(&self.renderer.diagnostic(diagnostic));
        }
    }

    /// A line about what goes on, on stderr; not with `-q`.
    pub(crate) fn say(&self, line: &str) {
        if self.verbosity >= Verbosity::Normal {
            write_stderr(&format!("{}\n", printable::line(line)));
        }
    }

    /// What another tool says, which may have several lines.
    pub(crate) fn pass_on(&self, text: &str) {
        if self.verbosity >= Verbosity::Normal {
            write_stderr(&format!("{}\n", printable::lines(text)));
        }
    }

    pub(crate) fn report_failure(&self, failure: &Failure) {
        match failure {
            Failure::Input(diagnostics) => {
                diagnostics.iter().for_each(|diagnostic| self.report(diagnostic));
            }
            Failure::Usage(diagnostic) | Failure::Environment(diagnostic) => {
                self.report(diagnostic)
            }
            Failure::Tool(output) => write_stderr(&printable::lines(output)),
            Failure::Rejected(verdict) => write_stderr(&verdict.render()),
            Failure::Interrupted => tell_interrupted(),
        }
    }
}

/// Once, whoever comes first: the command or the thread that signals have.
fn tell_interrupted() {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !TOLD.swap(true, Ordering::SeqCst) {
        write_stderr("interrupted\n");
    }
}

/// A closed stderr is no reason to fail.
fn write_stderr(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn wants_colour(colour: Colour) -> bool {
    match colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            !refused && std::io::stderr().is_terminal()
        }
    }
}
