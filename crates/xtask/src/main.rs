//! `cargo xtask`: sets up what a fresh machine lacks, then shows, tests or measures gowasm.

mod bazel;
mod bench;
mod demo;
mod docs;
mod examples;
mod go_releases;
mod project;
mod release;
mod servers;
mod table;
mod test;
mod tools;

use clap::{Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development chores; each sets up what it needs")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Build and verify the examples, twice and with two Go versions, and print a table
    Demo,
    /// Run the whole test suite; the last line is `N passed, N failed, N skipped`
    Test {
        /// Only the rules under a real Bazel, and buildifier; or of that only PART
        #[arg(long, value_name = "PART", num_args = 0..=1, require_equals = true)]
        bazel: Option<Option<bazel::e2e::Part>>,
    },
    /// Write docs/bazel-reference.md of the docstrings of the Bazel rules
    Docs,
    /// Install the Go toolchains, Bazel and servers of the tests and print where they are
    Tools,
    /// Write a Bazel workspace of many Go packages into a folder
    Monorepo {
        folder: PathBuf,
        #[command(flatten)]
        monorepo: bazel::Monorepo,
    },
    /// Make a release: the gowasm program of this machine, the Bazel module, and its entry for a registry
    Release(release::Release),
    /// Write the digests of these versions' Go SDKs, checked by Go's checksum database, for the Bazel rules
    LockGo {
        #[arg(required = true)]
        versions: Vec<String>,
    },
    /// Measure beside the peers, in turn, and print medians and ratios
    Bench(bench::Bench),
    /// Link a build's programs with Go's linker and ours, and say the first difference in words
    LinkDiff {
        /// `go` arguments: build PACKAGE.. or test PACKAGE..
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        arguments: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Cli::parse().chore {
        Chore::Demo => {
            demo::run(demo::GoCaches::OfTheUser).map(|shown| ExitCode::from(u8::from(!shown)))
        }
        Chore::Test { bazel } => test::run(bazel),
        Chore::Docs => bazel::reference::write().map(|()| ExitCode::SUCCESS),
        Chore::Tools => tools::show(),
        Chore::Monorepo { folder, monorepo } => {
            let checkout = project::root().display().to_string();
            monorepo.write(&folder, &checkout).map(|()| ExitCode::SUCCESS)
        }
        Chore::Release(release) => release.make().map(|()| ExitCode::SUCCESS),
        Chore::LockGo { versions } => go_releases::lock(&versions).map(|()| ExitCode::SUCCESS),
        Chore::Bench(bench) => bench::run(&bench),
        Chore::LinkDiff { arguments } => project::link_diff(&arguments),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
