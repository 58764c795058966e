//! `gowasm store`: where the store is, how much is in it, whether it is sound, making it smaller.

use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat, SCHEMA_VERSION};
use crate::output;
use clap::Subcommand;
use gowasm_diagnostic::{Diagnostic, printable};
use gowasm_store::{
    Count, PruneLimits, Stat, Store, Verification, Watch, parse_age, parse_size, show_size,
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Look after the store: the folder that keeps what was built.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The store's folder [default: GOWASM_STORE, else the platform's cache folder]
    #[arg(long, global = true, value_name = "DIR")]
    store: Option<PathBuf>,
    #[command(subcommand)]
    action: StoreCommand,
}

#[derive(Subcommand)]
enum StoreCommand {
    /// Print the store's folder
    Dir,
    /// Count what is in the store
    Stat,
    /// Read everything again; name and remove what is damaged, with exit code 1
    Verify,
    /// Remove what was not used for longest
    Prune(PruneArgs),
    /// Remove everything
    Clean,
}

#[derive(clap::Args)]
#[group(required = true, multiple = true)]
struct PruneArgs {
    /// Keep no more than this, such as 500M or 5G
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Keep nothing that was not used for so long, such as 12h or 30d
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    max_age: Option<Duration>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    if let StoreCommand::Dir = args.action {
        return dir(args.store.as_deref(), context);
    }
    let store = Store::open(args.store.as_deref()).map_err(Failure::from)?;
    match args.action {
        StoreCommand::Dir => dir(args.store.as_deref(), context),
        StoreCommand::Stat => stat(&store, context),
        StoreCommand::Verify => verify(&store, context),
        StoreCommand::Prune(limits) => prune(&store, &limits, context),
        StoreCommand::Clean => clean(&store, context),
    }
}

/// What a command's JSON object has beside its own fields.
#[derive(Serialize)]
struct Message<T: Serialize> {
    schema_version: u32,
    status: &'static str,
    exit_code: u8,
    #[serde(flatten)]
    body: T,
}

/// Prints the object with `--message-format json`, else the lines.
fn answer(
    context: &Context,
    exit_code: u8,
    body: impl Serialize,
    lines: &str,
) -> Result<ExitCode, Failure> {
    let status = if exit_code == 0 { "done" } else { "failed" };
    match context.format {
        MessageFormat::Json => {
            message::print(&Message { schema_version: SCHEMA_VERSION, status, exit_code, body })?;
        }
        MessageFormat::Human => output::text(lines)?,
    }
    Ok(ExitCode::from(exit_code))
}

fn dir(flag: Option<&Path>, context: &Context) -> Result<ExitCode, Failure> {
    #[derive(Serialize)]
    struct Body {
        directory: String,
    }
    let dir = gowasm_store::location(flag).map_err(Failure::from)?;
    let directory = dir.display().to_string();
    if context.format == MessageFormat::Human && !io::stdout().is_terminal() {
        // For scripts: the very bytes of the path.
        let mut line = dir.into_os_string().into_encoded_bytes();
        line.push(b'\n');
        return output::exact(&line).map(|()| ExitCode::SUCCESS);
    }
    let line = format!("{}\n", printable::line(&directory));
    answer(context, 0, Body { directory }, &line)
}

fn stat(store: &Store, context: &Context) -> Result<ExitCode, Failure> {
    let stat = store.stat().map_err(Failure::from)?;
    answer(context, 0, &stat, &stat_table(&stat))
}

fn stat_table(stat: &Stat) -> String {
    let mut table = format!("{}\n", printable::line(&stat.directory));
    let mut rows = vec![("blobs", stat.blobs), ("results", stat.results), ("notes", stat.notes)];
    if stat.temporary.files > 0 {
        rows.push(("unfinished", stat.temporary));
    }
    rows.push(("total", stat.total));
    for (name, count) in rows {
        table += &format!("  {name:<10} {:>8} files {:>12}\n", count.files, show_size(count.bytes));
    }
    if let Some(used) = stat.oldest_use {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        table += &format!("  longest without use: {}\n", show_age(now.saturating_sub(used)));
    }
    if !stat.foreign.is_empty() {
        table += &format!("  not the store's: {}\n", some(&stat.foreign));
    }
    table
}

