//! How a build tells what it is doing.

use gowasm_diagnostic::Diagnostic;

pub trait Progress: Sync {
    /// A new phase begins.
    fn phase(&self, what: &str);
    /// Something for those who want to know more.
    fn detail(&self, line: &str);
    /// Something to know that stops nothing, in another tool's own words.
    fn warn(&self, text: &str);
    fn diagnostic(&self, warning: &Diagnostic);

    /// A line of Go's stderr; true if it told of progress and is done with.
    fn go_line(&self, line: &str) -> bool {
        let tells_progress = ["go: downloading ", "go: extracting ", "go: finding "];
        let is_progress = tells_progress.iter().any(|start| line.starts_with(start));
        if is_progress {
            self.phase(line);
        }
        is_progress
    }
}

/// Says nothing.
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _: &str) {}
    fn detail(&self, _: &str) {}
    fn warn(&self, _: &str) {}
    fn diagnostic(&self, _: &Diagnostic) {}
}
