//! Says what the Go compiler's wasm code says in fewer bytes.
//!
//! A body is decoded once, each pass marks and changes instructions, and what is left is written.
//! No pass changes what a body does, which calls it makes, or the order of the places where a
//! goroutine resumes, so that tracebacks and line numbers stay as they are. A body with an
//! instruction that is not known here stays as it is.

mod code;
mod dispatch;
mod leb;
mod pass;

use code::Code;
pub use pass::calls::{Stub, Stubs};

/// Goes up when the bytes that come out change.
pub const VERSION: u32 = 3;

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
    stubs: &'s Stubs,
}

impl<'s> Shrinker<'s> {
    pub fn new(stubs: &'s Stubs) -> Self {
        Shrinker { code: Code::default(), stubs }
    }

    /// Appends the body, local declarations and code, in as few bytes as it can.
    pub fn push(&mut self, body: &[u8], function: Option<Function>, out: &mut Vec<u8>) {
        let start = out.len();
        if self.code.decode(body).is_none() {
            out.extend_from_slice(body);
            return;
        }
        pass::nops::run(&mut self.code);
        self.code.close_ranks();
        pass::calls::run(&mut self.code, self.stubs);
        self.code.close_ranks();
        pass::branches::run(&mut self.code);
        self.code.close_ranks();
        if let Some(function) = function {
            pass::places::run(&mut self.code, self.stubs, function);
            self.code.close_ranks();
        }
        for pass in pass::ALL {
            pass(&mut self.code);
            self.code.close_ranks();
        }
        self.code.encode(body, out);
        debug_assert!(out.len() - start <= body.len());
    }
}
