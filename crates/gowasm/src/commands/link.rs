//! `gowasm link`: takes the place of `go tool link` for wasm.

use crate::context::Context;
use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use gowasm_link::{Error, Options};
use std::ffi::OsString;
use std::process::ExitCode;

const EXAMPLES: &str = "\
The module is byte for byte the one that `go tool link` of the archives' Go writes.

Example:
  gowasm link -o module.wasm -importcfg importcfg -buildmode=c-shared main.a";

/// Link package archives, with the flags and arguments of `go tool link`
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// As for `go tool link`: -o -importcfg -buildmode -X -s -w -buildid ..
    #[arg(value_name = "FLAGS AND ARCHIVE", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Args {
    pub(crate) fn new(arguments: Vec<OsString>) -> Self {
        Args { arguments }
    }
}

pub(crate) fn run(args: Args, _context: &Context) -> Result<ExitCode, Failure> {
    let options = Options::parse(args.arguments).map_err(failure)?;
    gowasm_link::link(&options).map_err(failure)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::Usage(_) => Failure::Usage(Diagnostic::error(error.to_string())),
        error => Failure::Input(error.into_diagnostics()),
    }
}
