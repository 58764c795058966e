//! Runs a wasm module against a plan and gives a verdict.
//!
//! In a verification the module gets nothing from the machine it runs on: no files, no environment,
//! no network, no real time. So a verdict depends on the module, the plan and the limits alone. A
//! program that is merely run gets what its caller gives it.

mod against;
mod comparison;
mod ending;
mod engine;
mod foreign;
mod guest;
mod host;
mod imports;
mod node;
mod plan;
mod program;
mod random;
mod run;
mod sandbox;
mod validate;
mod value;
mod verdict;
mod wasi;
mod world;

use engine::Effort;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use gowasm_directive::interface::{self, Interface};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use against::{Against, Difference, verify_against};
pub use comparison::{Comparison, Disagreement, Gave, Missing, verify_everywhere};
pub use imports::MissingImports;
pub use plan::Plan;
pub use program::{Ended, Program, run};
pub use random::Random;
pub use verdict::{
    EngineVersion, MissingImport, ModuleId, SCHEMA, Status, Step, StepKind, Verdict,
};
pub use world::{Content, Preopened, World};

const GOJS: &str = "gojs";

/// What a module may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: u64,
    /// Instructions, for each step of a verification.
    pub steps: u64,
    /// Seconds, for all of it: what stands behind the other limits.
    #[serde(default = "default_seconds")]
    pub seconds: u64,
}

/// Verdicts that were written before there was this limit do not say it.
fn default_seconds() -> u64 {
    Limits::default().seconds
}

impl Default for Limits {
    fn default() -> Self {
        Limits { memory_bytes: 1 << 30, steps: 30_000_000_000, seconds: 1800 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    Wasmi,
    /// With its optimising compiler, Cranelift.
    Wasmtime,
    /// wasmtime with its quick compiler.
    Winch,
    /// The only one for modules of GOOS=js.
    Node,
    Wazero,
}

impl Engine {
    pub const ALL: [Engine; 5] =
        [Engine::Wasmi, Engine::Wasmtime, Engine::Winch, Engine::Node, Engine::Wazero];

    pub fn name(self) -> &'static str {
        match self {
            Engine::Wasmi => "wasmi",
            Engine::Wasmtime => "wasmtime",
            Engine::Winch => "winch",
            Engine::Node => "node",
            Engine::Wazero => "wazero",
        }
    }

    /// The engine for a module, where nobody chose: only node runs those of GOOS=js.
    pub fn for_module(module: &[u8]) -> Result<Engine, Diagnostic> {
        Ok(Engine::for_kind(Kind::of(&interface::read(module)?)))
    }

    fn for_kind(kind: Kind) -> Engine {
        if kind == Kind::Js { Engine::Node } else { Engine::Wasmi }
    }

    /// What a verdict depends on beside the module and the plan; for the key of an action.
    pub fn version(self) -> String {
        let version = match self {
            Engine::Wasmi => format!(" {}", engine::wasmi::VERSION),
            _ => String::new(),
        };
        format!("{}{version}, gowasm-verify {}", self.name(), env!("CARGO_PKG_VERSION"))
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Engine::ALL.into_iter().find(|engine| engine.name() == text);
        found.ok_or_else(|| {
            let names = Engine::ALL.map(Engine::name).join(", ");
            format!("must be one of {names}, not `{text}`")
        })
    }
}

/// What engines outside of this process need.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Of a Go: its lib/wasm/wasm_exec.js runs modules of GOOS=js, and it builds the program around wazero.
    /// Without it neither can be verified.
    pub goroot: Option<PathBuf>,
    /// A name alone is looked for on the PATH.
    pub node: PathBuf,
    /// For each step: these engines count no instructions.
    pub timeout: Duration,
}

impl Outside {
    const TIMEOUT: Duration = Duration::from_secs(60);
    const NODE: &str = "node";

    /// With the node on the PATH and the usual timeout.
    pub fn new(goroot: Option<PathBuf>) -> Self {
        Outside { goroot, node: Outside::NODE.into(), timeout: Outside::TIMEOUT }
    }

    fn node_of(outside: Option<&Outside>) -> &Path {
        outside.map_or(Path::new(Outside::NODE), |outside| &outside.node)
    }

    fn timeout_of(outside: Option<&Outside>) -> Duration {
        outside.map_or(Outside::TIMEOUT, |outside| outside.timeout)
    }
}

#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub plan: Option<&'a Plan>,
    /// Of the module's file: a command finds it as its first argument.
    pub name: Option<&'a str>,
    /// In place of what the plan says.
    pub missing_imports: Option<MissingImports>,
    pub limits: Limits,
    /// `None` takes the one that fits the module.
    pub engine: Option<Engine>,
    /// Every export that it names must be there with its type.
    pub manifest: Option<&'a Manifest>,
    /// Without it, modules of GOOS=js cannot be verified, nor anything in wazero.
    pub outside: Option<&'a Outside>,
    /// Without times, the same module and plan give the same bytes of a verdict.
    pub times: bool,
    pub cancel: &'a AtomicBool,
}

impl Request<'_> {
    pub(crate) fn name(&self) -> &str {
        self.name.unwrap_or("module.wasm")
    }
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

/// Whether the module obeys the rules of WebAssembly, as a verification looks at that.
pub fn validate(module: &[u8], cancel: &AtomicBool) -> Result<(), String> {
    validate::validate(module, cancel).map(drop)
}

/// Runs every step and judges it. A module that fails is a verdict, not an error.
pub fn verify(module: &[u8], request: &Request) -> Result<Verdict, Failure> {
    let interface = interface::read(module).map_err(|fault| Failure::Input(vec![fault]))?;
    let kind = Kind::of(&interface);
    let mut checked = match request.plan {
        Some(plan) => plan::check(plan, &interface, kind).map_err(Failure::Input)?,
        None => plan::Checked::none(),
    };
    if let Some(wanted) = request.missing_imports {
        checked.missing_imports = wanted;
    }
    if kind != Kind::Reactor {
        checked.world.args.get_or_insert_with(|| vec![request.name().to_owned()]);
    }
    let checked = Arc::new(checked);
    let engine = request.engine.unwrap_or(Engine::for_kind(kind));
    if kind == Kind::Js {
        if engine != Engine::Node {
            return Err(unfit(engine));
        }
        return node::verify(module, &interface, &checked, request);
    }
    let engine = engine::prepare(engine, request.outside, Effort::Little)?;
    run::verify(module, &interface, kind, checked, &engine, request)
}

fn unfit(engine: Engine) -> Failure {
    let message = format!("{} cannot run a module of GOOS=js", engine.name());
    let hint = "use --engine node, or leave it out: the engine that fits is taken";
    Failure::Input(vec![Diagnostic::error(message).hint(hint)])
}

/// Of a name that somebody may have misspelled.
const LONGEST_NAME: usize = 200;

/// The one of some names that somebody may have meant.
pub fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    // A name that is much longer or shorter is not near, and comparing long ones takes long.
    let comparable = |candidate: &&str| {
        let longer = name.len().max(candidate.len());
        longer <= LONGEST_NAME && name.len().abs_diff(candidate.len()) <= longer / 3 + 1
    };
    let names = names.filter(comparable);
    let scored = names.map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate));
    let (distance, best) = scored.min_by_key(|&(distance, _)| distance)?;
    (distance <= name.len().max(best.len()) / 3 + 1 && distance < best.len()).then_some(best)
}
