//! Several builds at once, and one answer for all of them.

use crate::commands::build::summary;
use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, BuildResult, MessageFormat};
use crate::progress::Bar;
use gowasm_build::{Outcome, Progress, Request};
use gowasm_diagnostic::Diagnostic;
use serde::Serialize;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A module to build, under the name that lines about it begin with.
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) request: Request,
}

/// The object of `--message-format json`.
#[derive(Serialize)]
struct Finished<'a> {
    schema_version: u32,
    status: &'static str,
    exit_code: u8,
    modules: Vec<Built<'a>>,
}

/// One module: its name, and what `gowasm build` says of it.
#[derive(Serialize)]
struct Built<'a> {
    name: &'a str,
    #[serde(flatten)]
    result: BuildResult<'a>,
}

/// Builds them all, also where one fails; the exit code is the highest.
pub(crate) fn build(
    jobs: &[Job],
    at_once: Option<NonZeroUsize>,
    context: &Context,
) -> Result<ExitCode, Failure> {
    let bar = Bar::new(context);
    let results = all(jobs, at_once, &bar, context);
    bar.finish();
    let code = results.iter().filter_map(|result| result.as_ref().err()).map(Failure::code).max();
    let code = code.unwrap_or(0);
    // What stops every module, such as a server that does not answer, is said once.
    let mut said = HashSet::new();
    for (job, result) in jobs.iter().zip(&results) {
        match result {
            Ok(outcome) => context.say(&format!("{}: {}", job.name, summary(outcome, context))),
            Err(failure) => {
                context.say(&format!("{}: failed", job.name));
                if said.insert(failure.to_string()) {
                    context.report_failure(failure);
                }
            }
        }
    }
    if context.format == MessageFormat::Json {
        let built = |(job, result)| Built::of(job, result);
        message::print(&Finished {
            schema_version: message::SCHEMA_VERSION,
            status: if code == 0 { "built" } else { "failed" },
            exit_code: code,
            modules: jobs.iter().zip(&results).map(built).collect(),
        })?;
    }
    Ok(ExitCode::from(code))
}

/// The results are in the order of the jobs.
fn all(
    jobs: &[Job],
    at_once: Option<NonZeroUsize>,
    bar: &Bar<'_>,
    context: &Context,
) -> Vec<Result<Outcome, Failure>> {
    let at_once = at_once.or_else(|| std::thread::available_parallelism().ok());
    let at_once = at_once.map_or(1, NonZeroUsize::get).min(jobs.len());
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Outcome, Failure>>>> =
        jobs.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                let work: Vec<_> = jobs.iter().zip(&results).collect();
                while let Some((job, slot)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let progress = Named { name: &job.name, bar };
                    let result = gowasm_build::build(&job.request, &progress, &context.cancel);
                    *slot.lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
                }
            });
        }
    });
    let result = |slot: Mutex<Option<_>>| slot.into_inner().unwrap_or_else(|e| e.into_inner());
    results.into_iter().map(|slot| result(slot).unwrap_or(Err(Failure::Interrupted))).collect()
}

impl<'a> Built<'a> {
    fn of(job: &'a Job, result: &'a Result<Outcome, Failure>) -> Self {
        Built { name: &job.name, result: BuildResult::of(result) }
    }
}

/// What one of several builds is doing: every line says which of them speaks.
struct Named<'a> {
    name: &'a str,
    bar: &'a Bar<'a>,
}

impl Progress for Named<'_> {
    fn phase(&self, what: &str) {
        self.bar.phase(&format!("{}: {what}", self.name));
    }

    fn detail(&self, line: &str) {
        self.bar.detail(&format!("{}: {line}", self.name));
    }

    fn warn(&self, text: &str) {
        self.bar.warn(text);
    }

    fn diagnostic(&self, warning: &Diagnostic) {
        self.bar.diagnostic(warning);
    }
}
