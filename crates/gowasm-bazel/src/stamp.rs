//! `{NAME}` in the value of a variable: what the workspace's status says under that name. Bazel writes the
//! status into two files of lines `NAME VALUE`, of which it lets the volatile one change without running the
//! action again.

use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(crate) struct Status {
    /// Absent where the build is not stamped.
    variables: Option<BTreeMap<String, String>>,
}

impl Status {
    pub(crate) fn read(places: &[PathBuf]) -> Result<Self, Failure> {
        let mut variables = BTreeMap::new();
        for place in places {
            let text = files::read(place)?;
            for line in String::from_utf8_lossy(&text).lines() {
                let (name, value) = line.split_once(' ').unwrap_or((line, ""));
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(Status { variables: (!places.is_empty()).then_some(variables) })
    }

    /// `importpath.name=value` with its value complete. Nothing where it needs a status that is not there:
    /// the variable then keeps what the sources give it.
    pub(crate) fn complete(&self, definition: &str) -> Result<Option<String>, Failure> {
        let mut complete = String::new();
        let mut rest = definition;
        while let Some((before, name, after)) = placeholder(rest) {
            let Some(variables) = &self.variables else { return Ok(None) };
            let Some(value) = variables.get(name) else {
                let variable = definition.split('=').next().unwrap_or_default();
                let known: Vec<&str> = variables.keys().map(String::as_str).collect();
                let message = format!(
                    "x_defs gives {variable} the value of {name}, and the workspace's status has none of that name"
                );
                let hint = format!(
                    "have the program of --workspace_status_command print it; there are {}",
                    known.join(", ")
                );
                return Err(Failure::input(Diagnostic::error(message).hint(hint)));
            };
            complete.push_str(before);
            complete.push_str(value);
            rest = after;
        }
        complete.push_str(rest);
        Ok(Some(complete))
    }
}

/// The first `{NAME}`, and what is before and after it. Braces around anything else mean themselves.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|at| from + at) {
        let name = &text[open + 1..];
        let length =
            name.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        let length = length.unwrap_or(name.len());
        if name.starts_with(|c: char| c.is_ascii_uppercase()) && name[length..].starts_with('}') {
            return Some((&text[..open], &name[..length], &name[length + 1..]));
        }
        from = open + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(text: &str) -> Status {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Status::read(&[file.path().to_owned()]).unwrap()
    }

    #[test]
    fn values_are_those_of_the_status() {
        let status = status("STABLE_COMMIT abc\nBUILD_USER a b\nEMPTY\n");
        let complete = |text: &str| status.complete(text).unwrap().unwrap();
        assert_eq!(complete("main.v=1-{STABLE_COMMIT}{EMPTY}-{BUILD_USER}."), "main.v=1-abc-a b.");
        assert_eq!(complete(r#"main.v={"A": {x}, {}"#), r#"main.v={"A": {x}, {}"#);
    }

    #[test]
    fn a_name_that_the_status_lacks_is_an_error() {
        let error = status("STABLE_COMMIT abc\n").complete("main.v={STABLE_COMIT}").unwrap_err();
        assert!(format!("{error:?}").contains("STABLE_COMIT"), "{error:?}");
    }

    #[test]
    fn without_a_status_the_variable_is_left_alone() {
        let status = Status::read(&[]).unwrap();
        assert_eq!(status.complete("main.v={STABLE_COMMIT}").unwrap(), None);
        assert_eq!(status.complete("main.v=1").unwrap().as_deref(), Some("main.v=1"));
    }
}
