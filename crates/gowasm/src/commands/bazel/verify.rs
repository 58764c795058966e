//! `gowasm bazel verify`

use crate::failure::Failure;
use gowasm_bazel::Verify;
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::{Limits, MissingImports};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Run a linked module as its plan says, and give it its name if it passes
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The module as `gowasm bazel link` wrote it
    module: PathBuf,
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// The root of the Go SDK, for modules of GOOS=js
    #[arg(long, value_name = "DIR", requires = "node")]
    sdk: Option<PathBuf>,
    /// The node that runs modules of GOOS=js
    #[arg(long, value_name = "FILE", requires = "sdk")]
    node: Option<PathBuf>,
    /// How much memory the module may use
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = gowasm_store::parse_size)]
    memory_limit: u64,
    /// How many instructions each step may take
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().steps)]
    step_limit: u64,
    /// How long all of the verification may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = Limits::default().seconds)]
    time_limit: u64,
    /// What becomes of imports that neither WASI nor the plan supplies: `trap` when they are called;
    /// `refuse` the module; or `stop` at the first call, so that what comes before it is what is verified
    /// [default: what the plan says, or trap]
    #[arg(long, value_name = "WHAT")]
    missing_imports: Option<MissingImports>,
    /// The module under its name
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "FILE")]
    verdict: PathBuf,
}

pub(crate) fn run(args: Args, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let request = Verify {
        module: args.module,
        manifest: args.manifest,
        plan: args.plan,
        js: args.sdk.zip(args.node),
        limits: Limits {
            memory_bytes: args.memory_limit,
            steps: args.step_limit,
            seconds: args.time_limit,
        },
        missing_imports: args.missing_imports,
        output: args.output,
        verdict: args.verdict,
    };
    gowasm_bazel::verify(&request, cancel)?;
    Ok(Vec::new())
}
