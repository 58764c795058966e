//! Measurements beside the peers: A and B in turn, in one run, as medians and ratios.

mod analysis;
mod bazel;
mod build;
mod check;
mod inputs;
mod link;
mod measure;
mod remote;
mod size;
mod speed;
mod verify;

use crate::table::Table;
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use std::process::ExitCode;

#[derive(Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
    /// Print the table as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum What {
    /// The Bazel rules' analysis of 500 and 2,000 packages, beside rules_go's: time and heap
    Analysis,
    /// The Bazel rules: a clean build locally, with remote execution and out of a remote cache
    Bazel,
    /// `gowasm build` beside `go build`: nothing changed, one line changed
    Build,
    /// `gowasm check` beside `go vet`, on a package with 300 dependencies
    Check,
    /// `gowasm link` beside `go tool link` on the same inputs
    Link,
    /// A build out of a remote cache beside a cold `go build`, and beside GOCACHEPROG alone
    Remote,
    /// Modules made small, beside Go's and wasm-opt's where it is on the path
    Size,
    /// What modules made small do, beside the same at level none, in wasmtime, wasmi and node
    Speed,
    /// `gowasm verify` in every engine, beside wasmtime and wazero themselves
    Verify,
}

/// What was measured, in words, and the figures.
struct Findings {
    conditions: String,
    table: Table,
}

pub(crate) fn run(bench: &Bench) -> Result<ExitCode> {
    let Findings { conditions, table } = match bench.what {
        What::Analysis => analysis::run(),
        What::Bazel => bazel::run(),
        What::Build => build::run(),
        What::Check => check::run(),
        What::Link => link::run(),
        What::Remote => remote::run(),
        What::Size => size::run(),
        What::Speed => speed::run(),
        What::Verify => verify::run(),
    }?;
    if bench.json {
        let found = json!({ "conditions": conditions, "rows": table.json() });
        println!("{found:#}");
    } else {
        println!("{conditions}");
        table.print(1);
    }
    Ok(ExitCode::SUCCESS)
}
