//! `gowasm check`: what is wrong with the directives, before anything is compiled.

use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat, SCHEMA_VERSION};
use crate::progress::Bar;
use gowasm_build::CheckRequest;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos, Target};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm check                                     the package here, as a command
  gowasm check ./... --buildmode c-shared          every package below, as part of a reactor
  gowasm check ./plugin --message-format json | jq .diagnostics

Dependencies are checked too. Go is not started where nothing changed but the bodies of Go files. docs/diagnostics.md says what each code means.";

/// Judge the directives of Go packages without compiling anything
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Folders, import paths or patterns such as ./...
    #[arg(default_value = ".", value_name = "PACKAGE")]
    packages: Vec<String>,
    /// `exe` gives a command, `c-shared` a reactor
    #[arg(long, value_name = "MODE", default_value = "exe")]
    buildmode: BuildMode,
    /// The operating system that Go builds for: wasip1 or js
    #[arg(long, value_name = "GOOS", default_value = "wasip1")]
    goos: Goos,
    /// Build tags, with commas between them
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    tags: Vec<String>,
    /// The go command to use [default: `go` on the PATH]
    #[arg(long, value_name = "PATH")]
    go: Option<PathBuf>,
    /// Where results are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GOWASM_STORE")]
    store: Option<PathBuf>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let request = CheckRequest {
        started_in: context.started_in.clone(),
        packages: args.packages,
        target: Target { goos: args.goos, build_mode: args.buildmode },
        tags: args.tags.into_iter().filter(|tag| !tag.is_empty()).collect(),
        go: args.go,
        offline: false,
        store: args.store,
    };
    check_all(&[request], context)
}

/// Checks what is asked for, as one answer.
pub(crate) fn check_all(requests: &[CheckRequest], context: &Context) -> Result<ExitCode, Failure> {
    let mut found = Vec::new();
    for request in requests {
        let bar = Bar::new(context);
        let shown = |path: &Path| context.shown(path);
        let of_request = gowasm_build::check(request, &shown, &bar, &context.cancel);
        bar.finish();
        found.extend(of_request?);
    }
    let found = once_each(found);
    // One error is enough to fail.
    if found.iter().any(Diagnostic::is_error) {
        return Err(Failure::Input(found));
    }
    match context.format {
        MessageFormat::Json => message::print(&Checked::of(&found)),
        MessageFormat::Human => {}
    }
    found.iter().for_each(|diagnostic| context.report(diagnostic));
    Ok(ExitCode::SUCCESS)
}

/// A dependency that several packages share is judged with each of them.
fn once_each(mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by(|a, b| (&a.position, a.code, &a.message).cmp(&(&b.position, b.code, &b.message)));
    found.dedup();
    found
}

/// The object of `--message-format json`, without errors; with one it is that of every failure.
#[derive(Serialize)]
struct Checked<'a> {
    schema_version: u32,
    status: &'static str,
    exit_code: u8,
    diagnostics: &'a [Diagnostic],
}

impl<'a> Checked<'a> {
    fn of(diagnostics: &'a [Diagnostic]) -> Self {
        Checked { schema_version: SCHEMA_VERSION, status: "checked", exit_code: 0, diagnostics }
    }
}
