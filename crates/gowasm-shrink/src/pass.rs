//! The passes, one a file.

use crate::code::{Instruction, op};

mod addresses;
pub(crate) mod branches;
pub(crate) mod calls;
mod comparisons;
mod epilogues;
pub(crate) mod nops;
pub(crate) mod places;
mod tees;
mod wraps;

/// The passes that look at nothing but what an instruction comes to stand behind.
#[inline]
pub(crate) fn put(list: &mut Vec<Instruction>, instruction: Instruction) {
    match instruction.op {
        op::I32_EQZ => comparisons::put(list, instruction),
        op::I32_WRAP_I64 => wraps::put(list, instruction),
        op::LOCAL_GET => tees::put(list, instruction),
        op::GLOBAL_SET => epilogues::put(list, instruction),
        op::I32_LOAD..=op::I64_STORE32 => addresses::put(list, instruction),
        _ => list.push(instruction),
    }
}
