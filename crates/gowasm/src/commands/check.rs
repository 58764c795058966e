//! `gowasm check`: what is wrong with the directives, before anything is compiled.

use crate::context::{Context, Verbosity};
use crate::deny::DenyArgs;
use crate::failure::Failure;
use crate::go_flags::GoFlags;
use crate::message::{self, MessageFormat, SCHEMA_VERSION};
use crate::progress::Bar;
use gowasm_build::CheckRequest;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Goos};
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
    /// `exe` gives a command, `c-shared` a reactor [default: that of GOFLAGS, else exe]
    #[arg(long, value_name = "MODE")]
    buildmode: Option<BuildMode>,
    /// The operating system that Go builds for: wasip1 or js [default: GOOS, else wasip1]
    #[arg(long, value_name = "GOOS")]
    goos: Option<Goos>,
    /// Build tags, with commas between them
    #[arg(long, value_name = "T,..", value_delimiter = ',')]
    tags: Vec<String>,
    #[command(flatten)]
    go_flags: GoFlags,
    #[command(flatten)]
    deny: DenyArgs,
    /// The go command to use [default: `go` on the PATH]
    #[arg(long, value_name = "PATH")]
    go: Option<PathBuf>,
    /// Where results are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GOWASM_STORE")]
    store: Option<PathBuf>,
}

impl Args {
    pub(crate) fn folder(&self) -> Option<&Path> {
        self.go_flags.folder.as_deref()
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let request = CheckRequest {
        started_in: context.started_in.clone(),
        packages: args.packages,
        target: gowasm_build::target(args.goos, args.buildmode)?,
        tags: args.tags.into_iter().filter(|tag| !tag.is_empty()).collect(),
        go_flags: args.go_flags.passed,
        deny: args.deny.deny()?,
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
    let failed = found.iter().any(Diagnostic::is_error);
    if context.format == MessageFormat::Json {
        match failed {
            true => return Err(Failure::Input(found)),
            false => message::print(&Checked::of(&found))?,
        }
    }
    let (shown, folded) = gowasm_diagnostic::fold(found);
    if context.verbosity == Verbosity::Verbose {
        folded.iter().for_each(|diagnostic| context.report(diagnostic));
    }
    if failed {
        return Err(Failure::Input(shown));
    }
    shown.iter().for_each(|diagnostic| context.report(diagnostic));
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
