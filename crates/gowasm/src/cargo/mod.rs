//! `cargo gowasm`: the same commands for the modules that Cargo.toml names.

mod build;
mod modules;
mod verify;

use crate::cli::{self, EXIT_CODES, GlobalArgs};
use crate::commands;
use crate::context::Context;
use crate::deny::DenyArgs;
use crate::failure::Failure;
use clap::{Parser, Subcommand};
use modules::Selection;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", disable_help_subcommand = true)]
enum Cargo {
    Gowasm(Gowasm),
}

/// Commands that a build starts of the program that it is part of.
const OWN: [&str; 5] = ["cacheprog", "link", "toolexec", "verify", "wasm-opt"];

const EXAMPLES: &str = "\
A module is a table in Cargo.toml:

  [package.metadata.gowasm.calc]         # or [workspace.metadata.gowasm.calc]
  package = \"plugins/calc\"               # a folder, or a Go import path
  buildmode = \"c-shared\"
  plan = \"plugins/calc/calc.plan.toml\"

docs/cargo.md lists all keys.

Examples:
  cargo gowasm build                     modules of the package here, into target/gowasm/
  cargo gowasm build --workspace -j 4    those of all packages and of the workspace
  cargo gowasm check -p host";

/// Build, check and verify the Go plugins that Cargo.toml names
#[derive(clap::Args)]
#[command(version, after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"))]
struct Gowasm {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    global: GlobalArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Build and verify the modules, several at once, and publish them in target/gowasm/
    Build(Box<build::Args>),
    /// Judge the directives of the modules' Go packages without compiling anything
    Check(DenyArgs),
    /// Run the modules that were built against their plans once more
    Verify,
    /// Remove target/gowasm/
    Clean,
}

pub fn run() -> ExitCode {
    // Cargo puts `gowasm` first. What a build starts of itself, Go's cache and compilers and actions of
    // an executor, asks for commands of gowasm's own.
    if std::env::args_os().nth(1).is_some_and(|first| OWN.iter().any(|own| first == *own)) {
        return cli::run();
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    let Cargo::Gowasm(Gowasm { command, selection, global }) = match cli::parse(&arguments) {
        Ok(parsed) => parsed,
        Err(code) => return code,
    };
    cli::finish(&global, None, |context| {
        let found = modules::find(&selection, context)?;
        match command {
            Command::Build(args) => build::run(*args, &found, context),
            Command::Check(deny) => check(&deny, &found, context),
            Command::Verify => verify::run(&found, context),
            Command::Clean => clean(&found, context),
        }
    })
}

fn check(deny: &DenyArgs, found: &modules::Found, context: &Context) -> Result<ExitCode, Failure> {
    let denied = deny.deny()?;
    let requests = found.modules.iter().map(|module| gowasm_build::CheckRequest {
        started_in: module.folder.clone(),
        packages: vec![module.package.clone()],
        target: module.target,
        tags: module.tags.clone(),
        go_flags: module.go_flags.clone(),
        deny: if deny.is_given() { denied.clone() } else { module.deny.clone() },
        go: None,
        offline: found.offline,
        store: None,
    });
    commands::check::check_all(&requests.collect::<Vec<_>>(), context)
}

fn clean(found: &modules::Found, context: &Context) -> Result<ExitCode, Failure> {
    let shown = context.shown(&found.output);
    match std::fs::remove_dir_all(&found.output) {
        Ok(()) => context.say(&format!("removed {shown}")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            let message = format!("cannot remove {shown}: {error}");
            return Err(Failure::Environment(gowasm_diagnostic::Diagnostic::error(message)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
