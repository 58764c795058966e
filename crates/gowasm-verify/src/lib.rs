//! Runs a wasm module against a plan and gives a verdict.
//!
//! In a verification the module gets nothing from the machine it runs on: no files, no environment,
//! no network, no real time. So a verdict depends on the module, the plan and the limits alone. A
//! program that is merely run gets what its caller gives it.

mod ending;
mod host;
mod node;
mod plan;
mod program;
mod run;
mod sandbox;
mod validate;
mod value;
mod verdict;
mod wasi;
mod world;

use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use gowasm_directive::interface::{self, Interface};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use plan::Plan;
pub use program::{Ended, Program, run};
pub use verdict::{EngineVersion, ModuleId, SCHEMA, Status, Step, StepKind, Verdict};
pub use world::{Content, Preopened, World};

pub(crate) const WASI: &str = "wasi_snapshot_preview1";
const GOJS: &str = "gojs";

/// What a module may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: u64,
    /// Instructions, for each step of a verification.
    pub steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_bytes: 1 << 30, steps: 10_000_000_000 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Wasmi,
    /// For modules of GOOS=js.
    Node,
}

impl Engine {
    /// The engine for a module: only node runs those of GOOS=js.
    pub fn for_module(module: &[u8]) -> Result<Engine, Diagnostic> {
        let interface = interface::read(module)?;
        Ok(if Kind::of(&interface) == Kind::Js { Engine::Node } else { Engine::Wasmi })
    }

    /// What a verdict depends on beside the module and the plan; for the key of an action.
    pub fn version(self) -> String {
        match self {
            Engine::Wasmi => {
                format!("wasmi {WASMI_VERSION}, gowasm-verify {}", env!("CARGO_PKG_VERSION"))
            }
            Engine::Node => format!("node, gowasm-verify {}", env!("CARGO_PKG_VERSION")),
        }
    }
}

/// Checked against Cargo.lock by a test.
const WASMI_VERSION: &str = "2.0.0";

/// What node needs to run a module of GOOS=js.
#[derive(Debug, Clone)]
pub struct NodeOptions {
    /// Of the Go that built the module: its lib/wasm/wasm_exec.js is run.
    pub goroot: PathBuf,
    pub timeout: Duration,
}

impl NodeOptions {
    /// With the usual timeout: modules of GOOS=js have no step limit.
    pub fn new(goroot: PathBuf) -> Self {
        NodeOptions { goroot, timeout: Duration::from_secs(60) }
    }
}

pub struct Request<'a> {
    pub plan: Option<&'a Plan>,
    pub limits: Limits,
    /// `None` takes the one that fits the module.
    pub engine: Option<Engine>,
    /// Every export that it names must be there with its type.
    pub manifest: Option<&'a Manifest>,
    /// Without it, modules of GOOS=js cannot be verified.
    pub node: Option<&'a NodeOptions>,
    /// Without times, the same module and plan give the same bytes of a verdict.
    pub times: bool,
    pub cancel: &'a AtomicBool,
}

/// Why there is no verdict.
#[derive(Debug)]
pub enum Failure {
    /// The plan does not fit the module, or the module is none.
    Input(Vec<Diagnostic>),
    Environment(Diagnostic),
    Interrupted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    /// Exports to call, after `_initialize` where there is one.
    Reactor,
    Js,
}

impl Kind {
    fn of(interface: &Interface) -> Kind {
        if interface.imports.iter().any(|import| import.module == GOJS) {
            Kind::Js
        } else if interface.export("_start").is_some() {
            Kind::Command
        } else {
            Kind::Reactor
        }
    }
}

/// Runs every step and judges it. A module that fails is a verdict, not an error.
pub fn verify(module: &[u8], request: &Request) -> Result<Verdict, Failure> {
    let interface = interface::read(module).map_err(|fault| Failure::Input(vec![fault]))?;
    let kind = Kind::of(&interface);
    let checked = match request.plan {
        Some(plan) => plan::check(plan, &interface, kind).map_err(Failure::Input)?,
        None => plan::Checked::none(),
    };
    let engine = match (request.engine, kind) {
        (Some(Engine::Wasmi), Kind::Js) => {
            return Err(unfit("wasmi cannot run a module of GOOS=js", "node"));
        }
        (Some(Engine::Node), Kind::Command | Kind::Reactor) => {
            return Err(unfit("node runs only modules of GOOS=js", "wasmi"));
        }
        (Some(engine), _) => engine,
        (None, Kind::Js) => Engine::Node,
        (None, _) => Engine::Wasmi,
    };
    match engine {
        Engine::Wasmi => run::verify(module, &interface, kind, checked, request),
        Engine::Node => node::verify(module, &interface, checked, request),
    }
}

fn unfit(message: &str, other: &str) -> Failure {
    let hint = format!("use --engine {other}, or leave it out: the engine that fits is taken");
    Failure::Input(vec![Diagnostic::error(message).hint(hint)])
}

/// The one of some names that somebody may have meant.
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let (distance, best) = scored.min_by_key(|&(distance, _)| distance)?;
    (distance <= name.len().max(best.len()) / 3 + 1 && distance < best.len()).then_some(best)
}
