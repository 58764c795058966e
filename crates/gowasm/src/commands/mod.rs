//! One file a subcommand. Each has `Args`, which clap fills, and `run`.

use crate::context::Context;
use crate::failure::Failure;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {}

pub(crate) fn run(command: Command, _context: &Context) -> Result<ExitCode, Failure> {
    match command {}
}
