//! `test_workspace/` by Bazel: clean, locally, remotely and out of the remote cache, and after an edit; beside
//! the same modules and test programs by plain `go build` and `go test -c`, which verifies nothing. Then the module of
//! a monorepo, by Bazel's workers.

use super::Findings;
use super::measure::{measure, median, seconds};
use crate::bazel::remote::Cluster;
use crate::bazel::{Kit, Machine, Monorepo, Rules, Run, copy_checkout};
use crate::servers;
use crate::table::Table;
use anyhow::{Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use tempfile::TempDir;

const KINDS: [&str; 5] =
    ["GoWasmStd", "GoWasmCompile", "GoWasmCompileTest", "GoWasmLink", "GoWasmVerify"];
const LOCAL: [&str; 2] = ["--spawn_strategy=sandboxed", "//..."];
const EDITED: &str = "test_workspace/plugin/greeting/greeting.go";
const EDITS: usize = 5;

/// What `//...` builds, as Go calls it: GOOS and arguments.
const PLAIN: [(&str, &[&str]); 6] = [
    ("wasip1", &["build", "-buildmode=c-shared", "-o", "plugin.wasm", "./plugin"]),
    ("wasip1", &["build", "-buildmode=c-shared", "-o", "filter.wasm", "./filter"]),
    ("wasip1", &["build", "-ldflags=-s", "-o", "tool.wasm", "./tool"]),
    ("js", &["build", "-o", "page.wasm", "./js"]),
    ("wasip1", &["test", "-c", "-o", "words_test.wasm", "./shared/words"]),
    ("wasip1", &["test", "-c", "-o", "main_test.wasm", "./tool"]),
];

pub(super) fn run() -> Result<Findings> {
    let kit = Kit::set_up()?;
    let cluster = Cluster::start(&servers::programs()?)?;
    let start = || -> Result<Machine> {
        let machine = Machine::start(&kit, "bench")?;
        // The server's start and the reading of BUILD files are Bazel's own.
        machine.succeed("build", &["--nobuild", "//..."])?;
        Ok(machine)
    };
    let mut table =
        Table::new(["build", "wall", "actions", "std", "compile", "test", "link", "verify"]);
    let mut row = |name: &str, wall: f64, runs: &[Run]| {
        let [std, compile, test, link, verify] = KINDS.map(|kind| of_kind(runs, kind));
        let actions = runs.first().map_or("-".to_owned(), |run| run.spawns.len().to_string());
        table.row([name.to_owned(), seconds(wall), actions, std, compile, test, link, verify]);
    };

    let plain = Plain::new(kit.go())?;
    row("go, clean", plain.build()?, &[]);
    let local = start()?;
    for (name, run) in [
        ("Bazel, clean, sandbox", local.succeed("build", &LOCAL)?),
        ("Bazel, clean, remote execution", cluster.execute(&start()?, &["//..."])?),
        ("Bazel, clean, remote cache", cluster.execute(&start()?, &["//..."])?),
    ] {
        row(name, run.wall.as_secs_f64(), &[run]);
    }

    let (of_plain, of_local) =
        (Edited::at(plain.checkout.path().join(EDITED))?, Edited::at(local.file(EDITED))?);
    let (mut of_go, mut of_bazel) = (Vec::new(), Vec::new());
    for number in 0..EDITS {
        of_plain.change(number)?;
        of_go.push(plain.build()?);
        of_local.change(number)?;
        of_bazel.push(local.succeed("build", &LOCAL)?);
    }
    row("go, one function changed", median(of_go.into_iter()), &[]);
    let wall = median(of_bazel.iter().map(|run| run.wall.as_secs_f64()));
    row("Bazel, one function changed, sandbox", wall, &of_bazel);

    for packages in MONOREPOS {
        let monorepo = Monorepo { packages, layers: 20, imports: 3, rules: Rules::Ours };
        for (name, wall, run) in module_of(&kit, &cluster, &monorepo)? {
            row(&format!("{packages} packages: {name}"), wall, run.as_slice());
        }
    }

    let conditions = format!(
        "all of test_workspace/; clean builds once, the edit {EDITS} times in turn; {} cores for Bazel, server \
         and two workers alike; for each kind of action the number of a build and the median of its own time; \
         go builds and verifies nothing; then the module of a monorepo, each step once, with Bazel's default strategy",
        thread::available_parallelism()?
    );
    Ok(Findings { conditions, table })
}

const MONOREPOS: [usize; 2] = [500, 2000];
const APP: [&str; 1] = ["//app"];
const LEAF: &str = "layer0/p0/p0.go";

/// What was done, how long it took, and what Bazel ran.
type Step = (&'static str, f64, Option<Run>);

/// The module of a monorepo: clean, nothing changed, a function of a package that imports no other changed.
fn module_of(kit: &Kit, cluster: &Cluster, monorepo: &Monorepo) -> Result<Vec<Step>> {
    let mut steps: Vec<Step> = Vec::new();
    let change = |file: &Path| -> Result<()> {
        let text = fs::read_to_string(file)?;
        ensure!(text.contains("%d/%s"), "{} formats nothing", file.display());
        Ok(fs::write(file, text.replace("%d/%s", "%d, %s"))?)
    };

    let (folder, cache) = (tempfile::tempdir()?, tempfile::tempdir()?);
    monorepo.write(folder.path(), "..")?;
    let plain = || -> Result<f64> {
        let mut command = Command::new(kit.go());
        command.args(["build", "-buildmode=c-shared", "-o", "app.wasm", "./app"]);
        command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local")]);
        command.env("GOCACHE", cache.path()).current_dir(folder.path());
        Ok(measure(&mut command)?.wall)
    };
    steps.push(("go, clean", plain()?, None));
    steps.push(("go, nothing changed", plain()?, None));
    change(&folder.path().join(LEAF))?;
    steps.push(("go, one leaf changed", plain()?, None));

    let start = || -> Result<Machine> {
        let machine = Machine::start(kit, "bench")?;
        machine.write_monorepo("monorepo", monorepo)?;
        build(&machine, &["--nobuild", "//app"])?;
        Ok(machine)
    };
    let machine = start()?;
    let mut bazel = |name, run: Run| steps.push((name, run.wall.as_secs_f64(), Some(run)));
    bazel("Bazel, clean, workers", build(&machine, &APP)?);
    bazel("Bazel, nothing changed", build(&machine, &APP)?);
    change(&machine.file(&format!("monorepo/{LEAF}")))?;
    bazel("Bazel, one leaf changed, workers", build(&machine, &APP)?);
    let flags = cluster.flags();
    let remote: Vec<&str> = flags.iter().map(String::as_str).chain(APP).collect();
    bazel("Bazel, clean, remote execution", build(&start()?, &remote)?);
    Ok(steps)
}

fn build(machine: &Machine, arguments: &[&str]) -> Result<Run> {
    let run = machine.run_in("monorepo", "build", arguments)?;
    ensure!(run.succeeded, "bazel build failed:\n{}", run.said);
    Ok(run)
}

/// A checkout for the go command, with a build cache of its own.
struct Plain<'k> {
    go: &'k Path,
    checkout: TempDir,
    cache: TempDir,
}

impl<'k> Plain<'k> {
    fn new(go: &'k Path) -> Result<Self> {
        let checkout = tempfile::tempdir()?;
        copy_checkout(checkout.path())?;
        Ok(Plain { go, checkout, cache: tempfile::tempdir()? })
    }

    fn build(&self) -> Result<f64> {
        let one = |(goos, arguments): &(&str, &[&str])| -> Result<f64> {
            let mut command = Command::new(self.go);
            command.args(*arguments).current_dir(self.checkout.path().join("test_workspace"));
            command.envs([("GOOS", *goos), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local")]);
            command.env("GOCACHE", self.cache.path());
            Ok(measure(&mut command)?.wall)
        };
        PLAIN.iter().map(one).sum()
    }
}

/// A file whose one function compares with another number each time.
struct Edited {
    file: PathBuf,
    text: String,
}

impl Edited {
    fn at(file: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&file)?;
        ensure!(text.contains("err != nil"), "{} compares nothing", file.display());
        Ok(Edited { file, text })
    }

    fn change(&self, number: usize) -> Result<()> {
        let condition = format!("err != nil || len(hello) == {}", 1000 + number);
        Ok(fs::write(&self.file, self.text.replace("err != nil", &condition))?)
    }
}

/// How many there are in each run, and how long one takes.
fn of_kind(runs: &[Run], mnemonic: &str) -> String {
    let spawns = runs.iter().flat_map(|run| &run.spawns);
    let spawns = spawns.filter(|spawn| spawn.mnemonic == mnemonic);
    let times: Vec<f64> = spawns.filter_map(|spawn| spawn.wall()).collect();
    if times.is_empty() {
        return "-".to_owned();
    }
    let number = times.len() / runs.len();
    format!("{number} x {}", seconds(median(times.into_iter())))
}
