//! `gowasm bazel test`

use super::compile;
use crate::failure::Failure;
use gowasm_bazel::CompileTest;
use gowasm_diagnostic::Diagnostic;
use std::path::PathBuf;

/// Compile a package and its tests to the packages of a test program
#[derive(clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    package: compile::Args,
    /// The archive of the tests that look at the package from outside
    #[arg(long, value_name = "FILE")]
    external: PathBuf,
    /// The archive of package main
    #[arg(long, value_name = "FILE")]
    main: PathBuf,
    /// A package that the tests import and that imports the package
    #[arg(long = "importer", value_name = "IMPORTPATH")]
    importers: Vec<String>,
}

pub(crate) fn run(args: Args) -> Result<Vec<Diagnostic>, Failure> {
    gowasm_bazel::compile_test(&CompileTest {
        package: args.package.into_request(),
        external: args.external,
        main: args.main,
        importers: args.importers,
    })
}
