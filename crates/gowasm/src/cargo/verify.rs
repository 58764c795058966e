//! `cargo gowasm verify`: what was built is run once more.

use super::modules::Found;
use crate::commands::verify::{Args, verdict};
use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::Verdict;
use serde::Serialize;
use std::process::ExitCode;

/// The object of `--message-format json`.
#[derive(Serialize)]
struct Finished<'a> {
    schema_version: u32,
    status: &'static str,
    exit_code: u8,
    modules: Vec<Verified<'a>>,
}

#[derive(Serialize)]
struct Verified<'a> {
    name: &'a str,
    verdict: Verdict,
}

pub(super) fn run(found: &Found, context: &Context) -> Result<ExitCode, Failure> {
    let mut modules = Vec::new();
    for module in &found.modules {
        let built = found.place(module);
        if !built.is_file() {
            let message = format!("{} is not there", context.shown(&built));
            return Err(Diagnostic::error(message).hint("run `cargo gowasm build` first").into());
        }
        let verdict = verdict(&Args::of_module(module, &built), context)?;
        modules.push(Verified { name: &module.name, verdict });
    }
    let exit_code = u8::from(modules.iter().any(|module| !module.verdict.passed));
    match context.format {
        MessageFormat::Json => {
            let status = if exit_code == 0 { "verified" } else { "failed" };
            let schema_version = message::SCHEMA_VERSION;
            message::print(&Finished { schema_version, status, exit_code, modules })?;
        }
        MessageFormat::Human => {
            let text =
                |module: &Verified<'_>| format!("{}:\n{}", module.name, module.verdict.render());
            let text: String = modules.iter().map(text).collect();
            output::text(&text)?;
        }
    }
    Ok(ExitCode::from(exit_code))
}
