//! `gowasm test`: `go test` for wasip1, with our linker and our engine.

use super::outside::is_built_in;
use crate::context::Context;
use crate::failure::Failure;
use clap::{Args as _, FromArgMatches};
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::Engine;
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::Ordering;

const EXAMPLES: &str = "\
Examples:
  gowasm test ./...
  gowasm test -run 'TestParse' -v .
  gowasm test -cover -json ./...
  gowasm test --engine wasmtime ./slow

Arguments and output are those of `go test`. GOWASM_GO names another go than the one on the PATH.
Tests see the machine's files and environment, as tests that run natively do.";

/// Run `go test` for wasip1, without any configuration
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What runs the tests, if it stands first: wasmi, wasmtime, winch, node or wazero [default: as for
    /// `gowasm run`]
    #[arg(long)]
    engine: Option<Engine>,
    /// Flags and packages, as `go test` takes them
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Args {
    /// Only what stands first is ours: `go test` hands flags that it does not know to the tests.
    pub(crate) fn new(mut arguments: Vec<OsString>) -> Self {
        let first = arguments.first().and_then(|first| first.to_str()).unwrap_or_default();
        let (name, taken) = match (first.strip_prefix("--engine="), arguments.get(1)) {
            (Some(name), _) => (name.to_owned(), 1),
            (None, Some(name)) if first == "--engine" => (name.to_string_lossy().into_owned(), 2),
            _ => return Args { engine: None, arguments },
        };
        match name.parse() {
            Ok(engine) => {
                arguments.drain(..taken);
                Args { engine: Some(engine), arguments }
            }
            // clap knows what to say.
            Err(_) => Args::parse_from_own(arguments),
        }
    }

    fn parse_from_own(arguments: Vec<OsString>) -> Self {
        let command = Args::augment_args(clap::Command::new("gowasm test"));
        let matches = command.no_binary_name(true).get_matches_from(arguments);
        Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let own = std::env::current_exe().map_err(|error| {
        Failure::Environment(Diagnostic::error(format!("cannot find the own program: {error}")))
    })?;
    args.engine.map_or(Ok(()), is_built_in)?;
    let goos = gowasm_build::target(None, None)?.goos;
    let engine = args.engine.map(|engine| format!(" --engine {}", engine.name()));
    let engine = engine.unwrap_or_default();
    let own = quoted(&own)?;
    let ours = [
        ("exec", format!("{own} run{engine} --dir / --inherit-env")),
        ("toolexec", format!("{own} toolexec")),
    ];
    let go = std::env::var_os("GOWASM_GO").unwrap_or_else(|| "go".into());
    let mut command = Command::new(&go);
    let (folder, arguments) = args.arguments.split_at(folder_flag(&args.arguments));
    command.arg("test").args(folder);
    for (flag, value) in ours {
        // Whoever has one of their own in GOFLAGS keeps it.
        if gowasm_build::goflags_setting(flag)?.is_none() {
            command.arg(format!("-{flag}={value}"));
        }
    }
    command.args(arguments).envs([("GOOS", goos.as_str()), ("GOARCH", "wasm")]);
    let started = match std::io::stdin().is_terminal() {
        true => gowasm_process::spawn_on_terminal(&mut command),
        false => gowasm_process::spawn(&mut command),
    };
    let ended = started.and_then(|(mut child, group)| group.wait(&mut child));
    let status = ended.map_err(|error| {
        let message = format!("cannot start {}: {error}", go.display());
        let hint = "install Go 1.24 or newer and put it on the PATH, or name it with GOWASM_GO";
        Failure::Environment(Diagnostic::error(message).hint(hint))
    })?;
    if context.cancel.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted);
    }
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}

/// How many arguments are `-C DIR`, which Go wants before all others.
fn folder_flag(arguments: &[OsString]) -> usize {
    let first = arguments.first().and_then(|first| first.to_str()).unwrap_or_default();
    match first.trim_start_matches('-') {
        "C" if first.starts_with('-') => arguments.len().min(2),
        flag if first.starts_with('-') && flag.starts_with("C=") => 1,
        _ => 0,
    }
}

/// Go splits such flags at blanks, and takes what stands between quotes as one word.
fn quoted(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().filter(|text| !text.contains('\''));
    let text = text.ok_or_else(|| {
        let message = format!("go cannot be told of a program at {}", path.display());
        let hint = "install gowasm at a path of UTF-8 without quotes";
        Failure::Environment(Diagnostic::error(message).hint(hint))
    })?;
    Ok(format!("'{text}'"))
}
