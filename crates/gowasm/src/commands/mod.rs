//! One file a subcommand. Each has `Args`, which clap fills, and `run`.

mod build;
mod check;
mod inspect;
mod store;

use crate::context::Context;
use crate::failure::Failure;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    Build(build::Args),
    Check(check::Args),
    Inspect(inspect::Args),
    Store(store::Args),
}

pub(crate) fn run(command: Command, context: &Context) -> Result<ExitCode, Failure> {
    match command {
        Command::Build(args) => build::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Inspect(args) => inspect::run(args, context),
        Command::Store(args) => store::run(args, context),
    }
}
