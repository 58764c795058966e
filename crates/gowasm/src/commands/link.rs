//! `gowasm link`: takes the place of `go tool link` for wasm.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_guard::Guard;
use gowasm_link::{Accept, Options};
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const EXAMPLES: &str = "\
The module is byte for byte the one that `go tool link` of the archives' Go writes. Two flags of our own
stand in front of its flags: with -guard, or -guard=allow-exit, the exports refuse calls at a wrong time
(docs/guard.md); with -validate there is no output unless it is a valid module, as the archives may be damaged.
`gowasm build` does both.

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
    let own = Own::take(&mut arguments)?;
    let options = Options::parse(arguments)?;
    if options.version_query {
        output::text(&format!("{}\n", gowasm_link::own_version_line()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let valid: &Accept<'_> = &|module| gowasm_verify::validate(module, &context.cancel);
    let accept = own.validate.then_some(valid);
    let summary = gowasm_link::link_if(&options, &context.cancel, accept)?;
    summary.warnings.iter().for_each(|warning| context.report(warning));
    if let Some(level) = own.guard {
        guard(&options.output, level)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The flags that `go tool link` does not have. They stand in front of its own.
#[derive(Default)]
struct Own {
    guard: Option<Guard>,
    validate: bool,
}

impl Own {
    fn take(arguments: &mut Vec<OsString>) -> Result<Own, Failure> {
        let mut own = Own::default();
        let mut count = 0;
        for argument in arguments.iter() {
            let flag = argument.to_str().and_then(|flag| flag.strip_prefix('-'));
            let Some(flag) = flag.map(|flag| flag.trim_start_matches('-')) else { break };
            match flag.split_once('=').unwrap_or((flag, "")) {
                ("validate", "") => own.validate = true,
                ("guard", "") => own.guard = Some(Guard::Full),
                ("guard", level) => {
                    let level = level.parse::<Guard>();
                    own.guard = Some(level.map_err(|why| {
                        Failure::Usage(Diagnostic::error(format!("-guard: {why}")))
                    })?);
                }
                _ => break,
            }
            count += 1;
        }
        arguments.drain(..count);
        Ok(own)
    }
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
