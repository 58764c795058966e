//! `gowasm build` beside `go build` of the same programs.

use super::Findings;
use super::measure::{Sample, in_turn, measure, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Context, Result};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) const FIXTURE: &str = "crates/xtask/fixtures/reactor";
const REVISION: &str = "const revision = ";

/// The programs, with the arguments that both sides take.
const PROGRAMS: [(&str, Source, &[&str], &[&str]); 2] = [
    ("hello", Source::Text(HELLO), &[], &[]),
    (
        "net/http reactor",
        Source::Folder(FIXTURE),
        &["--buildmode=c-shared"],
        &["--plan=reactor.plan.toml"],
    ),
];

const HELLO: &str = "package main\n\nimport \"fmt\"\n\nconst revision = 0\n\n\
     func main() { fmt.Println(\"hello\", revision) }\n";

#[derive(Clone, Copy)]
enum Source {
    Text(&'static str),
    Folder(&'static str),
}

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let go = &tools::current_gos()?[0];
    let mut table = Table::new(["program", "case", "gowasm build", "go build", "ours / theirs"]);
    for (name, source, flags, our_flags) in PROGRAMS {
        let scratch = tempfile::tempdir()?;
        let ours = source.copy(&scratch.path().join("ours"))?;
        let theirs = source.copy(&scratch.path().join("theirs"))?;
        let store = scratch.path().join("store");
        let build_ours = || {
            let mut command = Command::new(&gowasm);
            command.args(["build", ".", "--quiet"]).args(flags).args(our_flags);
            command.arg("--go").arg(&go.path).arg("--store").arg(&store);
            measure(command.current_dir(&ours))
        };
        let build_theirs = || {
            let mut command = Command::new(&go.path);
            command.args(["build", "-trimpath", "-buildvcs=false"]).args(flags).arg("-o");
            command.args(["theirs.wasm", "."]).envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]);
            measure(command.current_dir(&theirs))
        };
        let mut row = |case: &str, ours: f64, theirs: f64| {
            let ratio = format!("{:.2}", ours / theirs);
            table.row([name.to_owned(), case.to_owned(), seconds(ours), seconds(theirs), ratio]);
        };

        let (a, b) = in_turn(21, build_ours, build_theirs)?;
        row("nothing changed", a.wall(), b.wall());

        // Each side compiles something that nobody compiled before.
        let revision = Cell::new(std::process::id() as u64 * 1000);
        let next = |dir: &Path, build: &dyn Fn() -> Result<Sample>| -> Result<Sample> {
            revision.set(revision.get() + 1);
            edit(dir, revision.get())?;
            build()
        };
        let (a, b) = in_turn(11, || next(&ours, &build_ours), || next(&theirs, &build_theirs))?;
        row("one line changed (ours also verifies)", a.wall(), b.wall());
    }
    Ok(Findings { conditions: format!("Go {}, medians of wall time", go.version), table })
}

impl Source {
    fn copy(self, to: &Path) -> Result<PathBuf> {
        fs::create_dir_all(to)?;
        match self {
            Source::Text(main) => {
                fs::write(to.join("go.mod"), "module example.com/hello\n\ngo 1.24\n")?;
                fs::write(to.join("main.go"), main)?;
            }
            Source::Folder(from) => {
                for entry in fs::read_dir(project::root().join(from))? {
                    let entry = entry?;
                    if entry.file_type()?.is_file() {
                        fs::copy(entry.path(), to.join(entry.file_name()))?;
                    }
                }
            }
        }
        Ok(to.to_owned())
    }
}

fn edit(dir: &Path, revision: u64) -> Result<()> {
    let file = dir.join("main.go");
    let text = fs::read_to_string(&file)?;
    let (before, rest) = text.split_once(REVISION).context("main.go has no revision")?;
    let after = rest.split_once('\n').map_or("", |(_, after)| after);
    fs::write(file, format!("{before}{REVISION}{}\n{after}", revision % (1 << 31)))?;
    Ok(())
}
