//! `nop` does nothing.
//!
//! Go's compiler leaves one where an instruction of its own became no wasm at all. Lines are told by
//! resume points, which are numbered, and not by bytes, so nothing refers to it.

use crate::code::{Instruction, op};

pub(crate) fn is_one(instruction: &Instruction) -> bool {
    instruction.op == op::NOP
}
