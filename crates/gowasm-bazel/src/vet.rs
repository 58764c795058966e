//! Judges the directives of a package, or of a program before it is linked.

use crate::directives::Found;
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Deny, Target};
use std::path::PathBuf;

pub struct Vet {
    /// What the compilations found.
    pub directives: Vec<PathBuf>,
    /// Of a program, which all of them make up; without, they are judged by themselves.
    pub target: Option<Target>,
    pub deny: Deny,
    /// For the warnings that are not denied, as JSON.
    pub output: PathBuf,
}

/// The warnings are for the user: those that no compilation has told.
pub fn vet(request: &Vet) -> Result<Vec<Diagnostic>, Failure> {
    let found = Found::read(&request.directives)?;
    let warnings = found.judge(request.target, &request.deny)?;
    let told = found.warnings();
    files::write_json(&request.output, &told.iter().chain(&warnings).collect::<Vec<_>>())?;
    Ok(warnings)
}
