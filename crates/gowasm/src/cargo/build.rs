//! `cargo gowasm build`

use super::modules::Found;
use super::progress::Named;
use crate::commands::{build::summary, wasm_opt};
use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use crate::progress::Bar;
use crate::remote::RemoteArgs;
use gowasm_build::{Outcome, Servers, Settings, WasmOpt};
use serde::Serialize;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

#[derive(clap::Args)]
pub(super) struct Args {
    /// How many modules are built at once [default: as many as there are processors]
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Publish without running the modules
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    wasm_opt: wasm_opt::BuildArgs,
    /// The go command to use [default: `go` on the PATH]
    #[arg(long, value_name = "PATH")]
    go: Option<PathBuf>,
    /// Where results are kept [default: the user's cache folder]
    #[arg(long, value_name = "DIR", env = "GOWASM_STORE")]
    store: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
}

pub(super) fn run(args: Args, found: &Found, context: &Context) -> Result<ExitCode, Failure> {
    let common = Common {
        go: args.go.map(|go| resolved(&go, context)),
        store: args.store.map(|store| context.started_in.join(store)),
        verify: !args.no_verify,
        wasm_opt: args.wasm_opt.wanted(&context.started_in),
        servers: args.remote.servers(context)?,
    };
    let bar = Bar::new(context);
    let results = all(args.jobs, &common, found, &bar, context);
    bar.finish();
    let built: Vec<Built> = found
        .modules
        .iter()
        .zip(&results)
        .map(|(module, result)| Built::of(module, result))
        .collect();
    let code = results.iter().filter_map(|result| result.as_ref().err()).map(Failure::code).max();
    // What stops every module, such as a server that does not answer, is said once.
    let mut said = HashSet::new();
    for (module, result) in found.modules.iter().zip(&results) {
        match result {
            Ok(outcome) => context.say(&format!("{}: {}", module.name, summary(outcome, context))),
            Err(failure) => {
                context.say(&format!("{}: failed", module.name));
                if said.insert(failure.to_string()) {
                    context.report_failure(failure);
                }
            }
        }
    }
    let code = code.unwrap_or(0);
    if context.format == MessageFormat::Json {
        let status = if code == 0 { "built" } else { "failed" };
        let schema_version = message::SCHEMA_VERSION;
        message::print(&Finished { schema_version, status, exit_code: code, modules: built });
    }
    Ok(ExitCode::from(code))
}

/// What holds for every module.
struct Common {
    go: Option<PathBuf>,
    store: Option<PathBuf>,
    verify: bool,
    /// Instead of what the modules' tables say.
    wasm_opt: Option<WasmOpt>,
    servers: Arc<Servers>,
}

/// Builds the modules, some at once; the results are in the modules' order.
fn all(
    jobs: Option<NonZeroUsize>,
    common: &Common,
    found: &Found,
    bar: &Bar<'_>,
    context: &Context,
) -> Vec<Result<Outcome, Failure>> {
    let jobs = jobs.or_else(|| std::thread::available_parallelism().ok());
    let jobs = jobs.map_or(1, NonZeroUsize::get).min(found.modules.len());
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Outcome, Failure>>>> =
        found.modules.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(index) = take(&next, found.modules.len()) {
                    let result = one(common, found, &found.modules[index], bar, context);
                    *results[index].lock().unwrap_or_else(|e| e.into_inner()) = Some(result);
                }
            });
        }
    });
    let result = |slot: Mutex<Option<_>>| slot.into_inner().unwrap_or_else(|e| e.into_inner());
    results.into_iter().map(|slot| result(slot).unwrap_or(Err(Failure::Interrupted))).collect()
}

fn take(next: &AtomicUsize, count: usize) -> Option<usize> {
    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&index| index < count)
}

fn one(
    common: &Common,
    found: &Found,
    module: &Settings,
    bar: &Bar<'_>,
    context: &Context,
) -> Result<Outcome, Failure> {
    let mut request = module.request(found.place(module));
    request.go = common.go.clone();
    request.store = common.store.clone();
    request.servers = common.servers.clone();
    request.gowasm = std::env::current_exe().ok();
    request.verify &= common.verify;
    if !request.verify {
        request.plan = None;
    }
    request.wasm_opt = common.wasm_opt.clone().or(request.wasm_opt);
    request.offline = found.offline;
    gowasm_build::build(&request, &Named { name: &module.name, bar }, &context.cancel)
}

/// A path is seen from where the command was started; a bare name is looked up on the PATH.
fn resolved(go: &std::path::Path, context: &Context) -> PathBuf {
    if go.components().count() > 1 { context.started_in.join(go) } else { go.to_owned() }
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
    result: message::BuildResult<'a>,
}

impl<'a> Built<'a> {
    fn of(module: &'a Settings, result: &'a Result<Outcome, Failure>) -> Self {
        Built { name: &module.name, result: message::BuildResult::of(result) }
    }
}
