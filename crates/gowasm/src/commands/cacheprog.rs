//! `gowasm cacheprog`

use crate::context::Context;
use crate::failure::Failure;
use crate::remote::RemoteArgs;
use gowasm_diagnostic::Diagnostic;
use gowasm_store::{Servers, Store};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;

const EXAMPLES: &str = "\
Example:
  GOCACHEPROG='gowasm cacheprog --remote-cache grpc://cache:9092' go build ./...

`gowasm build` starts it by itself when a remote cache is named, unless GOCACHEPROG is set.";

/// Keep what the go command compiles in the store, as its GOCACHEPROG (Go 1.24 and later)
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Where results are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GOWASM_STORE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let options = args.remote.options(&context.started_in)?.without_executor();
    let mut store = Store::open(args.store.as_deref())?;
    store.connect(&Servers::new(options, &context.cancel))?;
    let said = Mutex::new(BTreeSet::new());
    let warn = |warning: &str| {
        let mut said = said.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if said.insert(warning.to_owned()) {
            context.report(&Diagnostic::warning(warning));
        }
    };
    store.take_warnings().iter().for_each(|warning| warn(&warning.to_string()));
    gowasm_build::cacheprog(&store, io::stdin().lock(), io::stdout(), &warn).map_err(|error| {
        Failure::Environment(Diagnostic::error(format!("lost touch with go: {error}")))
    })?;
    Ok(ExitCode::SUCCESS)
}
