//! `gowasm inspect`: a module's interface, as the manifest that its bytes alone can give.

use crate::context::Context;
use crate::failure::Failure;
use crate::input::read;
use crate::output;
use gowasm_directive::Manifest;
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
    let (bytes, shown) = read(&args.module, context)?;
    let manifest = Manifest::from_module(&bytes).map_err(|mut fault| {
        fault.message = format!("{shown}: {}", fault.message);
        fault
    })?;
    output::json(&manifest.to_json())?;
    Ok(ExitCode::SUCCESS)
}
