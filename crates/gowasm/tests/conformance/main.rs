//! The behaviours that Go and the wasmexport proposal promise, each tried with every Go of the tests.
//! docs/conformance.md is the table of what was seen: the test writes it with `GOWASM_BLESS=1`, and
//! otherwise fails where it sees something else.

#![cfg(unix)]

mod hosts;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use support::{Project, Run, gos};

/// Behaviour, Go, engine; and whether it was seen.
type Seen = BTreeMap<(String, String, String), bool>;

fn reactor(go: &Path, size: &str) -> Project {
    let project = Project::with_go(include_str!("reactor.go"), go);
    let module = "module example.com/third\n\ngo 1.24\n";
    project.write("third/go.mod", module);
    project.write("third/third.go", include_str!("third.go"));
    project.write(
        "work/go.mod",
        "module example.com/calc\n\ngo 1.24\n\nrequire example.com/third v0.0.0\n\n\
         replace example.com/third => ../third\n",
    );
    let build = ["build", "-q", "--no-verify", "--buildmode=c-shared", "-o", "../module.wasm"];
    project.ok(&[&build[..], &["--size", size]].concat());
    project
}

fn command(go: &Path, size: &str) -> Project {
    let project = Project::with_go(include_str!("command.go"), go);
    project.ok(&["build", "-q", "--no-verify", "-o", "../module.wasm", "--size", size]);
    project
}

/// The name of each behaviour, how many calls it makes, and one plan that makes them all.
fn combined(behaviours: &[toml::Value]) -> (Vec<(String, usize)>, String) {
    let (mut names, mut plan) = (Vec::new(), String::new());
    for behaviour in behaviours {
        let text = |key: &str| behaviour[key].as_str().expect("text");
        // As text: this TOML library has no place for the largest integers.
        let tables = format!("\n{}", text("plan")).replace("\n[[", "\0[[").replace("\n[", "\0[");
        let mut calls = 0;
        for table in tables.split('\0').filter(|table| !table.trim().is_empty()) {
            match table.strip_prefix("[[call]]") {
                // Each behaviour begins on an instance of its own.
                Some(keys) if calls == 0 && !keys.contains("uninitialized") => {
                    plan += &format!("[[call]]\nfresh = true{keys}\n");
                }
                Some(_) => plan += &format!("{table}\n"),
                None if plan.contains(table) => {}
                None => plan += &format!("{table}\n"),
            }
            calls += usize::from(table.starts_with("[[call]]"));
        }
        names.push((text("name").to_owned(), calls));
    }
    (names, plan)
}

/// Whether each step of a plan passed, for each engine that ran it; what was given instead goes to the
/// test's output.
fn everywhere(project: &Project, plan: &str, steps: &str) -> Vec<(String, Vec<bool>)> {
    project.write("plan.toml", plan);
    let verify = ["verify", "../module.wasm", "--plan", "../plan.toml", "--engine", "all"];
    let run = project.run(&[&verify[..], &["--message-format", "json"]].concat());
    assert!(!run.stdout.is_empty(), "{}", run.stderr);
    let found = run.json();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    for missing in found["missing"].as_array().expect("engines") {
        println!("skipped: conformance in {}: {}", missing["engine"], missing["why"]);
    }
    let of_engine = |verdict: &serde_json::Value| {
        let all = verdict["steps"].as_array().expect("steps");
        for step in all.iter().filter(|step| step["status"] != "passed") {
            println!("{}: {step}", verdict["engine"]);
        }
        let wanted = all.iter().filter(|step| step["kind"] == steps);
        (text(&verdict["engine"]["name"]), wanted.map(|step| step["status"] == "passed").collect())
    };
    found["verdicts"].as_array().expect("verdicts").iter().map(of_engine).collect()
}

