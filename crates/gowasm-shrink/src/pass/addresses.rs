//! An address on the stack frame, computed in 64 bits, becomes the offset of the load or store.
//!
//! Go's compiler writes `SP + k` as
//! `local.get SP; i64.extend_i32_u; i64.const k; i64.add; i32.wrap_i64`, computes the value, and
//! stores it. Loads and stores add an offset themselves. They differ from this only where `SP + k`
//! exceeds 32 bits, which would have been a small address and is now a trap: SP + k lies in the
//! goroutine's stack, which lies in the memory, so this cannot be. Between the two, only what works
//! on the operand stack may stand, so that the access takes this very address.

use crate::code::{Instruction, SP, op};

/// Offsets and alignments that a 32-bit memory allows.
const LARGEST_OFFSET: i64 = u32::MAX as i64;
/// How long the computation of an address is.
const LENGTH: usize = 5;

pub(crate) fn put(list: &mut Vec<Instruction>, mut access: Instruction) {
    if let Some((end, offset)) = address(list, &access)
        && access.value <= LARGEST_OFFSET - offset
        && keeps_sp_in_local(list)
    {
        access.change(access.op, access.value + offset);
        list.drain(end - LENGTH + 1..end);
    }
    list.push(access);
}

/// Where the computation of a frame address ends that a load or store takes, and its k.
fn address(list: &[Instruction], access: &Instruction) -> Option<(usize, i64)> {
    let mut end = list.len();
    // How many values lie above it.
    let mut above = access.effect()?.pops.checked_sub(1)?;
    while above > 0 || list[..end].last()?.op != op::I32_WRAP_I64 {
        let effect = list[..end].last()?.effect()?;
        above = above.checked_sub(effect.pushes)? + effect.pops;
        end -= 1;
    }
    Some((end, frame_address(&list[..end])?))
}

/// How functions of Go's calling convention begin.
fn keeps_sp_in_local(list: &[Instruction]) -> bool {
    let [get, set, ..] = list else { return false };
    get.is(op::GLOBAL_GET, 0) && (set.is(op::LOCAL_SET, SP) || set.is(op::LOCAL_TEE, SP))
}

/// The k of `SP + k`, which the list ends with.
fn frame_address(list: &[Instruction]) -> Option<i64> {
    let [.., get, extend, constant, add, wrap] = list else { return None };
    let is_address = (get.is(op::LOCAL_GET, SP) || get.is(op::LOCAL_TEE, SP))
        && extend.op == op::I64_EXTEND_I32_U
        && constant.op == op::I64_CONST
        && add.op == op::I64_ADD
        && wrap.op == op::I32_WRAP_I64;
    (is_address && (0..1 << 31).contains(&constant.value)).then_some(constant.value)
}
