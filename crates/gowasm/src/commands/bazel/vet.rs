//! `gowasm bazel vet`

use crate::deny::DenyArgs;
use crate::failure::Failure;
use gowasm_bazel::Vet;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos, Target};
use std::path::PathBuf;

/// Judge the directives of a package, or of all packages of a program
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What `gowasm bazel compile` found in a package
    #[arg(long, value_name = "FILE")]
    directives: Vec<PathBuf>,
    /// The packages make up a program for this operating system
    #[arg(long, value_name = "GOOS", requires = "buildmode")]
    goos: Option<Goos>,
    #[arg(long, value_name = "MODE", requires = "goos")]
    buildmode: Option<BuildMode>,
    #[command(flatten)]
    deny: DenyArgs,
    /// The warnings that are left, as JSON
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(crate) fn run(args: Args) -> Result<Vec<Diagnostic>, Failure> {
    let target = args.goos.zip(args.buildmode);
    gowasm_bazel::vet(&Vet {
        directives: args.directives,
        target: target.map(|(goos, build_mode)| Target { goos, build_mode }),
        deny: args.deny.deny()?,
        output: args.output,
    })
}