fn go_version(go: &Path) -> String {
    let output = Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local").output();
    let version = String::from_utf8(output.expect("a go").stdout).expect("text");
    let mut parts = version.trim().trim_start_matches("go").split('.');
    format!("Go {}.{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

const COMMAND_PLAN: &str = "[[host]]\nmodule = \"env\"\nname = \"again\"\ncalls = \"down\"\n\
                            [start]\nstdout = \"sum 210 depth 21\\n\"\n";

/// What node prints for calls at the wrong time, and the behaviour that each line shows.
const AT_THE_WRONG_TIME: [(&str, &[&str], &str); 7] = [
    ("reactor", &["before"], "a call before `_initialize` is refused"),
    ("reactor", &["twice"], "`_initialize` called twice is refused"),
    ("reactor", &["panic"], "calls after a panic are refused"),
    ("reactor", &["exit"], "calls after `os.Exit` are refused"),
    ("reactor", &["deadlock"], "calls after a deadlock are refused"),
    (
        "nested",
        &["nested"],
        "a host that takes no notice of the end of a nested call gets no answer",
    ),
    ("command", &["before", "after"], "a command's exports are refused before and after `_start`"),
];

/// How a nested call ends, as the script is told: an export and its arguments.
const NESTED_ENDS: [&str; 5] = [
    "nested panics",
    "nested leaves",
    "nested deadlock",
    "nested elsewhere 0",
    "nested elsewhere 1",
];

fn in_node(project: &Project, kind: &str) -> Option<String> {
    let script = project.write("guard.mjs", include_str!("guard.mjs"));
    let mut node = Command::new("node");
    node.arg("--no-warnings").arg(script).arg(project.path("module.wasm")).arg(kind);
    let Run { code, stdout, stderr } = hosts::patient(&mut node).ok()?;
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    println!("{stdout}");
    Some(stdout)
}

#[test]
fn behaviours_are_those_of_the_table() {
    let table: toml::Table = include_str!("plans.toml").parse().expect("TOML");
    let behaviours = table["behaviour"].as_array().expect("behaviours");
    let (names, plan) = combined(behaviours);
    let mut seen = Seen::new();
    let gos = gos();
    // Reasons have their names in modules that have no others.
    let builds = gos.iter().map(|go| (go, "safe")).chain(gos.first().map(|go| (go, "small")));
    for (go, size) in builds {
        let version = go_version(go);
        let (reactor, command) = (reactor(go, size), command(go, size));
        // What is seen of one Go has to be seen at each size.
        let mut note = |name: &str, engine: &str, well| {
            *seen.entry((name.to_owned(), version.clone(), engine.to_owned())).or_insert(true) &=
                well;
        };
        for (engine, mut passed) in everywhere(&reactor, &plan, "call") {
            for (name, calls) in &names {
                let own = passed.drain(..passed.len().min(*calls)).collect::<Vec<_>>();
                note(name, &engine, own.len() == *calls && own.iter().all(|passed| *passed));
            }
        }
        for (engine, passed) in everywhere(&command, COMMAND_PLAN, "start") {
            let name = "a command's exports answer the host while `_start` runs, 20 deep";
            note(name, &engine, passed == [true]);
        }
        let kinds: [(&str, &Project, &[&str]); 3] = [
            ("reactor", &reactor, &["reactor"]),
            ("nested", &reactor, &NESTED_ENDS),
            ("command", &command, &["command"]),
        ];
        for (kind, project, runs) in kinds {
            let lines: Option<Vec<_>> = runs.iter().map(|run| in_node(project, run)).collect();
            let Some(lines) = lines.map(|lines| lines.concat()) else {
                println!("skipped: calls at the wrong time: node is not there");
                continue;
            };
            for (_, words, name) in AT_THE_WRONG_TIME.iter().filter(|(of, ..)| *of == kind) {
                let about: Vec<_> = lines
                    .lines()
                    .filter(|line| words.iter().any(|word| line.starts_with(&format!("{word}:"))))
                    .collect();
                let well = about.len() >= words.len()
                    && about.iter().all(|line| line.ends_with(": refused"));
                // In node's own WASI, beside what it gives in ours.
                note(name, "node:wasi", well);
            }
        }
    }
    compare(&seen);
}

fn page() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/conformance.md")
}

const HEAD: &str = "\
# Conformance

What Go and the wasmexport proposal promise, tried on modules that `gowasm build` made, guard
included, at `--size safe`, and with one Go at `--size small` as well. The tests write this table and
fail when they see something else; an empty cell was not tried.

";

fn compare(seen: &Seen) {
    let old = std::fs::read_to_string(page()).unwrap_or_default();
    let mut all = read(&old);
    let mut differ = Vec::new();
    for ((name, go, engine), well) in seen {
        let (column, word) = (format!("{go}, {engine}"), if *well { "yes" } else { "**no**" });
        let cell = all.entry(name.clone()).or_default().entry(column.clone()).or_default();
        if cell != word {
            differ.push(format!("{name}: {column}: seen {word}, the page says {cell:?}"));
            *cell = word.to_owned();
        }
    }
    if std::env::var_os("GOWASM_BLESS").is_some() {
        std::fs::write(page(), render(&all)).expect("the page can be written");
        return;
    }
    assert!(differ.is_empty(), "{}\nwith GOWASM_BLESS=1 the test writes it", differ.join("\n"));
    assert_eq!(old, render(&all), "docs/conformance.md was changed by hand");
}

type Cells = BTreeMap<String, BTreeMap<String, String>>;

fn read(page: &str) -> Cells {
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("| ---"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let Some((head, rows)) = rows.split_first() else { return Cells::new() };
    let cells = |row: &Vec<&str>| {
        let filled = head.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty());
        filled.map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect()
    };
    rows.iter().map(|row| (row[0].to_owned(), cells(row))).collect()
}

fn render(all: &Cells) -> String {
    let mut columns: Vec<&String> = all.values().flat_map(BTreeMap::keys).collect();
    columns.sort();
    columns.dedup();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let names = columns.iter().map(|column| (*column).clone());
    let mut text = HEAD.to_owned();
    text += &line(["behaviour".to_owned()].into_iter().chain(names).collect());
    text += &line(vec!["---".to_owned(); columns.len() + 1]);
    for (name, cells) in all {
        let row = columns.iter().map(|column| cells.get(*column).cloned().unwrap_or_default());
        text += &line([name.clone()].into_iter().chain(row).collect());
    }
    text
}
