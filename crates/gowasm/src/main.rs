//! The command line. One file a subcommand under `commands/`.

mod cli;
mod commands;
mod context;
mod failure;
mod message;
mod progress;
mod remote;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
