//! How the many runs of `gowasm toolexec` tell the one `gowasm build` behind them what they did: a line
//! each in a file that it names. Go would show their stderr as the compiler's, and show it again
//! whenever it takes the archive from its cache.

use gowasm_diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};
use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// The variable that names the file.
pub(crate) const REPORT: &str = "GOWASM_TOOLEXEC_REPORT";

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Said {
    /// The cluster compiled a package just now.
    Executed,
    /// A package that is compiled here, and why.
    Here(String, String),
    Warning(String),
    /// Why a server stops the build, and a hint.
    Failed(String, Option<String>),
}

/// Tells the build, if there is one.
pub(super) fn say(said: &Said) -> bool {
    let Some(path) = env::var_os(REPORT).filter(|path| !path.is_empty()) else { return false };
    let Ok(mut line) = serde_json::to_vec(said) else { return false };
    line.push(b'\n');
    // One write, so that lines of several processes do not mix.
    let written = OpenOptions::new().append(true).open(path).and_then(|mut f| f.write_all(&line));
    written.is_ok()
}

/// To the build, or to the user who started Go without one.
pub(super) fn warn(text: &str) {
    if !say(&Said::Warning(text.to_owned())) {
        eprintln!("{}", Diagnostic::warning(text));
    }
}

/// What all of them said.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) executed: u64,
    pub(crate) here: Vec<(String, String)>,
    pub(crate) warnings: Vec<String>,
    pub(crate) failure: Option<Diagnostic>,
}

impl Report {
    pub(crate) fn read(path: &Path) -> Self {
        let mut report = Report::default();
        for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
            match serde_json::from_str(line) {
                Ok(Said::Executed) => report.executed += 1,
                Ok(Said::Here(package, why)) => report.here.push((package, why)),
                Ok(Said::Warning(text)) if !report.warnings.contains(&text) => {
                    report.warnings.push(text);
                }
                Ok(Said::Failed(message, hint)) if report.failure.is_none() => {
                    let failure = Diagnostic::error(message);
                    report.failure = Some(match hint {
                        Some(hint) => failure.hint(hint),
                        None => failure,
                    });
                }
                _ => {}
            }
        }
        report
    }
}
