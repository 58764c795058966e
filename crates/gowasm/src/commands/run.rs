//! `gowasm run`: runs a command as a program of this machine.

use super::outside::{OutsideArgs, is_built_in};
use crate::context::Context;
use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::{Content, Ended, Engine, Limits, Outside, Preopened, Program, World};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  gowasm run hello.wasm
  gowasm run --dir testdata::/data --env MODE=fast tool.wasm convert /data/in.txt
  gowasm run --dir / --inherit-env tool.wasm
  gowasm run --engine wasmtime slow.wasm

The exit code is the program's; a trap or a limit that was reached gives 134, as in wasmtime's command
line, and says why on stderr.
Options stand before the module: what follows it is the program's.";

/// A process that aborted; a program's own exit code is hardly ever this.
const TRAPPED: u8 = 134;

/// Run a command with arguments, environment and directories that you give it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A wasm module of build mode exe, and the program's arguments
    // One list: what follows its first element is no option of ours, whatever it looks like.
    #[arg(trailing_var_arg = true, required = true, value_names = ["MODULE", "ARG"])]
    command: Vec<OsString>,
    /// Let the program use a directory, under its own path or under GUEST
    #[arg(long, value_name = "DIR[::GUEST]")]
    dir: Vec<String>,
    /// Give the program an environment variable; without a value, the one it has here
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Give the program all environment variables there are here
    #[arg(long)]
    inherit_env: bool,
    /// What runs it: wasmi, wasmtime, winch, node or wazero [default: wasmi; node for GOOS=js]
    #[arg(long)]
    engine: Option<Engine>,
    #[command(flatten)]
    outside: OutsideArgs,
    /// How much memory the program may use
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = gowasm_store::parse_size)]
    memory_limit: u64,
    /// How many instructions the program may take [default: any number]
    #[arg(long, value_name = "COUNT")]
    step_limit: Option<u64>,
    /// How long the program may run, in seconds [default: any time]
    #[arg(long, value_name = "SECONDS")]
    time_limit: Option<u64>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let (place, arguments) = args.command.split_first().ok_or_else(no_module)?;
    let (module, shown) = crate::input::read(Path::new(place), context)?;
    let world = world(&args, place, arguments)?;
    let outside = outside(&args, &module)?;
    let program = Program {
        module: &module,
        shown: &shown,
        world: &world,
        limits: Limits {
            memory_bytes: args.memory_limit,
            steps: args.step_limit.unwrap_or(u64::MAX),
            seconds: args.time_limit.unwrap_or(u64::MAX),
        },
        engine: args.engine,
        outside: outside.as_ref(),
        cancel: &context.cancel,
    };
    if let Some(seconds) = args.time_limit {
        end_after(seconds, &shown);
    }
    match gowasm_verify::run(&program).map_err(gowasm_build::Failure::from)? {
        // As the system does with the exit code of a process.
        Ended::Exit(code) => Ok(ExitCode::from(code as u8)),
        Ended::Trap(why) => {
            context.report(&Diagnostic::error(format!("{shown}: {why}")));
            Ok(ExitCode::from(TRAPPED))
        }
    }
}

/// What the engine needs, if it runs in a process of its own: a program may take any time.
fn outside(args: &Args, module: &[u8]) -> Result<Option<Outside>, Failure> {
    args.engine.map_or(Ok(()), is_built_in)?;
    let is_js = Engine::for_module(module)? == Engine::Node;
    let goroot = match args.engine {
        Some(Engine::Wazero) => Some(args.outside.goroot()?),
        _ if is_js => Some(args.outside.goroot()?),
        Some(Engine::Node) => None,
        _ => return Ok(None),
    };
    Ok(Some(Outside { timeout: Duration::MAX, ..args.outside.outside(goroot) }))
}

/// clap insists on one.
fn no_module() -> Failure {
    Failure::Usage(Diagnostic::error("no module is named").hint("gowasm run MODULE [ARG]..."))
}

/// Ends the process where the program waits for something that no look at the clock ends: its standard
/// input, a pipe.
fn end_after(seconds: u64, shown: &str) {
    const GRACE: Duration = Duration::from_millis(500);
    let time = Duration::from_secs(seconds).saturating_add(GRACE);
    let fault = Diagnostic::error(format!("{shown}: the time limit was reached"));
    std::thread::spawn(move || {
        std::thread::sleep(time);
        eprintln!("{fault}");
        gowasm_process::end_all();
        std::process::exit(TRAPPED.into());
    });
}

fn world(args: &Args, program: &OsStr, arguments: &[OsString]) -> Result<World, Failure> {
    let mut list = vec![program.to_string_lossy().into_owned()];
    for argument in arguments {
        let text = argument.to_str().ok_or_else(|| {
            let message = format!("the argument {} is not UTF-8", argument.display());
            let hint = "a program for WASI finds only text among its arguments";
            Failure::Usage(Diagnostic::error(message).hint(hint))
        })?;
        list.push(text.to_owned());
    }
    Ok(World {
        args: Some(list),
        env: environment(args)?,
        dirs: args.dir.iter().map(|dir| preopened(dir)).collect(),
        live: true,
        ..World::default()
    })
}

/// Later ones win, as in a shell.
fn environment(args: &Args) -> Result<Vec<String>, Failure> {
    let mut variables: Vec<(String, String)> = Vec::new();
    if args.inherit_env {
        // What is not text cannot be told to a program whose strings are UTF-8.
        let all = std::env::vars_os();
        variables.extend(all.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }));
    }
    for given in &args.env {
        let (name, value) = match given.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => {
                let value = std::env::var(given).map_err(|_| {
                    let message = format!("the environment has no variable `{given}`");
                    Failure::Usage(Diagnostic::error(message).hint("write NAME=VALUE"))
                })?;
                (given.clone(), value)
            }
        };
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
    }
    Ok(variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect())
}

fn preopened(dir: &str) -> Preopened {
    let (host, guest) = dir.split_once("::").unwrap_or((dir, dir));
    Preopened { guest: guest.to_owned(), content: Content::Host(PathBuf::from(host)) }
}
