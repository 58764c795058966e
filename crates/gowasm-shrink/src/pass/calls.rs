//! A call of a function that never comes back goes through a stub that is common to all of them.
//!
//! Before a call Go's compiler makes room on the stack, and stores there where to go on:
//! `local.get SP; i32.const 8; i32.sub; local.tee SP; global.set SP; local.get SP; i64.const pc; i64.store;
//! i32.const 0; call F`. Every nil check, index, slice and stack check has such a call of a function that panics or grows
//! the stack, and runs it almost never. The stub does the same to the stack, where SP in the local and in the
//! global are one, and passes the same address on, so that tracebacks stay as they are. F ends by unwinding only;
//! the stub traps if it should return all the same, as Go's own code does behind most of these calls. SP,
//! which the code then reads anew, is needed no more where the unwinding leaves the function.
//!
//! Saved: 356 KB of a reactor with 5 MB of code, where 17,000 of 41,000 calls are such.

use crate::code::{Code, Instruction, op};
use crate::leb;

/// The functions that never come back, with the stub of each.
#[derive(Debug, Default)]
pub struct Stubs {
    by_function: Vec<Stub>,
    /// The indexes of those behind whose call nothing ever goes on.
    last: Vec<u64>,
}

#[derive(Debug, Clone, Copy)]
pub struct Stub {
    /// The index of a function that never comes back, but by unwinding.
    pub function: u64,
    pub stub: u64,
    /// Whether the goroutine goes on where it called the function.
    pub resumes: bool,
}

const SP: i64 = 1;
const CALL_LENGTH: usize = 10;

impl Stubs {
    pub fn new(stubs: impl IntoIterator<Item = Stub>) -> Stubs {
        let mut by_function: Vec<Stub> = stubs.into_iter().collect();
        by_function.sort_unstable_by_key(|stub| stub.function);
        let last = by_function.iter().filter(|stub| !stub.resumes);
        let mut last: Vec<u64> = last.map(|stub| stub.stub).collect();
        last.sort_unstable();
        Stubs { by_function, last }
    }

    fn of(&self, function: i64) -> Option<i64> {
        let stubs = &self.by_function;
        let at = stubs.binary_search_by_key(&(function as u64), |stub| stub.function).ok()?;
        Some(stubs[at].stub as i64)
    }

    /// Whether a call of this stub is the last thing that the function which calls it does.
    pub(crate) fn is_last(&self, stub: i64) -> bool {
        self.last.binary_search(&(stub as u64)).is_ok()
    }

    /// Appends the body of a function's stub: from i64, where to go on, to i32, that it unwinds.
    pub fn push_body(function: u64, out: &mut Vec<u8>) {
        // No locals. SP = SP - 8.
        out.extend_from_slice(&[0, op::GLOBAL_GET, 0, op::I32_CONST, 8, op::I32_SUB]);
        out.extend_from_slice(&[op::GLOBAL_SET, 0, op::GLOBAL_GET, 0, op::LOCAL_GET, 0]);
        out.extend_from_slice(&[op::I64_STORE, 3, 0, op::I32_CONST, 0, op::CALL]);
        leb::push_unsigned(out, function);
        out.extend_from_slice(&[op::I32_EQZ, op::IF, 0x40, op::UNREACHABLE, op::END]);
        out.extend_from_slice(&[op::I32_CONST, 1, op::END]);
    }
}

pub(crate) fn run(code: &mut Code, stubs: &Stubs) {
    let unwinds = end_of_unwinding(&code.list);
    let mut depth = 0i64;
    for at in 0..code.list.len() {
        match code.list[at].op {
            op::BLOCK..=op::IF => depth += 1,
            op::END => depth -= 1,
            _ => {}
        }
        let Some(stub) = callee(&code.list[at..]).and_then(|callee| stubs.of(callee)) else {
            continue;
        };
        let (before, after) = code.list[at..].split_at_mut(CALL_LENGTH);
        before.iter_mut().filter(|kept| kept.op != op::I64_CONST).for_each(Instruction::drop);
        before[CALL_LENGTH - 1].change(op::CALL, stub);
        if let [get, set, branch, ..] = after
            && get.is(op::GLOBAL_GET, 0)
            && set.is(op::LOCAL_SET, SP)
            && unwinds
            && branch.is(op::BR_IF, depth - 1)
        {
            get.drop();
            set.drop();
        }
    }
}

fn callee(list: &[Instruction]) -> Option<i64> {
    let [get, room, sub, tee, set, again, pc, store, entry, call, ..] = list else { return None };
    let is_call = get.is(op::LOCAL_GET, SP)
        && room.is(op::I32_CONST, 8)
        && sub.op == op::I32_SUB
        && tee.is(op::LOCAL_TEE, SP)
        && set.is(op::GLOBAL_SET, 0)
        && again.is(op::LOCAL_GET, SP)
        && pc.op == op::I64_CONST
        && store.is(op::I64_STORE, 0)
        && entry.is(op::I32_CONST, 0)
        && call.op == op::CALL;
    is_call.then_some(call.value)
}

/// Whether one block is around all code, and the function says that it unwinds behind it.
fn end_of_unwinding(list: &[Instruction]) -> bool {
    let [before @ .., end, unwinds, last] = list else { return false };
    let tail = end.op == op::END && unwinds.is(op::I32_CONST, 1) && last.op == op::END;
    let mut depth = 0;
    let closed = before.iter().skip(3).any(|instruction| {
        match instruction.op {
            op::BLOCK..=op::IF => depth += 1,
            op::END => depth -= 1,
            _ => {}
        }
        depth < 0
    });
    tail && !closed && before.get(2).is_some_and(|first| first.op == op::BLOCK)
}
