//! A function that takes down its frame and its return address in two steps takes one.
//!
//! `local.get SP; i32.const a; i32.add; local.tee SP; global.set SP`, twice in a row: nothing can see
//! SP between them, and a sum of 32 bits is the same in one step.

use crate::code::{Code, Instruction, op};

const STEP: usize = 5;

pub(crate) fn run(code: &mut Code) {
    for at in 0..code.list.len().saturating_sub(2 * STEP - 1) {
        let [first, second] = [&code.list[at..], &code.list[at + STEP..]].map(sp_step);
        let (Some((local, first)), Some((same, second))) = (first, second) else { continue };
        if local != same {
            continue;
        }
        let sum = (first as i32).wrapping_add(second as i32);
        // The second step stays, so that a third one finds it.
        code.list[at + STEP + 1].change(op::I32_CONST, sum.into());
        code.list[at..at + STEP].iter_mut().for_each(Instruction::drop);
    }
}

/// The local that SP is kept in, and what is added to it.
fn sp_step(list: &[Instruction]) -> Option<(i64, i64)> {
    let [get, constant, add, tee, set, ..] = list else { return None };
    let local = get.value;
    let is_step = get.op == op::LOCAL_GET
        && constant.op == op::I32_CONST
        && add.op == op::I32_ADD
        && tee.is(op::LOCAL_TEE, local)
        && set.is(op::GLOBAL_SET, 0);
    is_step.then_some((local, constant.value))
}
