//! `go build -toolexec`: our linker in the place of Go's, every other tool as it is.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::AtomicBool;

use gowasm_diagnostic::Diagnostic;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::options::Options;

/// Why a tool could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error(transparent)]
    Link(#[from] Error),
    #[error("cannot run {tool}: {source}")]
    Run { tool: String, source: std::io::Error },
    #[error("{tool} -V=full did not say what it is: {answer:?}")]
    Version { tool: String, answer: String },
}

/// How a tool that cmd/go wanted to run ended.
#[derive(Debug)]
pub enum ToolEnd {
    /// It was started, and has said itself what there is to say.
    Ran(ExitStatus),
    /// A module was linked in its place, with these warnings.
    Linked(Vec<Diagnostic>),
    /// What it is, for its stdout.
    Version(String),
}

/// Runs a Go tool for cmd/go: links itself when the tool is `link` and the target is wasm, and
/// otherwise becomes the tool.
pub fn toolexec(tool: &Path, args: &[OsString], cancel: &AtomicBool) -> Result<ToolEnd, ToolError> {
    let is_link = tool.file_stem().is_some_and(|name| name == "link");
    let for_wasm = std::env::var_os("GOARCH").is_some_and(|arch| arch == "wasm");
    if !is_link || !for_wasm {
        return run(tool, args).map(ToolEnd::Ran);
    }
    let options = match args {
        [only] if only.to_str().is_some_and(|arg| arg.starts_with("-V")) => {
            return version_line(tool).map(ToolEnd::Version);
        }
        args => Options::parse(args.iter().cloned())?,
    };
    Ok(ToolEnd::Linked(crate::link(&options, cancel)?.warnings))
}

/// In the place of this process where that can be: then a signal ends the tool, and none stays behind.
fn run(tool: &Path, args: &[OsString]) -> Result<ExitStatus, ToolError> {
    let mut command = Command::new(tool);
    command.args(args);
    #[cfg(unix)]
    let ended = Err(std::os::unix::process::CommandExt::exec(&mut command));
    #[cfg(not(unix))]
    let ended = command.status();
    ended.map_err(|source| ToolError::Run { tool: tool.display().to_string(), source })
}

/// The answer to `link -V=full`, from which cmd/go keys its cache: that of Go's linker, marked with
/// the identity of this one, so that neither is ever taken for the other.
pub fn version_line(tool: &Path) -> Result<String, ToolError> {
    let shown = tool.display().to_string();
    let output = gowasm_process::output(Command::new(tool).arg("-V=full"))
        .map_err(|source| ToolError::Run { tool: shown.clone(), source })?;
    let answer = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if !output.status.success() || !answer.starts_with("link version ") {
        return Err(ToolError::Version { tool: shown, answer });
    }
    Ok(mark_version(&answer, &identity()))
}

/// The same for this linker where it is asked by itself, not on behalf of a Go linker.
pub fn own_version_line() -> String {
    format!("link version gowasm-{}", identity())
}

/// Of a development toolchain cmd/go looks at the last field, `buildID=…`; of a release at the
/// whole line. So the mark goes where it counts in both.
fn mark_version(answer: &str, identity: &str) -> String {
    match answer.rsplit_once(" buildID=") {
        Some((front, id)) => {
            format!("{front} gowasm-{identity} buildID={identity}/{id}/{identity}")
        }
        None => format!("{answer} gowasm-{identity}"),
    }
}

/// What this build of the linker is: its version and the hash of the program it is part of.
fn identity() -> String {
    let program = std::env::current_exe().and_then(std::fs::read).unwrap_or_default();
    let hash = Sha256::digest(&program);
    let hex: String = hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{hex}", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::mark_version;

    #[test]
    fn marks_where_go_looks() {
        assert_eq!(
            mark_version("link version go1.26.8", "1-a"),
            "link version go1.26.8 gowasm-1-a"
        );
        assert_eq!(
            mark_version("link version devel go1.28 buildID=x/y", "1-a"),
            "link version devel go1.28 gowasm-1-a buildID=1-a/x/y/1-a"
        );
    }
}
