//! The arguments every subcommand shares, and the way from a command's result to an exit code.

use crate::commands::{self, Command};
use crate::context::{Colour, Context, Verbosity};
use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use crate::param_file;
use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// Builds Go packages into WebAssembly modules, proves that they run, and never does the same work
/// twice.
#[derive(Parser)]
#[command(name = "gowasm", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

/// Global options before a command's name, and all that follows.
#[derive(Parser)]
#[command(disable_help_flag = true)]
struct Leading {
    #[command(flatten)]
    global: GlobalArgs,
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<OsString>,
}

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    the input is at fault: diagnostics, a package that does not compile, a failed verification
  2    wrong usage of the command line
  3    the environment is at fault: no Go, no disk, a store that cannot be used
  130  interrupted";

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Say more: the Go in use, every step, what came from the store
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Say nothing but errors and results
    #[arg(short, long, global = true)]
    quiet: bool,
    /// When to colour what goes to stderr
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
    /// `json` prints one object on stdout, also when the command fails (docs/json-messages.md)
    #[arg(long, global = true, value_name = "FORMAT", default_value = "human")]
    message_format: MessageFormat,
}

pub fn run() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let is = |at: usize, name: &str| arguments.get(at).is_some_and(|argument| argument == name);
    // The arguments of a test are the user's: no file stands for any of them.
    if is(1, "bazel") && !is(2, "run-test") {
        arguments = match param_file::expand(arguments) {
            Ok(expanded) => expanded,
            Err(failure) => return report(&failure, None),
        };
    }
    let foreign = Leading::try_parse_from(&arguments).ok().and_then(|leading| {
        Some((Command::of_foreign_arguments(leading.command)?, leading.global))
    });
    let (command, global) = foreign.unwrap_or_else(|| {
        // clap exits with 2 on wrong usage, and with 0 after --help and --version.
        let cli = Cli::parse_from(&arguments);
        (cli.command, cli.global)
    });
    finish(&global, |context| commands::run(command, context))
}

/// Runs a command and tells what came of it.
pub(crate) fn finish(
    global: &GlobalArgs,
    command: impl FnOnce(&Context) -> Result<ExitCode, Failure>,
) -> ExitCode {
    let verbosity = match (global.verbose, global.quiet) {
        (true, _) => Verbosity::Verbose,
        (_, true) => Verbosity::Quiet,
        _ => Verbosity::Normal,
    };
    let result = Context::new(verbosity, global.color, global.message_format).and_then(|context| {
        let result = command(&context);
        result.map_err(|failure| (failure, Some(context)))
    });
    match result {
        Ok(code) => code,
        Err((failure, context)) => report(&failure, context.as_ref()),
    }
}

fn report(failure: &Failure, context: Option<&Context>) -> ExitCode {
    match context {
        Some(context) => {
            context.report_failure(failure);
            if context.format == MessageFormat::Json {
                message::print(&message::failed(failure));
            }
        }
        None => eprint!("{failure}"),
    }
    ExitCode::from(failure.code())
}
