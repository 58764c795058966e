//! Warnings that are to be errors, as a CI wants them: `-D GW018`, or all of them.

use crate::codes;
use gowasm_diagnostic::{Diagnostic, Severity};

/// What is denied. Findings within modules of others stay warnings: who builds cannot mend those.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deny {
    all: bool,
    codes: Vec<String>,
}

impl Deny {
    /// What it was parsed from, for whoever has to tell two apart.
    pub fn words(&self) -> Vec<&str> {
        let all = self.all.then_some("warnings");
        all.into_iter().chain(self.codes.iter().map(String::as_str)).collect()
    }

    /// Codes, or `warnings` for all.
    pub fn parse(words: &[String]) -> Result<Self, Diagnostic> {
        let mut deny = Deny::default();
        for word in words.iter().map(|word| word.trim()).filter(|word| !word.is_empty()) {
            match word {
                "warnings" => deny.all = true,
                code if codes::ALL.contains(&code) => deny.codes.push(code.to_owned()),
                other => {
                    let message = format!("`{other}` is no code of a diagnostic");
                    let hint = "docs/diagnostics.md lists the codes; `warnings` means all warnings";
                    return Err(Diagnostic::error(message).hint(hint));
                }
            }
        }
        Ok(deny)
    }

    /// The findings, with those that are denied as errors.
    pub fn apply(&self, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let denied = |code: &str| self.all || self.codes.iter().any(|denied| denied == code);
        for diagnostic in &mut found {
            if diagnostic.module.is_none() && diagnostic.code.is_some_and(denied) {
                diagnostic.severity = Severity::Error;
            }
        }
        found
    }
}
