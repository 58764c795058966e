//! The arguments every subcommand shares, and the way from a command's result to an exit code.

use crate::commands::{self, Command};
use crate::context::{Colour, Context, Verbosity};
use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use crate::{go_flags, output, param_file};
use clap::Parser;
use gowasm_diagnostic::{Diagnostic, printable};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

/// Builds Go packages into WebAssembly modules, proves that they run, and never does the same work
/// twice.
#[derive(Parser)]
#[command(name = "gowasm", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
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
    let arguments: Vec<_> = std::env::args_os().collect();
    let is = |at: usize, name: &str| arguments.get(at).is_some_and(|argument| argument == name);
    if let [.., last] = arguments.as_slice()
        && last == "--persistent_worker"
        && is(1, "bazel")
    {
        let start = &arguments[..arguments.len() - 1];
        return finish(&GlobalArgs::default(), None, |_| commands::bazel::worker(start));
    }
    // The arguments of a test are the user's: no file stands for any of them.
    let expanded = match is(1, "bazel") && !is(2, "run-test") {
        true => param_file::expand(arguments.clone()),
        false => go_flags::spelled_for_clap(arguments.clone()),
    };
    let arguments = match expanded {
        Ok(expanded) => expanded,
        Err(failure) => return report(&failure, None, MessageFormat::asked_for(&arguments)),
    };
    let foreign = Leading::try_parse_from(&arguments).ok().and_then(|leading| {
        Some((Command::of_foreign_arguments(leading.command)?, leading.global))
    });
    let (command, global) = match foreign {
        Some(foreign) => foreign,
        None => match parse::<Cli>(&arguments) {
            Ok(cli) => (cli.command, cli.global),
            Err(code) => return code,
        },
    };
    let folder = command.folder().map(Path::to_owned);
    finish(&global, folder.as_deref(), |context| commands::run(command, context))
}

/// What the arguments say; else what to exit with, once it was said why, or the help was printed.
pub(crate) fn parse<T: Parser>(arguments: &[OsString]) -> Result<T, ExitCode> {
    let error = match T::try_parse_from(arguments) {
        Ok(parsed) => return Ok(parsed),
        Err(error) => error,
    };
    let format = MessageFormat::asked_for(arguments);
    if !error.use_stderr() {
        let help = error.render();
        let coloured = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let help = if coloured { help.ansi().to_string() } else { help.to_string() };
        return Err(match output::exact(help.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => report(&failure, None, format),
        });
    }
    let said = error.render().to_string();
    eprint!("{}", printable::lines(&said));
    let message = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let failure = Failure::Usage(Diagnostic::error(message));
    Err(answer(&failure, format, None))
}

/// Runs a command, in a folder if one is named, and tells what came of it.
pub(crate) fn finish(
    global: &GlobalArgs,
    folder: Option<&Path>,
    command: impl FnOnce(&Context) -> Result<ExitCode, Failure>,
) -> ExitCode {
    let verbosity = match (global.verbose, global.quiet) {
        (true, _) => Verbosity::Verbose,
        (_, true) => Verbosity::Quiet,
        _ => Verbosity::Normal,
    };
    let format = global.message_format;
    let entered = folder.map_or(Ok(()), enter);
    let context = entered.and_then(|()| Context::new(verbosity, global.color, format));
    let context = match context {
        Ok(context) => context,
        Err(failure) => return report(&failure, None, format),
    };
    match command(&context) {
        // A child that was told to end may look like one that failed.
        Err(_) if context.cancel.load(Ordering::SeqCst) => {
            report(&Failure::Interrupted, Some(&context), format)
        }
        Ok(code) => code,
        Err(failure) => report(&failure, Some(&context), format),
    }
}

fn enter(folder: &Path) -> Result<(), Failure> {
    std::env::set_current_dir(folder).map_err(|error| {
        let message = format!("cannot change to {}: {error}", folder.display());
        Failure::Usage(Diagnostic::error(message).hint("-C takes a folder that is there"))
    })
}

/// Says why a command failed.
fn report(failure: &Failure, context: Option<&Context>, format: MessageFormat) -> ExitCode {
    match context {
        Some(context) => context.report_failure(failure),
        None => eprint!("{failure}"),
    }
    answer(failure, format, context)
}

/// The object of a command that failed, if one is asked for, and the exit code.
fn answer(failure: &Failure, format: MessageFormat, context: Option<&Context>) -> ExitCode {
    if format == MessageFormat::Json
        && let Err(lost) = message::print(&message::failed(failure))
    {
        return report(&lost, context, MessageFormat::Human);
    }
    ExitCode::from(failure.code())
}
