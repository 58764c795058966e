//! `gowasm bazel image`

use crate::failure::Failure;
use gowasm_bazel::Image;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use std::path::PathBuf;

/// Write a module as an OCI image layout
#[derive(clap::Args)]
pub(crate) struct Args {
    module: PathBuf,
    #[arg(long, value_name = "GOOS")]
    goos: Goos,
    /// What those who pull it call the file
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The folder to fill
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(crate) fn run(args: Args) -> Result<Vec<Diagnostic>, Failure> {
    gowasm_bazel::image(&Image {
        module: args.module,
        goos: args.goos,
        name: args.name,
        output: args.output,
    })?;
    Ok(Vec::new())
}
