//! `gowasm link`: takes the place of `go tool link` for wasm.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_link::Options;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const EXAMPLES: &str = "\
The module is byte for byte the one that `go tool link` of the archives' Go writes. With -guard as the
first flag its exports refuse calls before the initialisation and after a trap or an exit
(docs/guard.md); `gowasm build` asks for that.

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
    let guarded = arguments.first().is_some_and(|first| first == "-guard" || first == "--guard");
    arguments.drain(..usize::from(guarded));
    let options = Options::parse(arguments)?;
    if options.version_query {
        output::text(&format!("{}\n", gowasm_link::own_version_line()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let summary = gowasm_link::link(&options, &context.cancel)?;
    summary.warnings.iter().for_each(|warning| context.report(warning));
    if guarded {
        guard(&options.output)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts the guarded module in the place of the linked one, all of it or nothing.
fn guard(module: &Path) -> Result<(), Failure> {
    let failed = |what: &str, why: String| {
        Diagnostic::error(format!("cannot {what} {}: {why}", module.display()))
    };
    let io = |what: &'static str| {
        move |error: std::io::Error| Failure::Environment(failed(what, error.to_string()))
    };
    let bytes = std::fs::read(module).map_err(io("read"))?;
    let bytes = gowasm_guard::guard(&bytes).map_err(|error| failed("guard", error.to_string()))?;
    let replace = || {
        let folder = module.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut file = gowasm_scratch::file_in(folder.unwrap_or(Path::new(".")), 0o600)?;
        file.write_all(&bytes)?;
        file.as_file().set_permissions(std::fs::metadata(module)?.permissions())?;
        file.persist(module).map_err(|failed| failed.error)
    };
    replace().map(drop).map_err(io("write"))
}
