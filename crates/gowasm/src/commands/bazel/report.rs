//! `gowasm bazel report`

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use gowasm_bazel::Report;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// Run a test program as `gowasm run` does, and report on its tests as XML
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the tests are called
    #[arg(long)]
    name: String,
    /// The report
    #[arg(long, value_name = "FILE")]
    xml: Option<PathBuf>,
    /// The arguments of `gowasm run`, the program's with -test.v=test2json
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<ExitCode, Failure> {
    // A process of its own: its stdout is the program's.
    let own = std::env::current_exe()
        .map_err(|error| Failure::io("find", Path::new("gowasm"), &error))?;
    let failed = |error| Failure::io("run", &own, &error);
    let mut command = Command::new(&own);
    command
        .arg("run")
        .args(&args.arguments)
        .stdout(Stdio::piped())
        .current_dir(&context.started_in);
    let mut child = command.spawn().map_err(failed)?;
    let mut report = Report::default();
    if let Some(output) = child.stdout.take() {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            // At once: whoever follows the log wants to see how far the tests are.
            output::exact(report.line(&line))?;
            line.clear();
        }
    }
    let code = child.wait().map_err(failed)?.code();
    if let Some(xml) = &args.xml {
        report.write(&args.name, code, xml)?;
    }
    Ok(ExitCode::from(code.map_or(1, |code| code as u8)))
}
