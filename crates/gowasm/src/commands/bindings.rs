//! `gowasm bindings`: a Rust file by which a host calls a module.

use crate::context::Context;
use crate::failure::Failure;
use crate::input;
use crate::output;
use gowasm_build::{Bindings, Engine};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm bindings plugin.manifest.json > plugin.rs
  gowasm bindings plugin.manifest.json --engine wasmtime --plan plugin.plan.toml -o plugin.rs

The file includes the module, PLUGIN.wasm beside it unless --module names another, and needs the crates
of the engine: `wasmi` and `wasmi_wasi`, or `wasmtime` and `wasmtime-wasi`. Build scripts get the same file
from `gowasm_build::module` (docs/cargo.md).";

/// Write typed bindings of a module for a Rust host
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What the module exports and imports: NAME.manifest.json
    manifest: PathBuf,
    /// What the host runs the module with
    #[arg(long, value_name = "ENGINE", default_value = "wasmi")]
    engine: EngineName,
    /// The module, seen from the file that is written [default: NAME.wasm beside it]
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// A plan whose `[memory]` names the exports that place strings in the module's memory
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// Imports whose host functions call exports of the instance that calls them
    #[arg(long, value_name = "NAME,..", value_delimiter = ',')]
    calling_back: Vec<String>,
    /// Where the bindings go [default: stdout]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum EngineName {
    Wasmi,
    Wasmtime,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let manifest = input::manifest(&args.manifest, context)?;
    let plan = args.plan.as_deref().map(|plan| input::plan(plan, context)).transpose()?;
    let file = args.manifest.file_name().unwrap_or_default().to_string_lossy();
    let name = file.strip_suffix(".manifest.json").or(file.strip_suffix(".json")).unwrap_or(&file);
    let module = args.module.unwrap_or_else(|| PathBuf::from(format!("{name}.wasm")));
    let memory = plan.as_ref().and_then(|plan| plan.memory());
    let text = gowasm_build::write_bindings(&Bindings {
        engine: match args.engine {
            EngineName::Wasmi => Engine::Wasmi,
            EngineName::Wasmtime => Engine::Wasmtime,
        },
        name,
        manifest: &manifest,
        allocator: memory.map(|(give, take)| (give.to_owned(), take.map(str::to_owned))),
        calling_back: &args.calling_back,
        module: &module,
    })?;
    match &args.output {
        Some(place) => std::fs::write(context.started_in.join(place), &text)
            .map_err(|error| Failure::io("write", place, &error))?,
        None => output::text(&text)?,
    }
    Ok(ExitCode::SUCCESS)
}
