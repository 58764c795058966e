//! `gowasm verify` beside wasmtime: from a file to the same answers.

use super::Findings;
use super::build::FIXTURE;
use super::measure::{in_turn, measure, median, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Context, Result};
use std::cell::RefCell;
use std::process::Command;

/// The newest when this was written; its default compiler is Cranelift.
const WASMTIME: &str = "50.0.1";

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let wasmtime = tools::pip_package("wasmtime", WASMTIME)?;
    let go = &tools::current_gos()?[0];
    let fixture = project::root().join(FIXTURE);
    let scratch = tempfile::tempdir()?;
    let module = scratch.path().join("reactor.wasm");
    let mut build = Command::new(&go.path);
    build.args(["build", "-trimpath", "-buildvcs=false", "-buildmode=c-shared", "-o"]).arg(&module);
    build.arg(".").envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]).current_dir(&fixture);
    project::run(&mut build)?;

    // The peer's time is taken inside the process: starting Python is not its fault.
    let inside = RefCell::new(Vec::new());
    let ours = || {
        let mut command = Command::new(&gowasm);
        command.args(["verify", "--quiet"]).arg(&module);
        command.arg("--plan").arg(fixture.join("reactor.plan.toml"));
        measure(&mut command)
    };
    let theirs = || {
        let mut command = Command::new("python3");
        command.arg(project::root().join("crates/xtask/fixtures/wasmtime_peer.py")).arg(&module);
        command.env("PYTHONPATH", &wasmtime);
        let text = project::output(&mut command)?;
        let wall: f64 = text.trim().parse().context("the peer printed no time")?;
        inside.borrow_mut().push(wall);
        Ok(super::measure::Sample { wall, user: f64::NAN, peak: f64::NAN })
    };
    let (a, _) = in_turn(7, ours, theirs)?;
    let theirs = median(inside.borrow().iter().skip(1).copied());
    let size = std::fs::metadata(&module)?.len() as f64 / 1e6;
    let conditions = format!(
        "a reactor of {size:.1} MB, medians, from file to answers; ours is the whole process"
    );
    let mut table = Table::new(["engine", "wall", "ours / theirs"]);
    table.row(["gowasm verify (wasmi)".to_owned(), seconds(a.wall()), String::new()]);
    let ratio = format!("{:.3}", a.wall() / theirs);
    table.row([format!("wasmtime {WASMTIME} (Cranelift)"), seconds(theirs), ratio]);
    Ok(Findings { conditions, table })
}