fn show_age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The first few, and how many more.
fn some(paths: &[String]) -> String {
    const SHOWN: usize = 3;
    let shown: Vec<_> = paths.iter().take(SHOWN).map(|path| printable::line(path)).collect();
    let shown = shown.join(", ");
    if paths.len() <= SHOWN { shown } else { format!("{shown} and {} more", paths.len() - SHOWN) }
}

fn verify(store: &Store, context: &Context) -> Result<ExitCode, Failure> {
    let watcher = Watcher::new(context);
    let verification = store.verify(&watcher).map_err(Failure::from)?;
    watcher.bar.finish_and_clear();
    for wrong in &verification.wrong {
        let fate = if wrong.removed { "; it was removed" } else { "; it could not be removed" };
        context.report(&Diagnostic::error(format!("{}: {}{fate}", wrong.path, wrong.why)));
    }
    report_foreign(context, &verification.foreign);
    let exit_code = u8::from(!verification.wrong.is_empty());
    answer(context, exit_code, &verification, &verify_line(&verification))
}

fn verify_line(verification: &Verification) -> String {
    let mut line = format!("checked {}", counted(verification.checked));
    match verification.wrong.len() {
        0 => line += ": all sound",
        wrong => line += &format!(": {wrong} damaged"),
    }
    if verification.dangling > 0 {
        line += &format!("; {} results without all their blobs", verification.dangling);
    }
    if verification.unsigned > 0 {
        line += &format!("; {} results of other programs", verification.unsigned);
    }
    line + "\n"
}

fn prune(store: &Store, limits: &PruneArgs, context: &Context) -> Result<ExitCode, Failure> {
    let limits = PruneLimits { max_size: limits.max_size, max_age: limits.max_age };
    let pruned = store.prune(&limits, &Watcher::new(context)).map_err(Failure::from)?;
    // What killed builds left elsewhere.
    let places = [std::env::var_os("GOTMPDIR").map(PathBuf::from), Some(std::env::temp_dir())];
    let left: u64 = places.iter().flatten().map(|place| gowasm_scratch::sweep(place)).sum();
    let mut line = format!("removed {}, kept {}\n", counted(pruned.removed), counted(pruned.kept));
    if left > 0 {
        line += &format!("removed {left} temporary folders of builds that were killed\n");
    }
    answer(context, 0, pruned, &line)
}

fn clean(store: &Store, context: &Context) -> Result<ExitCode, Failure> {
    let cleaned = store.clean(&Watcher::new(context)).map_err(Failure::from)?;
    report_foreign(context, &cleaned.foreign);
    answer(context, 0, &cleaned, &format!("removed {}\n", counted(cleaned.removed)))
}

fn counted(count: Count) -> String {
    let files = if count.files == 1 { "file" } else { "files" };
    format!("{} {files}, {}", count.files, show_size(count.bytes))
}

fn report_foreign(context: &Context, foreign: &[String]) {
    if !foreign.is_empty() {
        let message =
            format!("left alone in the store's folder, because not the store's: {}", some(foreign));
        context.report(&Diagnostic::warning(message));
    }
}

/// Shows how far maintenance is, and passes Ctrl-C on to it.
struct Watcher<'a> {
    context: &'a Context,
    bar: ProgressBar,
}

impl<'a> Watcher<'a> {
    fn new(context: &'a Context) -> Self {
        let shown =
            std::io::stderr().is_terminal() && context.verbosity > crate::context::Verbosity::Quiet;
        let bar = if shown { ProgressBar::new(0) } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}") {
            bar.set_style(style);
        }
        Watcher { context, bar }
    }
}

impl Watch for Watcher<'_> {
    fn blocked(&self, lock: &Path) {
        self.context.say(&format!("Blocking waiting for file lock {}", lock.display()));
    }

    fn progress(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn cancelled(&self) -> bool {
        self.context.cancel.load(Ordering::SeqCst)
    }
}
