//! Says what the Go compiler's wasm code says in fewer bytes.
//!
//! A body is decoded once, each pass marks and changes instructions, and what is left is written.
//! No pass changes what a body does, which calls it makes, or the order of the places where a
//! goroutine resumes, so that tracebacks and line numbers stay as they are. A body with an
//! instruction that is not known here stays as it is.

mod code;
mod dispatch;
pub mod leb;
mod pass;

use code::Code;
use dispatch::Dispatch;
use pass::calls::Calls;
pub use pass::calls::{Stub, Stubs};

/// Goes up when the bytes that come out change.
pub const VERSION: u32 = 4;

/// A function that a goroutine enters in its middle only where it can tell that from its code, as all do
/// that the compiler made.
#[derive(Debug, Clone, Copy)]
pub struct Function {
    /// The PC at which it begins.
    pub pc: i64,
    /// The number of the place where it goes on when a deferred call has recovered, or 0.
    pub defer_return: u32,
}

/// Rewrites bodies, with memory that is used again for each.
#[derive(Debug)]
pub struct Shrinker<'s> {
    code: Code,
    calls: Calls<'s>,
}

impl<'s> Shrinker<'s> {
    pub fn new(stubs: &'s Stubs) -> Self {
        Shrinker { code: Code::default(), calls: Calls::new(stubs) }
    }

    /// Appends the body, local declarations and code, in as few bytes as it can.
    pub fn push(&mut self, body: &[u8], function: Option<Function>, out: &mut Vec<u8>) {
        let start = out.len();
        self.calls.begin(function.map_or(0, |function| function.pc));
        let read = self.code.decode(body, |list, instruction| {
            if !pass::nops::is_one(&instruction) {
                self.calls.put(list, instruction);
            }
        });
        if read.is_none() {
            out.extend_from_slice(body);
            return;
        }
        self.calls.finish(&mut self.code.list);
        if let Some(dispatch) = Dispatch::find(&self.code)
            && let Some(jumps) = dispatch.jumps(&self.code)
        {
            pass::branches::run(&mut self.code, &jumps);
            if let Some(function) = function {
                pass::places::run(&mut self.code, &dispatch, &jumps, &self.calls.resumes, function);
            }
        }
        self.code.put_anew(pass::put);
        self.code.encode(body, out);
        debug_assert!(out.len() - start <= body.len());
    }
}
