//! `gowasm bazel tags`

use crate::failure::Failure;
use gowasm_bazel::Tags;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Write the build tags that a Go release and its experiments set
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The root of the Go SDK
    #[arg(long, value_name = "DIR")]
    sdk: PathBuf,
    #[arg(long, value_name = "GOOS")]
    goos: Goos,
    /// Experiments of Go's, as the variable GOEXPERIMENT names them
    #[arg(long, value_name = "NAME,..", default_value = "", hide_default_value = true)]
    goexperiment: String,
    /// The file to write, JSON
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(args: Args, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let request = Tags {
        sdk: args.sdk,
        goos: args.goos,
        goexperiment: args.goexperiment,
        output: args.output,
    };
    gowasm_bazel::tags(&request, cancel)?;
    Ok(Vec::new())
}
