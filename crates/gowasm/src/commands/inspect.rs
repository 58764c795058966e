//! `gowasm inspect`: a module's interface, as the manifest that its bytes alone can give.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm inspect plugin.wasm
  gowasm inspect plugin.wasm | jq -r '.exports[].name'

Go types and positions are in NAME.manifest.json, which `gowasm build` writes beside the module.";

/// Print a module's interface as JSON
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A wasm module, of Go or not
    module: PathBuf,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let path = context.started_in.join(&args.module);
    let shown = context.shown(&path);
    let bytes = std::fs::read(&path).map_err(|error| unreadable(&shown, &error))?;
    let manifest = Manifest::from_module(&bytes).map_err(|mut fault| {
        fault.message = format!("{shown}: {}", fault.message);
        fault
    })?;
    output::json(&manifest.to_json())?;
    Ok(ExitCode::SUCCESS)
}

fn unreadable(shown: &str, error: &io::Error) -> Failure {
    let diagnostic = Diagnostic::error(format!("cannot read {shown}: {error}"));
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => {
            Failure::Input(vec![diagnostic.hint("name a .wasm file")])
        }
        _ => Failure::Environment(diagnostic.hint("make the file readable")),
    }
}
