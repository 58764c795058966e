//! `gowasm bazel generate`

use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat, SCHEMA_VERSION};
use crate::output;
use crate::progress::Bar;
use gowasm_bazel::{Change, Generate};
use gowasm_diagnostic::{Diagnostic, printable};
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm bazel generate                            the folder here and all below
  gowasm bazel generate plugins shared --tags debug
  gowasm bazel generate --check                    for CI: print what would change, exit 1

srcs, embedsrcs, importpath, lang and deps are kept up to date; all else in a file is yours. A comment
`# keep` at a rule, an attribute or an element of a list keeps it as it is, and a line
`# gowasm:ignore` keeps the whole file. `# gowasm:resolve IMPORTPATH LABEL` names the target of an
import path for a folder and all below. docs/bazel.md has the rest.";

/// Write the BUILD files of Go packages, from their imports
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folders of a Bazel workspace, each with all below
    #[arg(default_value = ".", value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Print what would change as a diff, change nothing, and fail if there is something
    #[arg(long)]
    check: bool,
    /// Build tags that packages are compiled with in some builds, with commas between them; the root's
    /// BUILD file remembers them [default: those of the last time]
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    tags: Option<Vec<String>>,
    /// The go command to use [default: `go` on the PATH]
    #[arg(long, value_name = "PATH")]
    go: Option<PathBuf>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let request = Generate {
        started_in: context.started_in.clone(),
        folders: args.folders,
        tags: args.tags.map(|tags| tags.into_iter().filter(|tag| !tag.is_empty()).collect()),
        go: args.go,
    };
    let bar = Bar::new(context);
    let generated = gowasm_bazel::generate(&request, &bar, &context.cancel);
    bar.finish();
    let generated = generated?;
    generated.warnings.iter().for_each(|warning| context.report(warning));
    if !args.check {
        generated.changes.iter().try_for_each(Change::write)?;
    }
    show(&generated.changes, &generated.warnings, args.check, context)?;
    if args.check && !generated.changes.is_empty() {
        let stale = generated.changes.len();
        context.say(&format!("BUILD files to change: {stale}; run `gowasm bazel generate`"));
        return Ok(ExitCode::from(1));
    }
    Ok(ExitCode::SUCCESS)
}

fn show(
    changes: &[Change],
    warnings: &[Diagnostic],
    check: bool,
    context: &Context,
) -> Result<(), Failure> {
    match context.format {
        MessageFormat::Json => {
            let stale = check && !changes.is_empty();
            message::print(&Object {
                schema_version: SCHEMA_VERSION,
                status: if stale { "stale" } else { "generated" },
                exit_code: u8::from(stale),
                files: changes.iter().map(|change| change.shown.as_str()).collect(),
                diagnostics: warnings,
            })
        }
        MessageFormat::Human => {
            let text = |change: &Change| match check {
                true => change.diff(),
                false => format!("{}\n", printable::line(&change.shown)),
            };
            let text: String = changes.iter().map(text).collect();
            output::text(&text)
        }
    }
}

#[derive(Serialize)]
struct Object<'a> {
    schema_version: u32,
    status: &'static str,
    exit_code: u8,
    /// The files that were written, or would be.
    files: Vec<&'a str>,
    diagnostics: &'a [Diagnostic],
}
