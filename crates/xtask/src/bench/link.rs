//! `gowasm link` beside `go tool link`, on inputs that a real `go build` gave its linker.

use super::Findings;
use super::build::FIXTURE;
use super::measure::{in_turn, measure, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HELLO: &str = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n";

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let recorder = project::release("gowasm-linkdiff")?;
    let go = tools::installed_go(tools::NEWEST_GO)?;
    let scratch = tempfile::tempdir()?;
    let hello = scratch.path().join("hello.go");
    fs::write(&hello, HELLO)?;
    let hello = hello.to_str().context("the temporary folder's name is not text")?;

    let root = project::root();
    let reactor = root.join(FIXTURE);
    let inputs: [(&str, &Path, Vec<&str>); 4] = [
        ("hello", root, vec![hello]),
        ("net/http reactor", &reactor, vec!["-buildmode=c-shared", "."]),
        ("cmd/go", root, vec!["cmd/go"]),
        ("cmd/compile", root, vec!["cmd/compile"]),
    ];
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
    for (name, folder, arguments) in inputs {
        let case = record(
            &recorder,
            &go,
            folder,
            &arguments,
            &scratch.path().join(name.replace('/', "-")),
        )?;
        for threads in ["1", "2"] {
            table.row(compare(&gowasm, &case, name, threads, scratch.path())?);
        }
    }
    let go = tools::NEWEST_GO;
    let conditions = format!("Go {go}, medians; a cold process each, files in the page cache");
    Ok(Findings { conditions, table })
}

struct Case {
    tool: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
}

fn record(
    recorder: &Path,
    go: &Path,
    folder: &Path,
    arguments: &[&str],
    keep: &Path,
) -> Result<Case> {
    fs::create_dir_all(keep)?;
    let mut command = Command::new(recorder);
    command.arg("--record").arg(keep).arg(go).args(["build", "-o"]).arg(keep.join("out.wasm"));
    let text = project::output(command.args(arguments).env("GOOS", "wasip1").current_dir(folder))?;
    let cases: Vec<Value> = serde_json::from_str(&text)?;
    let case = cases.first().context("nothing was linked")?;
    let texts =
        |value: &Value| -> Result<Vec<String>> { Ok(serde_json::from_value(value.clone())?) };
    Ok(Case {
        tool: serde_json::from_value(case["tool"].clone())?,
        arguments: texts(&case["arguments"])?,
        environment: serde_json::from_value(case["environment"].clone())?,
        folder: serde_json::from_value(case["folder"].clone())?,
    })
}

fn compare(
    gowasm: &Path,
    case: &Case,
    name: &str,
    threads: &str,
    scratch: &Path,
) -> Result<[String; 10]> {
    let (our_module, their_module) = (scratch.join("ours.wasm"), scratch.join("theirs.wasm"));
    let prepared = |program: &Path, output: &Path, verb: Option<&str>| {
        let mut command = Command::new(program);
        command.args(verb).arg("-o").arg(output).args(&case.arguments);
        command.envs(case.environment.iter().map(|(name, value)| (name, value)));
        command
            .env("RAYON_NUM_THREADS", threads)
            .env("GOMAXPROCS", threads)
            .current_dir(&case.folder);
        command
    };
    let (ours, theirs) = in_turn(
        11,
        || measure(&mut prepared(gowasm, &our_module, Some("link"))),
        || measure(&mut prepared(&case.tool, &their_module, None)),
    )?;
    let module = fs::read(&our_module)?;
    ensure!(module == fs::read(&their_module)?, "{name}: the modules differ");
    Ok([
        name.to_owned(),
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
