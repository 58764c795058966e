//! `gowasm wasm-opt`: Binaryen's optimizer on a module of Go's, within bounds.

use crate::context::Context;
use crate::failure::Failure;
use gowasm_build::{Level, WasmOpt};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Manifest, ModuleDigest};
use gowasm_wasm_opt::Has;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  gowasm wasm-opt Oz plugin.wasm -o smaller.wasm
  gowasm wasm-opt O3 plugin.wasm -o faster.wasm --program wasm-opt --time-limit 1800

`gowasm build --wasm-opt Oz` does the same before it verifies the module, and keeps the result.
Only features of wasm that Go emits are used; a module that has names keeps them.";

/// What wasm-opt is to do and may take, for `gowasm build` and `cargo gowasm build`
#[derive(clap::Args)]
pub(crate) struct BuildArgs {
    /// Optimize the linked module with Binaryen's wasm-opt: O1 to O4 for speed, Os or Oz for size.
    /// Takes seconds to minutes
    #[arg(long, value_name = "LEVEL")]
    wasm_opt: Option<Level>,
    /// An installed wasm-opt to use instead of the one within gowasm
    #[arg(long, value_name = "PATH", requires = "wasm_opt")]
    wasm_opt_program: Option<PathBuf>,
    /// How much memory wasm-opt may use
    #[arg(long, value_name = "SIZE", default_value = MEMORY, requires = "wasm_opt",
        value_parser = gowasm_store::parse_size)]
    wasm_opt_memory_limit: u64,
    /// How long wasm-opt may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS, requires = "wasm_opt")]
    wasm_opt_time_limit: u64,
}

const MEMORY: &str = "4G";
const SECONDS: u64 = 600;

impl BuildArgs {
    pub(crate) fn wanted(self, started_in: &Path) -> Option<WasmOpt> {
        let program = self.wasm_opt_program.as_deref();
        let bounds = (self.wasm_opt_memory_limit, self.wasm_opt_time_limit);
        Some(wanted(self.wasm_opt?, program, bounds, started_in))
    }
}

fn wanted(
    level: Level,
    program: Option<&Path>,
    (memory_bytes, seconds): (u64, u64),
    started_in: &Path,
) -> WasmOpt {
    let wanted =
        WasmOpt { memory_bytes, time: Duration::from_secs(seconds), ..WasmOpt::new(level) };
    match program {
        Some(program) => wanted.with_program(program, started_in),
        None => wanted,
    }
}

/// Optimize a module with Binaryen's wasm-opt
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// O1 to O4 for speed, Os or Oz for size
    level: Level,
    /// A wasm module that Go's linker, or gowasm, made
    module: PathBuf,
    /// Where the optimized module goes
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// An installed wasm-opt to use instead of the one within gowasm
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// How much memory wasm-opt may use
    #[arg(long, value_name = "SIZE", default_value = MEMORY, value_parser = gowasm_store::parse_size)]
    memory_limit: u64,
    /// How long wasm-opt may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS)]
    time_limit: u64,
    /// The module's manifest, to be written anew for the optimized module
    #[arg(long, value_name = "FILE", requires = "manifest_output")]
    manifest: Option<PathBuf>,
    /// Where the new manifest goes
    #[arg(long, value_name = "FILE", requires = "manifest")]
    manifest_output: Option<PathBuf>,
    /// Become wasm-opt: what the command starts and watches
    #[arg(long, hide = true)]
    unwatched: bool,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let module = context.started_in.join(&args.module);
    let output = context.started_in.join(&args.output);
    let (bytes, _) = crate::input::read(&args.module, context)?;
    let manifest =
        args.manifest.as_deref().map(|path| crate::input::manifest(path, context)).transpose()?;
    let bounds = (args.memory_limit, args.time_limit);
    let wanted = wanted(args.level, args.program.as_deref(), bounds, &context.started_in);
    if args.unwatched {
        return become_wasm_opt(&wanted, &bytes, [&module, &output]);
    }
    let gowasm = std::env::current_exe()
        .map_err(|error| environment(format!("cannot find the program gowasm: {error}")))?;
    // Whatever becomes of it, a file of that name is whole.
    let folder = output.parent().unwrap_or(Path::new(""));
    let fresh = gowasm_scratch::Folder::within(folder, "wasm-opt")
        .map_err(|error| environment(format!("cannot write to {}: {error}", folder.display())))?;
    let made = fresh.path().join("module.wasm");
    gowasm_build::wasm_opt(&wanted, &gowasm, [&module, &made], &context.cancel)?;
    let cannot_write = |path: &Path| {
        let shown = context.shown(path);
        move |error: std::io::Error| environment(format!("cannot write {shown}: {error}"))
    };
    if let (Some(manifest), Some(path)) = (manifest, args.manifest_output) {
        let (optimized, _) = crate::input::read(&made, context)?;
        let manifest = Manifest { module: ModuleDigest::of(&optimized), ..manifest };
        let path = context.started_in.join(path);
        std::fs::write(&path, manifest.to_json()).map_err(cannot_write(&path))?;
    }
    std::fs::rename(&made, &output).map_err(cannot_write(&output))?;
    Ok(ExitCode::SUCCESS)
}

/// Within the bounds from here on. What C++ does when memory is refused ends the process.
fn become_wasm_opt(
    wanted: &WasmOpt,
    bytes: &[u8],
    [module, output]: [&Path; 2],
) -> Result<ExitCode, Failure> {
    gowasm_wasm_opt::limit_memory(wanted.memory_bytes)
        .map_err(|error| environment(format!("cannot limit the memory of wasm-opt: {error}")))?;
    let has = Has::of(bytes);
    match &wanted.program {
        Some(program) => {
            let arguments = gowasm_wasm_opt::arguments(wanted.level, has, module, output);
            replaced_by(Command::new(program).args(arguments))
        }
        None => built_in(wanted.level, has, [module, output]),
    }
}

#[cfg(feature = "wasm-opt")]
fn built_in(level: Level, has: Has, [module, output]: [&Path; 2]) -> Result<ExitCode, Failure> {
    gowasm_wasm_opt::optimize(level, has, module, output)
        .map_err(|error| Failure::Input(vec![Diagnostic::error(error.to_string())]))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(not(feature = "wasm-opt"))]
fn built_in(_: Level, _: Has, _: [&Path; 2]) -> Result<ExitCode, Failure> {
    Err(environment("this gowasm was built without wasm-opt".to_owned()))
}

#[cfg(unix)]
fn replaced_by(command: &mut Command) -> Result<ExitCode, Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(environment(format!("cannot start {}: {error}", command.get_program().display())))
}

#[cfg(not(unix))]
fn replaced_by(command: &mut Command) -> Result<ExitCode, Failure> {
    let status = command.status().map_err(|error| {
        environment(format!("cannot start {}: {error}", command.get_program().display()))
    })?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn environment(message: String) -> Failure {
    Failure::Environment(
        Diagnostic::error(message).hint("`gowasm wasm-opt --help` tells what it needs"),
    )
}
