//! `gowasm link`: takes the place of `go tool link` for wasm.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_guard::Guard;
use gowasm_link::Options;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const EXAMPLES: &str = "\
The module is byte for byte the one that `go tool link` of the archives' Go writes. With -guard as the
first flag, or -guard=allow-exit, its exports refuse calls at a wrong time (docs/guard.md);
`gowasm build` asks for that.

An argument @FILE stands for the lines of FILE, as for Go's tools.

Example:
  gowasm link -o module.wasm -importcfg importcfg -buildmode=c-shared main.a";

/// Link package archives, with the flags and arguments of `go tool link`
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// As for `go tool link`: -o -importcfg -buildmode -X -s -w -buildid ..
    #[arg(value_name = "FLAGS AND ARCHIVE", trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Args {
    pub(crate) fn new(arguments: Vec<OsString>) -> Self {
        Args { arguments }
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let mut arguments = args.arguments;
    let level = arguments.first().and_then(|first| guard_flag(first.to_str()?)).transpose()?;
    arguments.drain(..usize::from(level.is_some()));
    let options = Options::parse(arguments)?;
    if options.version_query {
        output::text(&format!("{}\n", gowasm_link::own_version_line()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let summary = gowasm_link::link(&options, &context.cancel)?;
    summary.warnings.iter().for_each(|warning| context.report(warning));
    if let Some(level) = level {
        guard(&options.output, level)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What `-guard` or `-guard=LEVEL` asks for; nothing where this is another flag.
fn guard_flag(flag: &str) -> Option<Result<Guard, Failure>> {
    let level = flag.strip_prefix('-')?.trim_start_matches('-').strip_prefix("guard")?;
    if level.is_empty() {
        return Some(Ok(Guard::Full));
    }
    let level = level.strip_prefix('=')?.parse::<Guard>();
    Some(level.map_err(|why| Failure::Usage(Diagnostic::error(format!("-guard: {why}")))))
}

/// Puts the guarded module in the place of the linked one, all of it or nothing.
fn guard(module: &Path, level: Guard) -> Result<(), Failure> {
    let failed = |what: &str, why: String| {
        Diagnostic::error(format!("cannot {what} {}: {why}", module.display()))
    };
    let io = |what: &'static str| {
        move |error: std::io::Error| Failure::Environment(failed(what, error.to_string()))
    };
    let bytes = std::fs::read(module).map_err(io("read"))?;
    let bytes =
        gowasm_guard::guard(&bytes, level).map_err(|error| failed("guard", error.to_string()))?;
    let replace = || {
        let folder = module.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = gowasm_scratch::file_in(folder.unwrap_or(Path::new(".")), 0o600)?;
        let _registered = gowasm_process::removed_at_the_end(file.path());
        file.write_all(&bytes)?;
        file.as_file().set_permissions(std::fs::metadata(module)?.permissions())?;
        file.persist(module).map_err(|failed| failed.error)
    };
    replace().map(drop).map_err(io("write"))
}
