//! `gowasm bazel ACTION --persistent_worker`

use super::perform;
use crate::cli::Cli;
use crate::commands::Command;
use crate::failure::Failure;
use crate::param_file;
use clap::Parser;
use gowasm_bazel::{Performed, WorkRequest};
use gowasm_diagnostic::Renderer;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::{env, io, process};

/// `start` is what a worker's command line has before the flag: the arguments of all its actions.
pub(crate) fn run(start: &[OsString]) -> Result<ExitCode, Failure> {
    let served = gowasm_bazel::serve(io::stdin().lock(), io::stdout(), |request, cancel| {
        let all = start.iter().cloned().chain(request.arguments.iter().map(OsString::from));
        match request.sandbox_dir.as_str() {
            "" => here(all.collect(), cancel),
            _ => in_sandbox(all.collect(), request, cancel),
        }
    });
    served.map_err(|error| Failure::io("read requests from", Path::new("stdin"), &error))?;
    Ok(ExitCode::SUCCESS)
}

fn here(arguments: Vec<OsString>, cancel: &AtomicBool) -> Performed {
    // Bazel reads no files of this form for its workers.
    let arguments = match param_file::expand(arguments) {
        Ok(arguments) => arguments,
        Err(failure) => return failed(&failure),
    };
    let command = match Cli::try_parse_from(&arguments).map(|cli| cli.command) {
        Ok(Command::Bazel(args)) => args.action,
        Ok(_) => unreachable!("a worker is started as `gowasm bazel`"),
        Err(error) => {
            return Performed { exit_code: 2, output: error.render().to_string() };
        }
    };
    match perform(command, cancel) {
        Ok(warnings) => {
            let renderer = Renderer::plain();
            let warnings = warnings.iter().map(|warning| renderer.diagnostic(warning));
            Performed { exit_code: 0, output: warnings.collect() }
        }
        Err(failure) => failed(&failure),
    }
}

fn failed(failure: &Failure) -> Performed {
    Performed { exit_code: failure.code(), output: failure.to_string() }
}

/// A process has one working directory, and here it would have to be another for each request.
fn in_sandbox(arguments: Vec<OsString>, request: &WorkRequest, cancel: &AtomicBool) -> Performed {
    let lost =
        |error| failed(&Failure::io("run gowasm in", Path::new(&request.sandbox_dir), &error));
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return lost(error),
    };
    let mut command = process::Command::new(program);
    command.args(&arguments[1..]).current_dir(&request.sandbox_dir);
    match gowasm_process::run(&mut command, cancel, None, &|_| false) {
        Ok(finished) => Performed {
            exit_code: finished.status.code().and_then(|code| code.try_into().ok()).unwrap_or(1),
            output: finished.stderr,
        },
        Err(gowasm_process::Error::Interrupted) => failed(&Failure::Interrupted),
        Err(gowasm_process::Error::Start(error) | gowasm_process::Error::Lost(error)) => {
            lost(error)
        }
    }
}
