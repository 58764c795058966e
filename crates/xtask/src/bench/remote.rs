//! A build that another machine has done before, out of a remote cache, beside a cold `go build`, and
//! beside Go with GOCACHEPROG alone, which still links.

use super::Findings;
use super::build::FIXTURE;
use super::measure::{Sample, measure, median, seconds};
use crate::table::Table;
use crate::{project, servers, tools};
use anyhow::Result;
use gowasm_testbed::Casd;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const RUNS: usize = 3;

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let go = &tools::current_gos()?[0];
    let casd = Casd::start(&servers::programs()?)?;
    let bench = Bench { gowasm, go: go.path.clone(), url: casd.url() };

    // Machine A fills the cache, for both.
    bench.gowasm_build()?;
    bench.go_build(true)?;
    let (mut ours, mut alone, mut cold) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        ours.push(bench.gowasm_build()?.wall);
        alone.push(bench.go_build(true)?.wall);
        cold.push(bench.go_build(false)?.wall);
    }
    let [ours, alone, cold] = [ours, alone, cold].map(|walls| median(walls.into_iter()));
    let mut table = Table::new(["on a machine with nothing", "wall time", "gowasm is faster by"]);
    table.row(["gowasm build, all hits, verified".to_owned(), seconds(ours), String::new()]);
    for (name, wall) in [("go build with GOCACHEPROG alone", alone), ("go build, cold", cold)] {
        table.row([name.to_owned(), seconds(wall), format!("{:.1}", wall / ours)]);
    }
    let conditions =
        format!("Go {}, the reactor, buildbox-casd on this machine, medians of {RUNS}", go.version);
    Ok(Findings { conditions, table })
}

struct Bench {
    gowasm: PathBuf,
    go: PathBuf,
    url: String,
}

impl Bench {
    fn gowasm_build(&self) -> Result<Sample> {
        let machine = tempfile::tempdir()?;
        let mut command = Command::new(&self.gowasm);
        command.args(["build", ".", "--buildmode", "c-shared", "--plan", "reactor.plan.toml"]);
        command.args(["--quiet", "--remote-cache", &self.url]).arg("--go").arg(&self.go);
        measure(on(machine.path(), &mut command)?)
    }

    fn go_build(&self, with_cache: bool) -> Result<Sample> {
        let machine = tempfile::tempdir()?;
        let mut command = Command::new(&self.go);
        command.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared"]);
        command.args(["-o", "reactor.wasm", "."]).envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]);
        command.env("CGO_ENABLED", "0");
        if with_cache {
            let program = format!("{} cacheprog", self.gowasm.display());
            command.env("GOCACHEPROG", program).env("GOWASM_REMOTE_CACHE", &self.url);
        }
        measure(on(machine.path(), &mut command)?)
    }
}

/// The command on a machine of its own: the package's files, and nothing else.
fn on<'a>(machine: &Path, command: &'a mut Command) -> Result<&'a mut Command> {
    let work = machine.join("work");
    fs::create_dir(&work)?;
    for entry in fs::read_dir(project::root().join(FIXTURE))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), work.join(entry.file_name()))?;
        }
    }
    command.env("HOME", machine.join("home")).env("GOCACHE", machine.join("gocache"));
    command.env("GOWASM_STORE", machine.join("store")).env_remove("XDG_CACHE_HOME");
    Ok(command.current_dir(work))
}
