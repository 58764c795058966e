//! `gowasm diff`: tells compatible from breaking changes of an interface.

use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Change, Effect, Manifest, diff};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm diff released.wasm plugin.wasm
  gowasm diff released.manifest.json plugin.manifest.json

Breaking: an export that is gone or has another type, an import that is new or has another type,
another build mode or GOOS. The exit code is 1 if there is one, with --exact if there is any change, and 0
otherwise.";

/// Compare the interfaces of two modules: what would a host notice?
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What hosts know: a wasm module, or a manifest
    old: PathBuf,
    /// What they are to be given: a wasm module, or a manifest
    new: PathBuf,
    /// Fail at compatible changes as well
    #[arg(long)]
    exact: bool,
}

#[derive(Serialize)]
struct Compared<'a> {
    schema_version: u32,
    compatible: bool,
    changes: &'a [Change],
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let (old, new) = (interface(&args.old, context)?, interface(&args.new, context)?);
    let changes = diff(&old, &new);
    let compatible = changes.iter().all(|change| change.effect == Effect::Compatible);
    match context.format {
        MessageFormat::Json => message::print(&Compared {
            schema_version: message::SCHEMA_VERSION,
            compatible,
            changes: &changes,
        })?,
        MessageFormat::Human => {
            let lines: String = changes.iter().map(|change| format!("{change}\n")).collect();
            output::text(&lines)?;
            if changes.is_empty() {
                context.say("the interfaces are the same");
            }
        }
    }
    let passed = if args.exact { changes.is_empty() } else { compatible };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// A module's own interface, or what a manifest says of one.
fn interface(path: &Path, context: &Context) -> Result<Manifest, Failure> {
    let (bytes, shown) = crate::input::read(path, context)?;
    if bytes.starts_with(b"\0asm") {
        return Ok(Manifest::from_module(&bytes).map_err(|fault| Diagnostic {
            message: format!("{shown}: {}", fault.message),
            ..fault
        })?);
    }
    Manifest::parse(&bytes).map_err(|why| {
        Diagnostic::error(format!("{shown} is neither a wasm module nor a manifest: {why}"))
            .hint("name NAME.wasm or the NAME.manifest.json that `gowasm build` writes")
            .into()
    })
}
