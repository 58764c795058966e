//! `gowasm verify`: runs a module against a plan and prints the verdict.

use super::outside::{OutsideArgs, is_built_in};
use crate::context::Context;
use crate::failure::Failure;
use crate::input::{self, read};
use crate::message::MessageFormat;
use crate::output;
use gowasm_build::Settings;
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::{Engine, Limits, MissingImports, Random, Request, Verdict};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm verify plugin.wasm
  gowasm verify plugin.wasm --plan plugin.plan.toml
  gowasm verify plugin.wasm --plan plugin.plan.toml --engine all
  gowasm verify small.wasm --against whole.wasm --random 100
  gowasm verify plugin.wasm --message-format json | jq .passed

docs/plans.md describes plans, docs/verification.md what a module finds while it runs.";

/// Run a module as a plan says, and print the verdict
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A wasm module
    module: PathBuf,
    /// What the module must do, as TOML: calls, arguments, results
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// A manifest whose exports must all be there, such as NAME.manifest.json
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// What runs the module [default: wasmi; node for GOOS=js]; `all` compares what the engines give
    #[arg(long, value_name = "ENGINE")]
    engine: Option<EngineName>,
    /// Do the same with another module, which must give the same: one before it was made small, say
    #[arg(long, value_name = "MODULE")]
    against: Option<PathBuf>,
    /// Beside the plan, call each export so many times with random arguments; exports that take addresses
    /// are left out where a manifest in the module tells them
    #[arg(long, value_name = "COUNT", requires = "against")]
    random: Option<u32>,
    /// What decides random arguments
    #[arg(long, value_name = "NUMBER", requires = "random", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    outside: OutsideArgs,
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
    /// Leave times out, so that the same module and plan give the same bytes of a verdict
    #[arg(long)]
    no_times: bool,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum EngineName {
    /// An interpreter
    Wasmi,
    /// wasmtime with Cranelift, its optimising compiler
    Wasmtime,
    /// wasmtime with its quick compiler
    Winch,
    /// Node.js
    Node,
    /// wazero, in a program that Go builds
    Wazero,
    /// Every one that is there
    All,
}

impl Args {
    /// For a module that was built as Cargo.toml says.
    pub(crate) fn of_module(settings: &Settings, module: &Path) -> Self {
        Args {
            manifest: Some(module.with_extension("manifest.json")),
            module: module.to_owned(),
            plan: settings.plan.as_ref().map(|plan| settings.folder.join(plan)),
            engine: None,
            against: None,
            random: None,
            seed: 1,
            outside: OutsideArgs::of_environment(),
            memory_limit: settings.limits.memory_bytes,
            step_limit: settings.limits.steps,
            time_limit: settings.limits.seconds,
            missing_imports: settings.missing_imports,
            no_times: false,
        }
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let passed = match (&args.against, args.engine) {
        (Some(_), Some(EngineName::All)) => {
            let fault = Diagnostic::error("`--against` compares in one engine");
            return Err(Failure::Usage(fault.hint("name the engine, or leave `--engine` out")));
        }
        (Some(before), _) => {
            let (before, _) = read(before, context)?;
            let random = args.random.map(|calls| Random { calls, seed: args.seed });
            let found = with_request(&args, context, |after, request| {
                gowasm_verify::verify_against(after, &before, random, request)
            })?;
            print(context, || found.to_json(), || found.render())?;
            found.passed
        }
        (None, Some(EngineName::All)) => {
            let found = with_request(&args, context, gowasm_verify::verify_everywhere)?;
            print(context, || found.to_json(), || found.render())?;
            found.passed
        }
        _ => {
            let verdict = verdict(&args, context)?;
            print(context, || verdict.to_json(), || verdict.render())?;
            verdict.passed
        }
    };
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(crate) fn verdict(args: &Args, context: &Context) -> Result<Verdict, Failure> {
    with_request(args, context, gowasm_verify::verify)
}

fn with_request<T>(
    args: &Args,
    context: &Context,
    verify: impl FnOnce(&[u8], &Request<'_>) -> Result<T, gowasm_verify::Failure>,
) -> Result<T, Failure> {
    let engine = engine(args.engine)?;
    let (module, _) = read(&args.module, context)?;
    let plan = args.plan.as_deref().map(|path| input::plan(path, context)).transpose()?;
    let manifest =
        args.manifest.as_deref().map(|path| input::manifest(path, context)).transpose()?;
    let chosen = engine.map_or_else(|| Engine::for_module(&module), Ok)?;
    let outside = match (chosen, args.engine) {
        // Which engines are there is then told with the rest.
        (_, Some(EngineName::All)) => Some(args.outside.outside(args.outside.goroot().ok())),
        // A module of GOOS=js needs Go's wasm_exec.js there.
        (Engine::Node, _) if Engine::for_module(&module)? != Engine::Node => {
            Some(args.outside.outside(None))
        }
        (Engine::Node | Engine::Wazero, _) => {
            Some(args.outside.outside(Some(args.outside.goroot()?)))
        }
        _ => None,
    };
    let name = args.module.file_name().map(|name| name.to_string_lossy());
    let request = Request {
        plan: plan.as_ref(),
        name: name.as_deref(),
        missing_imports: args.missing_imports,
        limits: Limits {
            memory_bytes: args.memory_limit,
            steps: args.step_limit,
            seconds: args.time_limit,
        },
        engine,
        manifest: manifest.as_ref(),
        outside: outside.as_ref(),
        times: !args.no_times,
        cancel: &context.cancel,
    };
    verify(&module, &request).map_err(Failure::from)
}

fn engine(name: Option<EngineName>) -> Result<Option<Engine>, Failure> {
    let engine = match name {
        None | Some(EngineName::All) => return Ok(None),
        Some(EngineName::Wasmi) => Engine::Wasmi,
        Some(EngineName::Wasmtime) => Engine::Wasmtime,
        Some(EngineName::Winch) => Engine::Winch,
        Some(EngineName::Node) => Engine::Node,
        Some(EngineName::Wazero) => Engine::Wazero,
    };
    is_built_in(engine)?;
    Ok(Some(engine))
}

/// The verdict is the result, so it goes to stdout.
fn print(
    context: &Context,
    json: impl FnOnce() -> String,
    human: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match context.format {
        MessageFormat::Json => output::json(&json()),
        MessageFormat::Human => output::text(&human()),
    }
}
