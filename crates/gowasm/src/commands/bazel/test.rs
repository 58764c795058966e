//! `gowasm bazel test`

use super::compile;
use crate::failure::Failure;
use gowasm_bazel::CompileTest;
use gowasm_diagnostic::Diagnostic;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Compile the tests of a package from outside, and the main package of the test program
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    package: compile::Args,
    /// What `gowasm bazel compile --with-tests` made of the package: its archive, or what it exports
    #[arg(long, value_name = "FILE")]
    tested: PathBuf,
    /// The archive of the tests that look at the package from outside
    #[arg(long, value_name = "FILE")]
    external: PathBuf,
    /// Make a program that writes a coverage profile on request
    #[arg(long)]
    coverage: bool,
}

pub(crate) fn run(args: Args, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let request = CompileTest {
        package: args.package.into_request(),
        tested: args.tested,
        external: args.external,
        coverage: args.coverage,
    };
    gowasm_bazel::compile_test(&request, cancel)
}
