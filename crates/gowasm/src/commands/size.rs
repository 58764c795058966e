//! `gowasm size`: where the bytes of a module go.

use crate::context::Context;
use crate::failure::Failure;
use crate::message::{self, MessageFormat};
use crate::output;
use gowasm_diagnostic::Diagnostic;
use gowasm_size::{By, Change, Item, Report, Row};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  gowasm size plugin.wasm
  gowasm size plugin.wasm --by function --top 30
  gowasm size plugin.wasm --html plugin.html       a treemap for a browser
  gowasm size plugin.wasm --diff released.wasm     what became larger, what smaller
  gowasm size plugin.wasm --budget 2M              fail if it is larger
  gowasm size plugin.wasm --json | jq '.packages[0]'

The names of Go's functions come from the runtime's own tables, which are there with -s as well.
docs/size-report.md says what the rows mean.";

/// Tell where a module's bytes go: by section, Go package, function and table
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A wasm module, of any linker
    module: PathBuf,
    /// What to add up [default: package, or section where there are no names]
    #[arg(long, value_name = "WHAT")]
    by: Option<ByName>,
    /// How many rows
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    top: usize,
    /// Compare with another module
    #[arg(long, value_name = "OLD")]
    diff: Option<PathBuf>,
    /// Fail where the module has more bytes than this
    #[arg(long, value_name = "SIZE", value_parser = gowasm_store::parse_size)]
    budget: Option<u64>,
    /// Write a page for a browser, which needs no network
    #[arg(long, value_name = "FILE", conflicts_with = "diff")]
    html: Option<PathBuf>,
    /// Print everything as JSON, as --message-format json does
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum ByName {
    Section,
    Package,
    Function,
    Table,
}

#[derive(Serialize)]
pub(super) struct Whole<'a> {
    schema_version: u32,
    bytes: u64,
    has_names: bool,
    has_go_tables: bool,
    sections: Vec<Row>,
    tables: Vec<Row>,
    packages: Vec<Row>,
    items: &'a [Item],
}

#[derive(Serialize)]
struct Compared {
    schema_version: u32,
    old: u64,
    new: u64,
    sections: Vec<Change>,
    tables: Vec<Change>,
    packages: Vec<Change>,
    functions: Vec<Change>,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let report = measured(&args.module, context)?;
    if !report.has_names && !report.has_go_tables {
        let warning = Diagnostic::warning("the module has no name section");
        context.report(&warning.hint("functions are told by their numbers"));
    } else if !report.has_names {
        context.say("no name section: functions have the names in the runtime's tables");
    }
    if let Some(page) = &args.html {
        let page = context.started_in.join(page);
        let title = args.module.file_name().unwrap_or(args.module.as_os_str()).to_string_lossy();
        std::fs::write(&page, gowasm_size::html(&report, &title)).map_err(|error| {
            let message = format!("cannot write {}: {error}", context.shown(&page));
            Failure::Environment(
                Diagnostic::error(message).hint("name a file in a folder of yours"),
            )
        })?;
        context.say(&format!("wrote {}", context.shown(&page)));
    }
    let by = match args.by {
        Some(ByName::Section) => By::Section,
        Some(ByName::Package) => By::Package,
        Some(ByName::Function) => By::Function,
        Some(ByName::Table) => By::Table,
        None if report.has_go_tables || report.has_names => By::Package,
        None => By::Section,
    };
    let within = within(&report, &args);
    let json = args.json || context.format == MessageFormat::Json;
    let old = args.diff.as_deref().map(|old| measured(old, context)).transpose()?;
    let text = match old {
        Some(old) if json => {
            within?;
            message::print(&compared(&old, &report))?;
            return Ok(ExitCode::SUCCESS);
        }
        Some(old) => {
            let changes = report.changes_since(&old, by);
            gowasm_size::changes_text(&changes, old.bytes, report.bytes, args.top)
        }
        None if json => {
            within?;
            message::print(&whole(&report))?;
            return Ok(ExitCode::SUCCESS);
        }
        // Who asked for the page only gets the page.
        None if args.html.is_some() && args.by.is_none() => {
            within?;
            return Ok(ExitCode::SUCCESS);
        }
        None => gowasm_size::text(&report.by(by), report.bytes, args.top),
    };
    output::text(&text)?;
    // Last: the rows above say where the bytes are.
    within.map(|()| ExitCode::SUCCESS)
}

fn within(report: &Report, args: &Args) -> Result<(), Failure> {
    let Some(budget) = args.budget.filter(|budget| report.bytes > *budget) else { return Ok(()) };
    let (module, bytes) = (args.module.display(), report.bytes);
    let over = bytes - budget;
    let message = format!("{module} has {bytes} bytes, {over} more than its budget of {budget}");
    let hint = "`--diff OLD` tells what became larger; docs/size.md says what makes modules small";
    Err(Failure::Input(vec![Diagnostic::error(message).hint(hint)]))
}

pub(super) fn measured(path: &Path, context: &Context) -> Result<Report, Failure> {
    let (bytes, shown) = crate::input::read(path, context)?;
    gowasm_size::measure(&bytes).map_err(|why| {
        let message = format!("{shown} is no wasm module: {why}");
        Failure::Input(vec![Diagnostic::error(message).hint("name a .wasm file")])
    })
}

pub(super) fn whole(report: &Report) -> Whole<'_> {
    Whole {
        schema_version: message::SCHEMA_VERSION,
        bytes: report.bytes,
        has_names: report.has_names,
        has_go_tables: report.has_go_tables,
        sections: report.by(By::Section),
        tables: report.by(By::Table),
        packages: report.by(By::Package),
        items: &report.items,
    }
}

fn compared(old: &Report, new: &Report) -> Compared {
    let changes = |by| new.changes_since(old, by);
    Compared {
        schema_version: message::SCHEMA_VERSION,
        old: old.bytes,
        new: new.bytes,
        sections: changes(By::Section),
        tables: changes(By::Table),
        packages: changes(By::Package),
        functions: changes(By::Function),
    }
}
