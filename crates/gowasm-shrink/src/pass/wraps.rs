//! `i64.const k; i32.wrap_i64` is `i32.const` of the lower half of k.
//!
//! Go's compiler thinks in 64 bits and narrows an address where it is used, constants too.

use crate::code::{Instruction, op};

pub(crate) fn put(list: &mut Vec<Instruction>, wrap: Instruction) {
    match list.last_mut().filter(|constant| constant.op == op::I64_CONST) {
        Some(constant) => constant.change(op::I32_CONST, i64::from(constant.value as i32)),
        None => list.push(wrap),
    }
}
