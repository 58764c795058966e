//! `gowasm bazel std`

use crate::failure::Failure;
use gowasm_bazel::Std;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use std::path::PathBuf;

/// Compile the standard library
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The root of the Go SDK
    #[arg(long, value_name = "DIR")]
    sdk: PathBuf,
    #[arg(long, value_name = "GOOS")]
    goos: Goos,
    /// The folder to fill: an archive a package, importcfg, directives.json
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// The folder to fill for compilations: of each archive what importers need
    #[arg(long, value_name = "DIR")]
    export: PathBuf,
}

pub(crate) fn run(args: Args) -> Result<Vec<Diagnostic>, Failure> {
    gowasm_bazel::std(&Std {
        sdk: args.sdk,
        goos: args.goos,
        output: args.output,
        export: args.export,
    })?;
    Ok(Vec::new())
}
