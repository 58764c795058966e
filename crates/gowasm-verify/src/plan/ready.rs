//! A plan that fits its module: what can be run without looking at the plan again.

use super::{Bytes, CallLimits, Look, Output};
use crate::imports::MissingImports;
use crate::value::Val;
use crate::world::World;

/// A plan that fits its module.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) missing_imports: MissingImports,
    pub(crate) allocator: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) start: ReadyStart,
    pub(crate) calls: Vec<ReadyCall>,
    pub(crate) hosts: Vec<ReadyHost>,
    pub(crate) world: World,
    pub(crate) js_script: Option<String>,
}

impl Checked {
    /// Without a plan a command must exit with 0, and nothing else is asked for.
    pub(crate) fn none() -> Self {
        Checked::default()
    }
}

#[derive(Debug, Default)]
pub(crate) struct ReadyStart {
    pub(crate) ending: ReadyEnding,
    /// The plan says how it must end.
    pub(crate) must_end: bool,
    pub(crate) output: Output,
    pub(crate) limits: CallLimits,
    pub(crate) line: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct ReadyCall {
    pub(crate) export: String,
    pub(crate) args: Vec<ReadyArg>,
    pub(crate) ending: ReadyEnding,
    pub(crate) output: Output,
    pub(crate) fresh: bool,
    pub(crate) uninitialized: bool,
    pub(crate) ended: bool,
    pub(crate) limits: CallLimits,
    pub(crate) writes: Vec<Look>,
    pub(crate) reads: Vec<Look>,
    pub(crate) save: Option<String>,
    pub(crate) line: u32,
}

#[derive(Debug)]
pub(crate) struct ReadyHost {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) returns: HostResult,
    pub(crate) writes: Vec<super::Write>,
    pub(crate) calls: Option<(String, Vec<ReadyArg>)>,
    pub(crate) call_returns: Option<ReadyReturned>,
}

#[derive(Debug)]
pub(crate) enum HostResult {
    Nothing,
    Value(Val),
    Argument(usize),
    /// Whatever the export returned that it calls.
    OfCall,
}

#[derive(Debug)]
pub(crate) enum ReadyArg {
    Value(Val),
    Bytes { bytes: Vec<u8>, pointer_only: bool },
    OfHost(usize),
    Saved(String),
}

#[derive(Debug)]
pub(crate) enum ReadyEnding {
    Returns(Option<ReadyReturned>),
    Traps(String),
    Exits(i32),
}

impl Default for ReadyEnding {
    fn default() -> Self {
        ReadyEnding::Exits(0)
    }
}

#[derive(Debug)]
pub(crate) enum ReadyReturned {
    Value(Val),
    /// These very bits.
    Exact(Val),
    Near {
        value: f64,
        within: f64,
    },
    At(Bytes),
    CString(Bytes),
    Packed(Bytes),
}
