//! An address on the stack frame, computed in 64 bits, becomes the offset of the load or store.
//!
//! Go's compiler writes `SP + k` as
//! `local.get SP; i64.extend_i32_u; i64.const k; i64.add; i32.wrap_i64`, computes the value, and
//! stores it. Loads and stores add an offset themselves. They differ from this only where `SP + k`
//! exceeds 32 bits, which would have been a small address and is now a trap: SP + k lies in the
//! goroutine's stack, which lies in the memory, so this cannot be. Between the two, only what works
//! on the operand stack may stand, so that the access takes this very address.

use crate::code::{Code, Instruction, op};

/// Offsets and alignments that a 32-bit memory allows.
const LARGEST_OFFSET: i64 = u32::MAX as i64;

pub(crate) fn run(code: &mut Code) {
    if !keeps_sp_in_local(&code.list) {
        return;
    }
    for at in 0..code.list.len() {
        let Some(offset) = frame_address(&code.list[at..]) else { continue };
        let Some(access) = access_of_top(&code.list[at + 5..]) else { continue };
        let access = &mut code.list[at + 5 + access];
        if access.value > LARGEST_OFFSET - offset {
            continue;
        }
        access.change(access.op, access.value + offset);
        code.list[at + 1..at + 5].iter_mut().for_each(Instruction::drop);
    }
}

/// The local in which functions of Go's calling convention keep SP, and how they begin.
const SP: i64 = 1;

fn keeps_sp_in_local(list: &[Instruction]) -> bool {
    matches!(list, [get, set, ..] if get.is(op::GLOBAL_GET, 0) && set.is(op::LOCAL_SET, SP))
}

fn frame_address(list: &[Instruction]) -> Option<i64> {
    let [get, extend, constant, add, wrap, ..] = list else { return None };
    let is_address = get.is(op::LOCAL_GET, SP)
        && extend.op == op::I64_EXTEND_I32_U
        && constant.op == op::I64_CONST
        && add.op == op::I64_ADD
        && wrap.op == op::I32_WRAP_I64;
    (is_address && (0..1 << 31).contains(&constant.value)).then_some(constant.value)
}

/// The load or store that takes what is on top of the stack before `list` as its address.
fn access_of_top(list: &[Instruction]) -> Option<usize> {
    // How many values lie above it.
    let mut above = 0u32;
    for (at, instruction) in list.iter().enumerate() {
        let effect = instruction.effect()?;
        if effect.pops > above {
            let is_address = instruction.is_memory_access() && effect.pops == above + 1;
            return is_address.then_some(at);
        }
        above = above - effect.pops + effect.pushes;
    }
    None
}
