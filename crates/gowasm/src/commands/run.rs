//! `gowasm run`: runs a command as a program of this machine.

use crate::context::Context;
use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::{Content, Ended, Limits, Preopened, Program, World};
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm run hello.wasm
  gowasm run --dir testdata::/data --env MODE=fast tool.wasm convert /data/in.txt
  gowasm run --dir / --inherit-env tool.wasm

The exit code is the program's; a trap or a limit that was reached gives 134, as in wasmtime's command
line, and says why on stderr.
Options stand before the module: what follows it is the program's.";

/// A process that aborted; a program's own exit code is hardly ever this.
const TRAPPED: u8 = 134;

/// Run a WASI command with arguments, environment and directories that you give it
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A wasm module of build mode exe
    module: PathBuf,
    /// The program's arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARG")]
    args: Vec<String>,
    /// Let the program use a directory, under its own path or under GUEST
    #[arg(long, value_name = "DIR[::GUEST]")]
    dir: Vec<String>,
    /// Give the program an environment variable; without a value, the one it has here
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Give the program all environment variables there are here
    #[arg(long)]
    inherit_env: bool,
    /// How much memory the program may use
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = gowasm_store::parse_size)]
    memory_limit: u64,
    /// How many instructions the program may take [default: any number]
    #[arg(long, value_name = "COUNT")]
    step_limit: Option<u64>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let (module, shown) = super::verify::read(&args.module, context)?;
    let world = world(&args)?;
    let program = Program {
        module: &module,
        shown: &shown,
        world: &world,
        limits: Limits {
            memory_bytes: args.memory_limit,
            steps: args.step_limit.unwrap_or(u64::MAX),
        },
        cancel: &context.cancel,
    };
    match gowasm_verify::run(&program).map_err(gowasm_build::Failure::from)? {
        // As the system does with the exit code of a process.
        Ended::Exit(code) => Ok(ExitCode::from(code as u8)),
        Ended::Trap(why) => {
            context.report(&Diagnostic::error(format!("{shown}: {why}")));
            Ok(ExitCode::from(TRAPPED))
        }
    }
}

fn world(args: &Args) -> Result<World, Failure> {
    let program = args.module.to_string_lossy().into_owned();
    Ok(World {
        args: [program].into_iter().chain(args.args.iter().cloned()).collect(),
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
