//! The links that are measured: what a real `go build` gave its linker.

use super::build::FIXTURE;
use crate::project;
use crate::tools;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const HELLO: &str = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n";

/// A link as `go build` asked for it.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) tool: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: PathBuf,
}

fn record_one(
    name: &str,
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
        name: name.to_owned(),
        tool: serde_json::from_value(case["tool"].clone())?,
        arguments: texts(&case["arguments"])?,
        environment: serde_json::from_value(case["environment"].clone())?,
        folder: serde_json::from_value(case["folder"].clone())?,
    })
}

impl Case {
    /// Makes the command of a linker link this, with further flags.
    pub(super) fn apply(&self, command: &mut Command, flags: &[&str], output: &Path) {
        command.args(flags).arg("-o").arg(output).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder);
    }
}

/// Our linker.
pub(super) fn ours(gowasm: &Path) -> Command {
    let mut command = Command::new(gowasm);
    command.arg("link");
    command
}

/// Builds the programs and keeps what their links read in `scratch`.
pub(super) fn record(scratch: &Path) -> Result<Vec<Case>> {
    let recorder = project::release("gowasm-linkdiff")?;
    let go = tools::installed_go(tools::NEWEST_GO)?;
    let hello = scratch.join("hello.go");
    fs::write(&hello, HELLO)?;
    let hello = hello.to_str().context("the temporary folder's name is not text")?;

    let root = project::root();
    let reactor = root.join(FIXTURE);
    let library = every_std_package(&go, scratch)?;
    let inputs: [(&str, &Path, Vec<&str>); 5] = [
        ("hello", root, vec![hello]),
        ("net/http reactor", &reactor, vec!["-buildmode=c-shared", "."]),
        ("the standard library", &library, vec!["."]),
        ("cmd/go", root, vec!["cmd/go"]),
        ("cmd/compile", root, vec!["cmd/compile"]),
    ];
    let record = |(name, folder, arguments): &(&str, &Path, Vec<&str>)| {
        let keep = scratch.join(name.replace('/', "-"));
        record_one(name, &recorder, &go, folder, arguments, &keep)
    };
    inputs.iter().map(record).collect()
}

/// A program that imports every package of the standard library that wasip1 has.
fn every_std_package(go: &Path, scratch: &Path) -> Result<PathBuf> {
    let folder = scratch.join("library-source");
    fs::create_dir_all(&folder)?;
    let form = "{{if .GoFiles}}{{.ImportPath}}{{end}}";
    let mut list = Command::new(go);
    list.args(["list", "-f", form, "std"]).env("GOOS", "wasip1").env("GOARCH", "wasm");
    let all = project::output(&mut list)?;
    let parts = ["internal", "vendor", "cgo", "race", "msan", "asan", "plugin"];
    let hidden = |path: &str| path.split('/').any(|part| parts.contains(&part));
    let imports: Vec<String> = all
        .lines()
        .filter(|path| !path.is_empty() && !hidden(path) && *path != "unsafe")
        .map(|path| format!("import _ \"{path}\"\n"))
        .collect();
    fs::write(folder.join("go.mod"), "module example.com/library\n\ngo 1.24\n")?;
    fs::write(
        folder.join("main.go"),
        format!("package main\n\n{}\nfunc main() {{}}\n", imports.concat()),
    )?;
    Ok(folder)
}
