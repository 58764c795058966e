//! How a build tells what it is doing.

use crate::build::Session;
use crate::toolchain::Toolchain;
use gowasm_diagnostic::Diagnostic;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

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

/// Tells of the packages that `go list -export -v` names as it compiles them. The standard library, which
/// every Go compiles once for a target, takes most of the time of a first build.
pub(crate) struct Compiling<'a> {
    progress: &'a dyn Progress,
    standard: PathBuf,
    goos: &'static str,
    package: &'a str,
    said: Mutex<Said>,
}

/// Packages are compiled side by side: what is said is said once.
#[derive(Default, PartialEq)]
enum Said {
    #[default]
    Nothing,
    Standard,
    Rest,
}

impl<'a> Compiling<'a> {
    pub(crate) fn new(session: &Session<'a>, toolchain: &Toolchain) -> Self {
        Compiling {
            progress: session.progress,
            standard: toolchain.goroot.join("src"),
            goos: session.request.target.goos.as_str(),
            package: &session.request.package,
            said: Mutex::default(),
        }
    }

    fn compiles(&self, import_path: &str) {
        self.progress.detail(&format!("compiling {import_path}"));
        let is_standard = self.standard.join(import_path).is_dir();
        let mut said = self.said.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if is_standard && *said == Said::Nothing {
            *said = Said::Standard;
            let what = "the standard library, once for each Go and target";
            self.progress.phase(&format!("compiling {what}: {}/wasm", self.goos));
        } else if !is_standard && *said == Said::Standard {
            *said = Said::Rest;
            self.progress.phase(&format!("compiling {}", self.package));
        }
    }
}

impl Progress for Compiling<'_> {
    fn phase(&self, what: &str) {
        self.progress.phase(what);
    }

    fn detail(&self, line: &str) {
        self.progress.detail(line);
    }

    fn warn(&self, text: &str) {
        self.progress.warn(text);
    }

    fn diagnostic(&self, warning: &Diagnostic) {
        self.progress.diagnostic(warning);
    }

    fn go_line(&self, line: &str) -> bool {
        if self.progress.go_line(line) {
            return true;
        }
        let is_package = is_import_path(line);
        if is_package {
            self.compiles(line);
        }
        is_package
    }
}

/// What else Go and its tools say has white space in it, or a colon.
fn is_import_path(line: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !line.is_empty() && line.bytes().all(allowed) && Path::new(line).is_relative()
}
