//! Runs Go's tools, with failures of a build.

use crate::Failure;
use gowasm_diagnostic::Diagnostic;
pub(crate) use gowasm_process::Finished;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Runs the command to its end. `on_line` sees every line of stderr as it comes, and keeps it out of
/// the collected text by returning true.
pub(crate) fn run(
    command: Command,
    cancel: &AtomicBool,
    on_line: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Finished, Failure> {
    run_within(command, cancel, None, on_line)
}

/// The same for a command that may take so long and no longer.
pub(crate) fn run_within(
    mut command: Command,
    cancel: &AtomicBool,
    time: Option<Duration>,
    on_line: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Finished, Failure> {
    gowasm_process::run(&mut command, cancel, time, on_line).map_err(|error| {
        let program = command.get_program().to_string_lossy();
        match error {
            gowasm_process::Error::Interrupted => Failure::Interrupted,
            gowasm_process::Error::Start(error) => Failure::Environment(
                Diagnostic::error(format!("cannot start {program}: {error}"))
                    .hint("check that it is a program that this machine can run"),
            ),
            gowasm_process::Error::Lost(error) => Failure::Environment(Diagnostic::error(format!(
                "lost touch with {program}: {error}"
            ))),
        }
    })
}

/// The program of that name on the path.
pub(crate) fn on_path(name: &Path) -> Option<PathBuf> {
    places_on_path(name).into_iter().find(|candidate| candidate.is_file())
}

/// Where a program of that name is looked for.
pub(crate) fn places_on_path(name: &Path) -> Vec<PathBuf> {
    let file = format!("{}{}", name.display(), std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(&file)).collect()
}

/// Whether a file is a program for an interpreter, such as a shell script: what it does depends on more
/// than its own bytes.
pub(crate) fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}
