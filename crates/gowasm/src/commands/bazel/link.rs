//! `gowasm bazel link`

use super::archive;
use crate::context::Context;
use crate::failure::Failure;
use gowasm_bazel::Link;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos, Target};
use std::path::PathBuf;

/// Link package archives to a module and write its manifest
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The root of the Go SDK
    #[arg(long, value_name = "DIR")]
    sdk: PathBuf,
    /// What `gowasm bazel std` made of it
    #[arg(long, value_name = "DIR")]
    std: PathBuf,
    #[arg(long, value_name = "GOOS")]
    goos: Goos,
    #[arg(long, value_name = "MODE")]
    buildmode: BuildMode,
    /// The import path of package main
    #[arg(long, value_name = "IMPORTPATH")]
    importpath: String,
    /// The archive of package main
    #[arg(long, value_name = "FILE")]
    main: PathBuf,
    /// Another package of the program
    #[arg(long = "dep", value_name = "IMPORTPATH=FILE", value_parser = archive)]
    archives: Vec<(String, PathBuf)>,
    /// What `gowasm bazel compile` found in a package
    #[arg(long, value_name = "FILE")]
    directives: Vec<PathBuf>,
    /// Set a string variable, as `go tool link -X` does
    #[arg(long = "define", value_name = "NAME=VALUE")]
    definitions: Vec<String>,
    /// Another flag of `go tool link`, such as -s
    #[arg(long = "flag", value_name = "FLAG", allow_hyphen_values = true)]
    flags: Vec<String>,
    /// Leave out the guard in front of the exports (docs/guard.md)
    #[arg(long)]
    no_guard: bool,
    /// The module, not verified yet
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The names of the functions that directives export, one a line
    #[arg(long, value_name = "FILE")]
    exports: PathBuf,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<Vec<Diagnostic>, Failure> {
    let request = Link {
        sdk: args.sdk,
        std: args.std,
        target: Target { goos: args.goos, build_mode: args.buildmode },
        import_path: args.importpath,
        main: args.main,
        archives: args.archives,
        directives: args.directives,
        definitions: args.definitions,
        flags: args.flags,
        guard: !args.no_guard && args.goos == Goos::Wasip1,
        output: args.output,
        manifest: args.manifest,
        exports: args.exports,
    };
    gowasm_bazel::link(&request, &context.cancel)
}
