//! What the compilation of a package found of its directives: the file that it leaves for links and for `vet`.

use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Deny, Directives, Finding, Target};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The content of such a file.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Found {
    #[serde(flatten)]
    pub(crate) directives: Directives,
    /// The warnings, which the compilation has told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<Finding>,
}

impl Found {
    /// That of several packages.
    pub(crate) fn read<'a>(places: impl IntoIterator<Item = &'a PathBuf>) -> Result<Self, Failure> {
        let mut all = Found::default();
        for place in places {
            let one: Found = serde_json::from_slice(&files::read(place)?).map_err(|error| {
                let message = format!("{} holds no directives: {error}", place.display());
                Failure::input(Diagnostic::error(message).hint("compile the package again"))
            })?;
            all.directives.append(one.directives);
            all.findings.extend(one.findings);
        }
        Ok(all)
    }

    pub(crate) fn write(&self, place: &Path) -> Result<(), Failure> {
        files::write_json(place, self)
    }

    pub(crate) fn warnings(&self) -> Vec<Diagnostic> {
        self.findings.iter().cloned().map(Finding::warning).collect()
    }

    /// Which warnings of the packages are denied, and what is wrong with the packages as one program. Warnings that
    /// nobody has told yet are returned.
    pub(crate) fn judge(
        &self,
        program: Option<Target>,
        deny: &Deny,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let denied = deny.apply(self.warnings()).into_iter().filter(Diagnostic::is_error);
        let found = program.map(|target| self.directives.check(target)).unwrap_or_default();
        let (errors, warnings): (Vec<_>, Vec<_>) =
            deny.apply(found).into_iter().partition(Diagnostic::is_error);
        let errors: Vec<_> = denied.chain(errors).collect();
        if errors.is_empty() { Ok(warnings) } else { Err(Failure::Input(errors)) }
    }
}
