//! `gowasm bazel link`

use super::dependencies;
use crate::deny::DenyArgs;
use crate::failure::Failure;
use gowasm_bazel::Link;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos, Target};
use gowasm_guard::Guard;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Link package archives to a module and write its manifest
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The root of the Go SDK
    #[arg(long, value_name = "DIR")]
    sdk: PathBuf,
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
    /// A package of the program, package main and those of the standard library too: its target and its archive
    #[arg(long = "dep", num_args = 3, value_names = ["IMPORTPATH", "LABEL", "FILE"])]
    deps: Vec<String>,
    /// What `gowasm bazel compile` found in a package
    #[arg(long, value_name = "FILE")]
    directives: Vec<PathBuf>,
    /// Set a string variable that must be there, as `go tool link -X` does; {NAME} in the value is a
    /// variable of a --status file
    #[arg(long = "define", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    definitions: Vec<String>,
    /// The same of a variable that need not be there; --define comes after it
    #[arg(long = "define-default", value_name = "NAME=VALUE", allow_hyphen_values = true)]
    defaults: Vec<String>,
    /// A file of Bazel's with the workspace's status; without one, variables whose values need it stay as
    /// they are
    #[arg(long, value_name = "FILE")]
    status: Vec<PathBuf>,
    /// Another flag of `go tool link`, such as -s
    #[arg(long = "flag", value_name = "FLAG", allow_hyphen_values = true)]
    flags: Vec<String>,
    /// Which calls at a wrong time the exports refuse: full, allow-exit or none (docs/guard.md)
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    guard: Guard,
    /// Put the manifest into the module as well
    #[arg(long)]
    embed_manifest: bool,
    #[command(flatten)]
    deny: DenyArgs,
    /// The module, not verified yet
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// The names of the functions that directives export, one a line
    #[arg(long, value_name = "FILE")]
    exports: PathBuf,
}

pub(crate) fn run(args: Args, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let request = Link {
        sdk: args.sdk,
        target: Target { goos: args.goos, build_mode: args.buildmode },
        import_path: args.importpath,
        main: args.main,
        packages: dependencies(args.deps),
        directives: args.directives,
        definitions: args.definitions,
        defaults: args.defaults,
        status: args.status,
        flags: args.flags,
        deny: args.deny.deny()?,
        embed_manifest: args.embed_manifest,
        guard: if args.goos == Goos::Js { Guard::None } else { args.guard },
        output: args.output,
        manifest: args.manifest,
        exports: args.exports,
    };
    gowasm_bazel::link(&request, cancel)
}
