//! A function that takes down its frame and its return address in two steps takes one.
//!
//! `local.get SP; i32.const a; i32.add; local.tee SP; global.set SP`, twice in a row: nothing can see
//! SP between them, and a sum of 32 bits is the same in one step.

use crate::code::{Instruction, op};

const STEP: usize = 5;

pub(crate) fn put(list: &mut Vec<Instruction>, set: Instruction) {
    list.push(set);
    let Some(before) = list.len().checked_sub(2 * STEP) else { return };
    let [first, second] = [before, before + STEP].map(|at| sp_step(&list[at..]));
    let (Some((local, first)), Some((same, second))) = (first, second) else { return };
    if local != same || list[before + STEP].op != op::LOCAL_GET {
        return;
    }
    let sum = (first as i32).wrapping_add(second as i32);
    list[before + 1].change(op::I32_CONST, sum.into());
    list.truncate(before + STEP);
}

/// The local that SP is kept in, and what is added to it.
fn sp_step(list: &[Instruction]) -> Option<(i64, i64)> {
    let [get, constant, add, tee, set, ..] = list else { return None };
    let local = get.value;
    let is_step = matches!(get.op, op::LOCAL_GET | op::LOCAL_TEE)
        && constant.op == op::I32_CONST
        && add.op == op::I32_ADD
        && tee.is(op::LOCAL_TEE, local)
        && set.is(op::GLOBAL_SET, 0);
    is_step.then_some((local, constant.value))
}
