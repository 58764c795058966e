//! How fast modules made small are: benchmarks of Go's own packages in three engines, in turn with the same
//! at level `none`.

use super::Findings;
use super::measure::median;
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Packages, and which of their benchmarks are run.
const PACKAGES: [(&str, &str); 7] = [
    ("encoding/json", "^Benchmark(UnmarshalMap|EncodeMarshaler|CodeUnmarshal)$"),
    ("compress/flate", "^Benchmark(Encode|Decode)$/^Digits$/^Default$/^1e4$"),
    ("sort", "^Benchmark(SortInt1K|SortString1K|Stable1e2)$"),
    ("regexp", "^Benchmark(ReplaceAll|OnePassShortA|MatchClass)$"),
    ("math/big", "^Benchmark(Fibo|FloatAdd|GCD100x1000)$/^(1000)?$"),
    ("crypto/sha256", "^BenchmarkHash8K$/^New$"),
    ("fmt", "^Benchmark(SprintfIntInt|SprintfFloat|SprintfStructure|ScanInts)$"),
];
const LEVELS: [&str; 3] = ["none", "safe", "small"];
const ENGINES: [&str; 3] = ["wasmtime", "wasmi", "node"];
/// That of `bench verify`.
const WASMTIME: &str = "50.0.1";
const ROUNDS: usize = 3;
const STARTS: usize = 4;

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let go = tools::installed_go(tools::NEWEST_GO)?;
    let wasmtime = tools::pip_package("wasmtime", WASMTIME)?;
    let root = project::output(Command::new(&go).args(["env", "GOROOT"]))?;
    let scratch = tempfile::tempdir()?;
    let mut table = Table::new(["package", "engine", "benchmarks", "safe / none", "small / none"]);
    for (package, benchmarks) in PACKAGES {
        let folder = Path::new(root.trim()).join("src").join(package);
        let name = package.replace('/', "-");
        let module = |level: &str| scratch.path().join(format!("{name}-{level}.wasm"));
        for level in LEVELS {
            compile(&go, &gowasm, package, level, &module(level))?;
        }
        for engine in ENGINES {
            let start = |level: &str| {
                let mut command = engine_command(engine, &gowasm, &wasmtime);
                command.arg(module(level)).args(["-test.run=^$", "-test.benchtime=100ms"]);
                command.arg(format!("-test.bench={benchmarks}")).current_dir(&folder);
                command
            };
            let [safe, small] = compare(start).with_context(|| format!("{package} in {engine}"))?;
            eprintln!("{package}, {engine}: {safe:.3}, {small:.3}");
            let count = figures(&mut start("none"))?.len().to_string();
            let [safe, small] = [safe, small].map(|ratio| format!("{ratio:.3}"));
            table.row([package.to_owned(), engine.to_owned(), count, safe, small]);
        }
    }
    let conditions = format!(
        "Go {}, geometric means over a package's benchmarks of the medians of {ROUNDS} in turn; \
         less than 1: faster",
        tools::NEWEST_GO
    );
    Ok(Findings { conditions, table })
}

/// A package's tests as a command, linked by us at a level.
fn compile(go: &Path, gowasm: &Path, package: &str, level: &str, module: &Path) -> Result<()> {
    let mut test = Command::new(go);
    test.args(["test", "-c", "-o"]).arg(module);
    test.arg(format!("-toolexec={} toolexec", gowasm.display()));
    test.arg(format!("-ldflags=-size={level}")).arg(package);
    test.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local")]);
    project::run(test.env_remove("GOFLAGS"))
}

fn engine_command(engine: &str, gowasm: &Path, wasmtime: &Path) -> Command {
    let fixture =
        |name: &str| -> PathBuf { project::root().join("crates/xtask/fixtures").join(name) };
    match engine {
        "wasmtime" => {
            let mut command = Command::new("python3");
            command.arg(fixture("run_wasmtime.py")).env("PYTHONPATH", wasmtime);
            command
        }
        "node" => {
            let mut command = Command::new("node");
            command.arg("--no-warnings").arg(fixture("run_node.mjs"));
            command
        }
        _ => {
            let mut command = Command::new(gowasm);
            command.args(["run", "--dir", "/", "--env", "PWD"]);
            command
        }
    }
}

/// The ratios of the two levels to none.
fn compare(start: impl Fn(&str) -> Command) -> Result<[f64; 2]> {
    let mut rounds: [Vec<Vec<f64>>; 3] = Default::default();
    for _ in 0..ROUNDS {
        for (level, rounds) in LEVELS.iter().zip(&mut rounds) {
            rounds.push(figures(&mut start(level))?);
        }
    }
    let count = rounds[0][0].len();
    ensure!(count > 0, "no benchmark ran");
    let medians = rounds.map(|rounds| -> Vec<f64> {
        (0..count).map(|at| median(rounds.iter().map(|round| round[at]))).collect()
    });
    let [none, levels @ ..] = medians;
    Ok(levels.map(|level| {
        let logarithms = level.iter().zip(&none).map(|(level, none)| (level / none).ln());
        (logarithms.sum::<f64>() / count as f64).exp()
    }))
}

/// The nanoseconds an operation of each benchmark took.
fn figures(command: &mut Command) -> Result<Vec<f64>> {
    if let Some(folder) = command.get_current_dir().map(Path::to_owned) {
        command.env("PWD", fs::canonicalize(folder)?);
    }
    let text = output(command)?;
    let lines = text.lines().filter(|line| line.contains(" ns/op"));
    lines
        .map(|line| {
            let before = line.split(" ns/op").next().unwrap_or_default();
            let figure = before.split_whitespace().last().unwrap_or_default();
            figure.parse().with_context(|| format!("no figure: {line}"))
        })
        .collect()
}

/// What a command prints. Node dies of a signal now and then, whatever the level: it is started again.
fn output(command: &mut Command) -> Result<String> {
    for _ in 0..STARTS {
        let output = command.stdin(Stdio::null()).output().context("cannot start")?;
        if output.status.success() {
            return Ok(String::from_utf8(output.stdout)?);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.signal().is_some(), "{command:?}: {}\n{said}", output.status);
        eprintln!("died, starting it again: {}", output.status);
    }
    bail!("{command:?} died {STARTS} times")
}
