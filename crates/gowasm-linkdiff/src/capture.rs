//! Real link inputs, taken from a `go build` as it runs.
//!
//! `go build` starts its tools through a program named with `-toolexec`. Ours ([`record_link`],
//! in the binary of this crate) lets every tool run as it is, and keeps of the link: arguments,
//! environment, folder, and the module as Go's linker wrote it, before the build ID is put in.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::compare::{Difference, compare};

/// The environment variable that names the folder to record links in. Where it is set, the binary
/// acts as the `-toolexec` program.
pub const CAPTURE_DIR: &str = "GOWASM_LINKDIFF_CAPTURE";

/// What Go's linker reads from its environment.
const RELEVANT: [&str; 7] =
    ["GOROOT", "GOOS", "GOARCH", "GOWASM", "GOEXPERIMENT", "GOFIPS140", "GO_EXTLINK_ENABLED"];

/// One link: its inputs, and the module that `go tool link` made of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Case {
    /// The import path of the main package as `go` names it, or else the output's name.
    pub name: String,
    /// The link tool that ran.
    pub tool: PathBuf,
    /// Its arguments, without `-o` and its value.
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub folder: PathBuf,
    /// Go's module.
    pub theirs: PathBuf,
}

/// A program that links: `gowasm link`, or the binary of this crate.
#[derive(Debug, Clone)]
pub struct Linker {
    pub program: PathBuf,
    /// What comes before the arguments of the link tool.
    pub verb: String,
}

impl Case {
    /// Links the same inputs with ours, into `output`.
    pub fn link_ours(&self, linker: &Linker, output: &Path) -> Result<()> {
        let mut command = Command::new(&linker.program);
        command.arg(&linker.verb).arg("-o").arg(output).args(&self.arguments);
        command.current_dir(&self.folder);
        for name in RELEVANT {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let done = command
            .output()
            .with_context(|| format!("cannot start {}", linker.program.display()))?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            bail!("{}: our link failed ({}):\n{said}", self.name, done.status);
        }
        Ok(())
    }

    /// Links with ours and compares with what Go wrote.
    pub fn run(&self, linker: &Linker, output: &Path) -> Result<Option<Difference>> {
        self.link_ours(linker, output)?;
        let ours = fs::read(output).with_context(|| format!("{}: no output", self.name))?;
        let theirs = fs::read(&self.theirs).with_context(|| format!("{}: lost", self.name))?;
        Ok(compare(&theirs, &ours))
    }
}

/// Runs `go` with `arguments` (`build -o …`, `test -c -o …`) in `folder` and returns every link
/// that it did, in the order of their names. `keep` is a folder for Go's work files and the
/// records; the cases are good for as long as it is there. `recorder` is this crate's binary.
pub fn capture(
    go: &Path,
    folder: &Path,
    arguments: &[String],
    environment: &[(&str, &str)],
    recorder: &Path,
    keep: &Path,
) -> Result<Vec<Case>> {
    let (work, records) = (keep.join("work"), keep.join("records"));
    for dir in [&work, &records] {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let Some((verb, rest)) = arguments.split_first() else { bail!("no go command given") };
    let output = Command::new(go)
        .arg(verb)
        .arg("-work")
        .arg(format!("-toolexec={}", quoted(recorder)?))
        .args(rest)
        .current_dir(folder)
        .envs([("GOARCH", "wasm"), ("GOTOOLCHAIN", "local"), ("GOFLAGS", "-mod=mod")])
        .envs(environment.iter().copied())
        .env("GOTMPDIR", &work)
        .env(CAPTURE_DIR, &records)
        .output()
        .with_context(|| format!("cannot start {}", go.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} {} failed:\n{said}", go.display(), arguments.join(" "));
    }
    let mut cases: Vec<Case> = Vec::new();
    for entry in fs::read_dir(&records).context("no records")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            cases.push(serde_json::from_slice(&fs::read(&path)?)?);
        }
    }
    if cases.is_empty() {
        bail!("{} {} linked nothing", go.display(), arguments.join(" "));
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// The path as `-toolexec` reads it: split at spaces unless quoted.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
    match (text.contains([' ', '\'']), text.contains('\'')) {
        (false, _) => Ok(text.to_owned()),
        (true, false) => Ok(format!("'{text}'")),
        (true, true) => bail!("{text}: a quote in this path cannot be passed to go"),
    }
}

/// Acts as the `-toolexec` program: runs the tool, and records it if it is a link.
pub fn record_link(records: &Path, command: &[String]) -> Result<ExitCode> {
    let Some((tool, arguments)) = command.split_first() else { bail!("no tool given") };
    let status = Command::new(tool)
        .args(arguments)
        .status()
        .with_context(|| format!("cannot start {tool}"))?;
    let is_link = Path::new(tool).file_stem().is_some_and(|stem| stem == "link");
    let output = arguments.iter().position(|argument| argument == "-o");
    if let (true, true, Some(at)) = (is_link, status.success(), output) {
        record(records, tool, arguments, at)?;
    }
    Ok(ExitCode::from(status.code().unwrap_or(1) as u8))
}

fn record(records: &Path, tool: &str, arguments: &[String], at: usize) -> Result<()> {
    let written = arguments.get(at + 1).context("-o without a value")?;
    let base = records.join(format!("{}", std::process::id()));
    let theirs = base.with_extension("wasm");
    fs::copy(written, &theirs).with_context(|| format!("cannot keep {written}"))?;
    let mut rest = arguments.to_vec();
    rest.drain(at..at + 2);
    let name = env::var("TOOLEXEC_IMPORTPATH").unwrap_or_else(|_| written.clone());
    let case = Case {
        name,
        tool: PathBuf::from(tool),
        arguments: rest,
        environment: RELEVANT
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), env::var(name).ok()?)))
            .collect(),
        folder: env::current_dir()?,
        theirs,
    };
    fs::write(base.with_extension("json"), serde_json::to_vec_pretty(&case)?)?;
    Ok(())
}
