//! `gowasm test`: `go test` for wasip1, with our linker and our engine.

use crate::context::Context;
use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

const EXAMPLES: &str = "\
Examples:
  gowasm test ./...
  gowasm test -run 'TestParse' -v .
  gowasm test -cover -json ./...

Arguments and output are those of `go test`. GOWASM_GO names another go than the one on the PATH.
Tests see the machine's files and environment, as tests that run natively do.";

/// Run `go test` for wasip1, without any configuration
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Flags and packages, as `go test` takes them
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Args {
    pub(crate) fn new(arguments: Vec<OsString>) -> Self {
        Args { arguments }
    }
}

pub(crate) fn run(args: Args, _context: &Context) -> Result<ExitCode, Failure> {
    let own = std::env::current_exe().map_err(|error| {
        Failure::Environment(Diagnostic::error(format!("cannot find the own program: {error}")))
    })?;
    let own = quoted(&own)?;
    let go = std::env::var_os("GOWASM_GO").unwrap_or_else(|| "go".into());
    let status = Command::new(&go)
        .arg("test")
        .arg(format!("-exec={own} run --dir / --inherit-env"))
        .arg(format!("-toolexec={own} toolexec"))
        .args(&args.arguments)
        .envs([("GOOS", "wasip1"), ("GOARCH", "wasm")])
        .status()
        .map_err(|error| {
            let message = format!("cannot start {}: {error}", go.display());
            let hint = "install Go 1.24 or newer and put it on the PATH, or name it with GOWASM_GO";
            Failure::Environment(Diagnostic::error(message).hint(hint))
        })?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// Go splits such flags at blanks, and takes what stands between quotes as one word.
fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains('\''));
    let text = text.ok_or_else(|| {
        let message = format!("go cannot be told of a program at {}", path.display());
        let hint = "install gowasm at a path of UTF-8 without quotes";
        Failure::Environment(Diagnostic::error(message).hint(hint))
    })?;
    Ok(format!("'{text}'"))
}
