//! What `--message-format json` prints: exactly one object a command, on stdout. The format is
//! described in docs/json-messages.md.

use crate::failure::Failure;
use crate::output;
use gowasm_diagnostic::Diagnostic;
use serde::Serialize;
use std::ffi::OsString;
use std::sync::atomic::{AtomicBool, Ordering};

/// Raised when a field goes or changes its meaning; added fields leave it as it is.
pub(crate) const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum MessageFormat {
    #[default]
    Human,
    Json,
}

impl MessageFormat {
    /// As far as arguments tell that were not understood.
    pub(crate) fn asked_for(arguments: &[OsString]) -> Self {
        let ours = arguments.iter().take_while(|word| *word != "--");
        let mut words = ours
            .filter_map(|word| word.to_str())
            .skip_while(|word| !matches!(*word, "--message-format" | "--message-format=json"));
        match (words.next(), words.next()) {
            (Some("--message-format=json"), _) | (Some(_), Some("json")) => MessageFormat::Json,
            _ => MessageFormat::Human,
        }
    }
}

/// The object of a command that failed.
#[derive(Serialize)]
pub(crate) struct Failed<'a> {
    schema_version: u32,
    status: &'static str,
    exit_code: u8,
    diagnostics: &'a [Diagnostic],
    /// The text of another tool, such as the Go compiler, as it printed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_output: Option<&'a str>,
    /// What the verification saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<&'a gowasm_verify::Verdict>,
}

pub(crate) fn failed(failure: &Failure) -> Failed<'_> {
    Failed {
        schema_version: SCHEMA_VERSION,
        status: if matches!(failure, Failure::Interrupted) { "interrupted" } else { "failed" },
        exit_code: failure.code(),
        diagnostics: failure.diagnostics(),
        tool_output: match failure {
            Failure::Tool(output) => Some(output),
            _ => None,
        },
        verdict: match failure {
            Failure::Rejected(verdict) => Some(verdict),
            _ => None,
        },
    }
}

/// Prints a command's object. A signal may come when it was printed already: then it stays with one.
pub(crate) fn print(object: &impl Serialize) -> Result<(), Failure> {
    static PRINTED: AtomicBool = AtomicBool::new(false);
    if PRINTED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    // Strings, numbers and lists of them: there is nothing in it that JSON cannot hold.
    let mut text = serde_json::to_string_pretty(object).unwrap_or_default();
    text.push('\n');
    output::json(&text)
}

/// What a build came to, as its object tells it.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum BuildResult<'a> {
    Built {
        schema_version: u32,
        status: &'static str,
        exit_code: u8,
        #[serde(flatten)]
        outcome: &'a gowasm_build::Outcome,
    },
    Failed(Failed<'a>),
}

impl<'a> BuildResult<'a> {
    pub(crate) fn of(result: &'a Result<gowasm_build::Outcome, Failure>) -> Self {
        match result {
            Ok(outcome) => BuildResult::built(outcome),
            Err(failure) => BuildResult::Failed(failed(failure)),
        }
    }

    pub(crate) fn built(outcome: &'a gowasm_build::Outcome) -> Self {
        let (schema_version, status) = (SCHEMA_VERSION, "built");
        BuildResult::Built { schema_version, status, exit_code: 0, outcome }
    }
}
