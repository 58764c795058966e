//! `gowasm build` beside `go build` of the same reactor.

use super::Findings;
use super::measure::{Sample, in_turn, measure, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const FIXTURE: &str = "crates/xtask/fixtures/reactor";
const REVISION: &str = "const revision = 0";

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let go = &tools::current_gos()?[0];
    let scratch = tempfile::tempdir()?;
    let ours = copy(&scratch.path().join("ours"))?;
    let theirs = copy(&scratch.path().join("theirs"))?;
    let store = scratch.path().join("store");

    let build_ours = || {
        let mut command = Command::new(&gowasm);
        command.args(["build", ".", "--buildmode", "c-shared", "--plan", "reactor.plan.toml"]);
        command.arg("--quiet").arg("--go").arg(&go.path).arg("--store").arg(&store);
        measure(command.current_dir(&ours))
    };
    let build_theirs = || {
        let mut command = Command::new(&go.path);
        command.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared"]);
        command.args(["-o", "reactor.wasm", "."]).envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]);
        measure(command.current_dir(&theirs))
    };

    let mut table = Table::new(["case", "gowasm build", "go build", "ours / theirs"]);
    let mut row = |case: &str, ours: f64, theirs: f64| {
        let ratio = format!("{:.2}", ours / theirs);
        table.row([case.to_owned(), seconds(ours), seconds(theirs), ratio]);
    };

    let (a, b) = in_turn(21, build_ours, build_theirs)?;
    row("nothing changed", a.wall(), b.wall());

    // Each side compiles something that nobody compiled before.
    let mut revision = std::process::id() as u64 * 1000;
    let mut next = |dir: &Path, build: &dyn Fn() -> Result<Sample>| -> Result<Sample> {
        revision += 1;
        edit(dir, revision)?;
        build()
    };
    let mut of_ours = Vec::new();
    let mut of_theirs = Vec::new();
    for _ in 0..9 {
        of_ours.push(next(&ours, &build_ours)?.wall);
        of_theirs.push(next(&theirs, &build_theirs)?.wall);
    }
    let median = |values: Vec<f64>| super::measure::median(values.into_iter());
    row("one line changed (ours also verifies)", median(of_ours), median(of_theirs));
    Ok(Findings { conditions: format!("Go {}, medians of wall time", go.version), table })
}

fn copy(to: &Path) -> Result<PathBuf> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(project::root().join(FIXTURE))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(to.to_owned())
}

fn edit(dir: &Path, revision: u64) -> Result<()> {
    let source = fs::read_to_string(project::root().join(FIXTURE).join("main.go"))?;
    let revision = revision % (1 << 31);
    let edited = source.replace(REVISION, &format!("const revision = {revision}"));
    anyhow::ensure!(edited != source, "the fixture has no line `{REVISION}`");
    fs::write(dir.join("main.go"), edited)?;
    Ok(())
}
