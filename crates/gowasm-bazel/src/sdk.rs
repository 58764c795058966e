//! A Go SDK as an input of an action: its version, and its tools with nothing of the machine in their
//! environment.

use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

pub(crate) struct Sdk {
    pub(crate) root: PathBuf,
    /// As Go writes it: `go1.26.8`.
    pub(crate) version: String,
    /// What its programs find in the variable GOEXPERIMENT.
    pub(crate) goexperiment: String,
}

impl Sdk {
    pub(crate) fn open(root: &Path) -> Result<Self, Failure> {
        let root = files::absolute(root)?;
        let text = files::read(&root.join("VERSION"))?;
        let text = String::from_utf8_lossy(&text);
        let version = text.lines().next().unwrap_or_default().trim().to_owned();
        if !version.starts_with("go1.") {
            let place = root.join("VERSION");
            let message = format!("{} names no Go version but `{version}`", place.display());
            return Err(Failure::Environment(
                Diagnostic::error(message).hint("the SDK must be a release of Go"),
            ));
        }
        Ok(Sdk { root, version, goexperiment: String::new() })
    }

    /// The version of the language: `go1.26`.
    pub(crate) fn language(&self) -> String {
        format!("go1.{}", self.minor())
    }

    /// 26 of `go1.26.8` and `go1.26rc1`.
    pub(crate) fn minor(&self) -> u32 {
        let minor = self.version.trim_start_matches("go1.");
        let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
        minor[..digits].parse().unwrap_or_default()
    }

    pub(crate) fn go(&self, goos: Goos, scratch: &Path) -> Command {
        let mut go = self.command(&self.root.join("bin").join("go"), goos);
        go.env("GOCACHE", scratch.join("gocache")).env("GOPATH", scratch.join("gopath"));
        go.env("GO111MODULE", "off").env("GOENV", "off").env("GOTOOLCHAIN", "local");
        go.env("GOTELEMETRY", "off").env("HOME", scratch);
        go
    }

    /// A program of `pkg/tool/HOST`.
    pub(crate) fn tool(&self, name: &str, goos: Goos) -> Result<Command, Failure> {
        let folder = self.root.join("pkg").join("tool");
        let hosts = fs::read_dir(&folder).map_err(|error| Failure::io("read", &folder, &error))?;
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let found = hosts.flatten().map(|host| host.path().join(&file)).find(|path| path.is_file());
        let program = found.ok_or_else(|| {
            let message = format!("the Go SDK has no {name} in {}", folder.display());
            Failure::Environment(Diagnostic::error(message).hint("use a complete release of Go"))
        })?;
        Ok(self.command(&program, goos))
    }

    fn command(&self, program: &Path, goos: Goos) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("GOROOT", &self.root).env("CGO_ENABLED", "0");
        command.env("GOOS", goos.as_str()).env("GOARCH", "wasm").stdin(Stdio::null());
        if !self.goexperiment.is_empty() {
            command.env("GOEXPERIMENT", &self.goexperiment);
        }
        command
    }
}

/// Runs a tool for its stdout. What it says when it fails is the user's to read, after `explain` has
/// given paths the names that the user knows.
pub(crate) fn run(
    mut command: Command,
    cancel: &AtomicBool,
    explain: impl FnOnce(String) -> String,
) -> Result<Vec<u8>, Failure> {
    let finished = match gowasm_process::run(&mut command, cancel, None, &|_| false) {
        Ok(finished) => finished,
        Err(gowasm_process::Error::Interrupted) => return Err(Failure::Interrupted),
        Err(gowasm_process::Error::Start(error) | gowasm_process::Error::Lost(error)) => {
            let program = command.get_program().to_string_lossy().into_owned();
            return Err(Failure::io("start", Path::new(&program), &error));
        }
    };
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    let mut said = String::from_utf8_lossy(&finished.stdout).into_owned();
    said.push_str(&finished.stderr);
    if said.trim().is_empty() {
        said = format!("{} ended with {}\n", command.get_program().display(), finished.status);
    }
    Err(Failure::Tool(explain(said)))
}
