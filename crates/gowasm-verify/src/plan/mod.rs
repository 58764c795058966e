//! Plans: which calls a verification makes and what must come back. The format is described in
//! docs/plans.md.

mod around;
mod check;
mod fits;
mod looks;
mod read;
mod ready;
mod table;
mod values;

use crate::imports::MissingImports;
use crate::value::Number;
use crate::world::World;
use gowasm_diagnostic::{Diagnostic, Lines, Position};
use std::time::Duration;

pub(crate) use check::check;
pub(crate) use ready::{
    Checked, HostResult, ReadyArg, ReadyCall, ReadyEnding, ReadyHost, ReadyReturned, ReadyStart,
};

/// A plan as it stands in its file; it is held against a module only when that is verified.
#[derive(Debug, Clone)]
pub struct Plan {
    path: String,
    lines: Lines,
    pub(crate) missing_imports: Option<MissingImports>,
    pub(crate) memory: Option<MemoryPlan>,
    pub(crate) start: Option<Located<Start>>,
    pub(crate) calls: Vec<Call>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) world: World,
    pub(crate) js: Option<JsPlan>,
}

impl Plan {
    /// The exports that the plan names as allocator and release.
    pub fn memory(&self) -> Option<(&str, Option<&str>)> {
        let memory = self.memory.as_ref()?;
        let release = memory.release.as_ref().map(|release| release.value.as_str());
        Some((&memory.allocator.value, release))
    }

    /// Reads a plan. `shown_path` is how its diagnostics name the file.
    pub fn parse(text: &str, shown_path: &str) -> Result<Plan, Vec<Diagnostic>> {
        read::read(text, shown_path)
    }

    fn at(&self, offset: usize) -> Position {
        self.lines.position(self.path.clone(), offset)
    }
}

/// A value and where in the plan it stands, in bytes.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct MemoryPlan {
    pub(crate) allocator: Located<String>,
    pub(crate) release: Option<Located<String>>,
}

/// What a module for js finds beside node's own.
#[derive(Debug, Clone)]
pub(crate) struct JsPlan {
    /// Run before the module, with its imports in `imports`.
    pub(crate) script: String,
    pub(crate) offset: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub(crate) ending: Ending,
    pub(crate) output: Output,
    pub(crate) limits: CallLimits,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) export: Located<String>,
    pub(crate) args: Located<Vec<Located<Arg>>>,
    pub(crate) ending: Ending,
    pub(crate) output: Output,
    pub(crate) fresh: bool,
    /// On an instance of its own whose `_initialize` was not called.
    pub(crate) uninitialized: bool,
    /// On the instance that the call before it ended.
    pub(crate) ended: bool,
    pub(crate) limits: CallLimits,
    /// Before the call.
    pub(crate) writes: Vec<Located<Look>>,
    /// After it.
    pub(crate) reads: Vec<Located<Look>>,
    /// Keeps the result under this name for later calls of the same instance.
    pub(crate) save: Option<Located<String>>,
}

/// Narrower limits than the verification's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CallLimits {
    pub(crate) steps: Option<u64>,
    pub(crate) memory_bytes: Option<u64>,
    pub(crate) time: Option<Duration>,
}

/// Bytes that are to be, or to be put, at a place of the module's memory.
#[derive(Debug, Clone)]
pub(crate) struct Look {
    pub(crate) place: Place,
    pub(crate) bytes: Bytes,
}

#[derive(Debug, Clone)]
pub(crate) enum Place {
    Address(u32),
    /// What the call returned.
    Result,
    /// The wasm argument of this number.
    Argument(usize),
    Saved(String),
}

#[derive(Debug, Clone)]
pub(crate) struct Host {
    pub(crate) module: String,
    pub(crate) name: Located<String>,
    pub(crate) returns: Option<Located<Arg>>,
    pub(crate) writes: Vec<Located<Write>>,
    pub(crate) calls: Option<Located<String>>,
    pub(crate) args: Option<Located<Vec<Located<Arg>>>>,
    pub(crate) call_returns: Option<Located<Returned>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Arg {
    Number(Number),
    Bytes {
        bytes: Vec<u8>,
        /// Only the address is passed, not the length.
        pointer_only: bool,
    },
    /// The host function's own argument of this number.
    OfHost(usize),
    /// What an earlier call of the same instance returned.
    Saved(String),
}

/// How a call must end.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Returns(Option<Located<Returned>>),
    Traps(String),
    Exits(i32),
}

#[derive(Debug, Clone)]
pub(crate) enum Returned {
    Number(Number),
    /// A float that differs by no more than this.
    Near {
        value: f64,
        within: f64,
    },
    At(Bytes),
    CString(Bytes),
    Packed(Bytes),
}

/// Bytes that are to be found in the module's memory.
#[derive(Debug, Clone)]
pub(crate) struct Bytes {
    pub(crate) bytes: Vec<u8>,
    /// Written as text in the plan, and shown as text in a verdict.
    pub(crate) text: bool,
}

/// What must be found in what was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Output {
    pub(crate) stdout: Option<String>,
    pub(crate) stderr: Option<String>,
    pub(crate) stdout_contains: Option<String>,
    pub(crate) stderr_contains: Option<String>,
    /// The calls of the plan's host functions, such as `env.log(1)`, in their order.
    pub(crate) host_calls: Option<Vec<String>>,
}

/// What a host function writes into the module's memory. `at` and `size_at` are parameter numbers.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) at: usize,
    pub(crate) what: Written,
}

#[derive(Debug, Clone)]
pub(crate) enum Written {
    Bytes(Vec<u8>),
    Allocated { size_at: usize, bytes: Vec<u8> },
}
