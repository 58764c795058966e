//! Measurements beside the peers: A and B in turn, in one run, as medians and ratios.

mod build;
mod link;
mod measure;
mod verify;

use anyhow::Result;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Bench {
    /// `gowasm build` beside `go build`: nothing changed, one line changed
    Build,
    /// `gowasm link` beside `go tool link` on the same inputs
    Link,
    /// `gowasm verify` beside wasmtime, from file to answers
    Verify,
}

pub(crate) fn run(bench: Bench) -> Result<ExitCode> {
    match bench {
        Bench::Build => build::run(),
        Bench::Link => link::run(),
        Bench::Verify => verify::run(),
    }?;
    Ok(ExitCode::SUCCESS)
}
