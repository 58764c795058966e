//! What several builds at once are doing: every line says which of them speaks.

use crate::progress::Bar;
use gowasm_build::Progress;
use gowasm_diagnostic::Diagnostic;

pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) bar: &'a Bar<'a>,
}

impl Progress for Named<'_> {
    fn phase(&self, what: &str) {
        self.bar.phase(&format!("{}: {what}", self.name));
    }

    fn detail(&self, line: &str) {
        self.bar.detail(&format!("{}: {line}", self.name));
    }

    fn warn(&self, text: &str) {
        self.bar.warn(text);
    }

    fn diagnostic(&self, warning: &Diagnostic) {
        self.bar.diagnostic(warning);
    }
}
