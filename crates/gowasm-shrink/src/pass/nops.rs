//! `nop` does nothing.
//!
//! Go's compiler leaves one where an instruction of its own became no wasm at all. Lines are told by
//! resume points, which are numbered, and not by bytes, so nothing refers to it.

use crate::code::{Code, op};

pub(crate) fn run(code: &mut Code) {
    for instruction in code.list.iter_mut().filter(|instruction| instruction.op == op::NOP) {
        instruction.drop();
    }
}
