//! A finding that is kept, for somebody later to deny it.

use crate::codes;
use gowasm_diagnostic::{Diagnostic, Position, Related, Severity};
use serde::{Deserialize, Serialize};

/// What a scan said of one package, as JSON. A warning has been told by then; a later action that judges the whole
/// program makes an error of one that is denied, without another look at the sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    code: String,
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    related: Vec<(Position, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// The Go module of others that it lies in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    module: Option<String>,
}

impl Finding {
    /// A warning; none without a code can be denied.
    pub fn of(warning: &Diagnostic) -> Option<Self> {
        Some(Finding {
            code: warning.code?.to_owned(),
            message: warning.message.clone(),
            position: warning.position.clone(),
            related: warning
                .related
                .iter()
                .map(|related| (related.position.clone(), related.message.clone()))
                .collect(),
            hint: warning.hint.clone(),
            module: warning.module.clone(),
        })
    }

    /// The warning again. A code that this gowasm does not know is left out.
    pub fn warning(self) -> Diagnostic {
        Diagnostic {
            severity: Severity::Warning,
            code: codes::ALL.iter().find(|code| **code == self.code).copied(),
            message: self.message,
            position: self.position,
            related: self
                .related
                .into_iter()
                .map(|(position, message)| Related { position, message })
                .collect(),
            hint: self.hint,
            module: self.module,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_the_warning_again() {
        let warning = Diagnostic::warning("a space after the slashes")
            .code(codes::SPACE)
            .at(Position::new("a/b.go", 3, 1))
            .related(Position::new("a/b.go", 4, 6), "the function")
            .hint("remove it")
            .within(Some("example.com/other@v1.0.0".to_owned()));
        let json = serde_json::to_string(&Finding::of(&warning)).unwrap();
        let read: Finding = serde_json::from_str(&json).unwrap();
        assert_eq!(read.warning(), warning);
        assert_eq!(Finding::of(&Diagnostic::warning("of another tool")), None);
    }
}
