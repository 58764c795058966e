//! `gowasm link` beside `go tool link`, on inputs that a real `go build` gave its linker.

use super::Findings;
use super::inputs::{self, Case};
use super::measure::{in_turn, measure, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Result, ensure};
use std::fs;
use std::path::Path;
use std::process::Command;

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let scratch = tempfile::tempdir()?;
    let mut table = Table::new([
        "program",
        "threads",
        "module",
        "go tool link",
        "ours",
        "times faster",
        "user",
        "our user",
        "peak",
        "our peak",
    ]);
    for case in inputs::record(scratch.path())? {
        for threads in ["1", "2"] {
            table.row(compare(&gowasm, &case, threads, scratch.path())?);
        }
    }
    let go = tools::NEWEST_GO;
    let conditions = format!("Go {go}, medians; a cold process each, files in the page cache");
    Ok(Findings { conditions, table })
}

fn compare(gowasm: &Path, case: &Case, threads: &str, scratch: &Path) -> Result<[String; 10]> {
    let (our_module, their_module) = (scratch.join("ours.wasm"), scratch.join("theirs.wasm"));
    let prepared = |mut command: Command, output: &Path| {
        case.apply(&mut command, &[], output);
        command.env("RAYON_NUM_THREADS", threads).env("GOMAXPROCS", threads);
        command
    };
    let (ours, theirs) = in_turn(
        11,
        || measure(&mut prepared(inputs::ours(gowasm), &our_module)),
        || measure(&mut prepared(Command::new(&case.tool), &their_module)),
    )?;
    let module = fs::read(&our_module)?;
    ensure!(module == fs::read(&their_module)?, "{}: the modules differ", case.name);
    Ok([
        case.name.clone(),
        threads.to_owned(),
        format!("{:.1} MB", module.len() as f64 / 1e6),
        seconds(theirs.wall()),
        seconds(ours.wall()),
        format!("{:.1}", theirs.wall() / ours.wall()),
        seconds(theirs.user()),
        seconds(ours.user()),
        format!("{:.0} MB", theirs.peak()),
        format!("{:.0} MB", ours.peak()),
    ])
}
