//! Bazel puts long command lines into files: `@FILE` stands for the lines of FILE.

use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use std::ffi::OsString;

pub(crate) fn expand(arguments: Vec<OsString>) -> Result<Vec<OsString>, Failure> {
    let mut expanded = Vec::new();
    for argument in arguments {
        match argument.to_str().and_then(|text| text.strip_prefix('@')) {
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
