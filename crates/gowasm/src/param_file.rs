//! Bazel puts long command lines into files: `--flagfile=FILE` stands for the lines of FILE.

use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use std::ffi::OsString;

pub(crate) fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let mut expanded = Vec::new();
    for argument in arguments {
        match argument.to_str().and_then(|text| text.strip_prefix("--flagfile=")) {
            None => expanded.push(argument),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    let message = format!("cannot read the arguments in {path}: {error}");
                    Failure::Usage(Diagnostic::error(message))
                })?;
                expanded.extend(text.lines().map(OsString::from));
            }
        }
    }
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_stands_for_its_lines_and_a_label_for_itself() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, b"--label\n@@other//x:y\n").unwrap();
        let flag = format!("--flagfile={}", file.path().display());
        let arguments = ["bazel", "compile", &flag, "@@other//z"].map(OsString::from);
        let expanded = expand(arguments.to_vec()).unwrap_or_default();
        assert_eq!(expanded, ["bazel", "compile", "--label", "@@other//x:y", "@@other//z"]);
    }
}
