//! `gowasm verify`: runs a module against a plan and prints the verdict.

use crate::context::Context;
use crate::failure::Failure;
use crate::message::MessageFormat;
use gowasm_build::Settings;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use gowasm_verify::{Engine, Limits, NodeOptions, Plan, Request, Verdict};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const EXAMPLES: &str = "\
Examples:
  gowasm verify plugin.wasm
  gowasm verify plugin.wasm --plan plugin.plan.toml
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
    /// What runs the module [default: wasmi; node for GOOS=js]
    #[arg(long, value_name = "ENGINE")]
    engine: Option<EngineName>,
    /// The go command whose wasm_exec.js runs modules of GOOS=js [default: `go` on the PATH]
    #[arg(long, value_name = "PATH", env = "GOWASM_GO")]
    go: Option<PathBuf>,
    /// How much memory the module may use
    #[arg(long, value_name = "SIZE", default_value = "1G", value_parser = gowasm_store::parse_size)]
    memory_limit: u64,
    /// How many instructions each step may take
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().steps)]
    step_limit: u64,
    /// Leave times out, so that the same module and plan give the same bytes of a verdict
    #[arg(long)]
    no_times: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum EngineName {
    Wasmi,
    Wasmtime,
    Node,
}

impl Args {
    /// For a module that was built as Cargo.toml says.
    pub(crate) fn of_module(settings: &Settings, module: &Path) -> Self {
        Args {
            manifest: Some(module.with_extension("manifest.json")),
            module: module.to_owned(),
            plan: settings.plan.as_ref().map(|plan| settings.folder.join(plan)),
            engine: None,
            go: std::env::var_os("GOWASM_GO").map(PathBuf::from),
            memory_limit: settings.limits.memory_bytes,
            step_limit: settings.limits.steps,
            no_times: false,
        }
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let verdict = verdict(&args, context)?;
    print(&verdict, context);
    Ok(if verdict.passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

pub(crate) fn verdict(args: &Args, context: &Context) -> Result<Verdict, Failure> {
    let engine = engine(args.engine)?;
    let (module, _) = read(&args.module, context)?;
    let plan = args.plan.as_deref().map(|path| read_plan(path, context)).transpose()?;
    let manifest = args.manifest.as_deref().map(|path| read_manifest(path, context)).transpose()?;
    let is_js = Engine::for_module(&module)? == Engine::Node;
    let node = if is_js { Some(node_options(args.go.as_deref())?) } else { None };
    let request = Request {
        plan: plan.as_ref(),
        limits: Limits { memory_bytes: args.memory_limit, steps: args.step_limit },
        engine,
        manifest: manifest.as_ref(),
        node: node.as_ref(),
        times: !args.no_times,
        cancel: &context.cancel,
    };
    gowasm_verify::verify(&module, &request).map_err(gowasm_build::Failure::from)
}

fn engine(name: Option<EngineName>) -> Result<Option<Engine>, Failure> {
    match name {
        None => Ok(None),
        Some(EngineName::Wasmi) => Ok(Some(Engine::Wasmi)),
        Some(EngineName::Node) => Ok(Some(Engine::Node)),
        Some(EngineName::Wasmtime) => {
            let diagnostic = Diagnostic::error("the engine wasmtime is not built into this gowasm");
            Err(Failure::Usage(diagnostic.hint("use --engine wasmi, or leave --engine out")))
        }
    }
}

pub(crate) fn read(path: &Path, context: &Context) -> Result<(Vec<u8>, String), Failure> {
    let place = context.started_in.join(path);
    let shown = context.shown(&place);
    match std::fs::read(&place) {
        Ok(bytes) => Ok((bytes, shown)),
        Err(error) => {
            let diagnostic = Diagnostic::error(format!("cannot read {shown}: {error}"));
            Err(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => {
                    Failure::Input(vec![diagnostic.hint("name a file that is there")])
                }
                _ => Failure::Environment(diagnostic.hint("make the file readable")),
            })
        }
    }
}

fn read_plan(path: &Path, context: &Context) -> Result<Plan, Failure> {
    let (bytes, shown) = read(path, context)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error(format!("{shown} is not UTF-8 from byte {at} on"))
            .hint("--plan takes a TOML file")
    })?;
    Plan::parse(&text, &shown).map_err(Failure::Input)
}

fn read_manifest(path: &Path, context: &Context) -> Result<Manifest, Failure> {
    let (bytes, shown) = read(path, context)?;
    Manifest::parse(&bytes).map_err(|why| {
        Diagnostic::error(format!("{shown} is no manifest: {why}"))
            .hint("--manifest takes the NAME.manifest.json that `gowasm build` writes")
            .into()
    })
}

/// Asks Go where it lives.
fn node_options(go: Option<&Path>) -> Result<NodeOptions, Failure> {
    let go = go.unwrap_or(Path::new("go"));
    let environment = |why: String| {
        let message = format!("cannot ask {} for its GOROOT: {why}", go.display());
        let hint = "modules of GOOS=js run with Go's own wasm_exec.js: name a Go with --go";
        Failure::Environment(Diagnostic::error(message).hint(hint))
    };
    let output = Command::new(go).args(["env", "GOROOT"]).output();
    let output = output.map_err(|error| environment(error.to_string()))?;
    let goroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || goroot.is_empty() {
        return Err(environment(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    Ok(NodeOptions::new(PathBuf::from(goroot)))
}

/// The verdict is the result, so it goes to stdout; a reader that went away is no reason to fail.
fn print(verdict: &Verdict, context: &Context) {
    let text = match context.format {
        MessageFormat::Json => verdict.to_json(),
        MessageFormat::Human => verdict.render(),
    };
    let _ = io::stdout().lock().write_all(text.as_bytes());
}
