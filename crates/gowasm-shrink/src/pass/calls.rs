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

use crate::code::{Instruction, SP, op};
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
    fn is_last(&self, stub: i64) -> bool {
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

/// Goes over a body as it is read.
#[derive(Debug)]
pub(crate) struct Calls<'s> {
    stubs: &'s Stubs,
    /// How many blocks are open.
    depth: i64,
    /// Where the first block ended that is in no other.
    outermost: Option<usize>,
    /// How long the list was behind the last call through a stub.
    behind: usize,
    /// Where SP is read anew behind such a call, to leave the outermost block then.
    reads: Vec<usize>,
    /// The PC at which the function begins.
    pc: i64,
    /// The places of the function whose PCs the code tells somebody, to go on there.
    pub(crate) resumes: Vec<u16>,
}

impl<'s> Calls<'s> {
    pub(crate) fn new(stubs: &'s Stubs) -> Self {
        Calls {
            stubs,
            depth: 0,
            outermost: None,
            behind: 0,
            reads: Vec::new(),
            pc: 0,
            resumes: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, pc: i64) {
        (self.depth, self.outermost, self.behind, self.pc) = (0, None, 0, pc);
        self.reads.clear();
        self.resumes.clear();
    }

    #[inline]
    pub(crate) fn put(&mut self, list: &mut Vec<Instruction>, instruction: Instruction) {
        list.push(instruction);
        match instruction.op {
            op::BLOCK..=op::IF => self.depth += 1,
            op::END => {
                self.depth -= 1;
                if self.depth == 0 {
                    self.outermost.get_or_insert(list.len() - 1);
                }
            }
            op::I64_CONST if instruction.value >> 16 == self.pc >> 16 => {
                self.resumes.push(instruction.value as u16);
            }
            op::CALL => self.call(list),
            op::BR_IF => self.branch(list),
            _ => {}
        }
    }

    fn call(&mut self, list: &mut Vec<Instruction>) {
        let Some(start) = list.len().checked_sub(CALL_LENGTH) else { return };
        let Some(stub) = callee(&list[start..]).and_then(|callee| self.stubs.of(callee)) else {
            return;
        };
        let [.., pc, _, _, mut call] = list[start..] else { return };
        call.change(op::CALL, stub);
        list.truncate(start);
        list.extend([pc, call]);
        self.behind = list.len();
        // The goroutine was told where it is, and not to go on there.
        if pc.value >> 16 == self.pc >> 16 && self.stubs.is_last(stub) {
            self.resumes.pop();
        }
    }

    fn branch(&mut self, list: &[Instruction]) {
        if let [get, set, branch] = &list[self.behind..]
            && get.is(op::GLOBAL_GET, 0)
            && set.is(op::LOCAL_SET, SP)
            && branch.is(op::BR_IF, self.depth - 1)
        {
            self.reads.push(self.behind);
        }
    }

    /// Drops what is not needed where the function says that it unwinds behind the outermost block.
    pub(crate) fn finish(&self, list: &mut [Instruction]) {
        let [.., end, unwinds, last] = &list[..] else { return };
        let tail = end.op == op::END && unwinds.is(op::I32_CONST, 1) && last.op == op::END;
        if tail && self.outermost == Some(list.len() - 3) {
            for &at in &self.reads {
                list[at..at + 2].iter_mut().for_each(Instruction::drop);
            }
        }
    }
}

fn callee(list: &[Instruction]) -> Option<i64> {
    let [get, room, sub, tee, set, again, pc, store, entry, call] = list else { return None };
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
