//! A function's code as a list of instructions, each as long as it was not touched a stretch of the
//! body's bytes.

use crate::leb;

/// The opcodes that passes look for, by their names in the wasm specification.
pub(crate) mod op {
    pub(crate) const UNREACHABLE: u8 = 0x00;
    pub(crate) const NOP: u8 = 0x01;
    pub(crate) const BLOCK: u8 = 0x02;
    pub(crate) const IF: u8 = 0x04;
    pub(crate) const END: u8 = 0x0b;
    pub(crate) const BR: u8 = 0x0c;
    pub(crate) const BR_IF: u8 = 0x0d;
    pub(crate) const BR_TABLE: u8 = 0x0e;
    pub(crate) const CALL: u8 = 0x10;
    pub(crate) const CALL_INDIRECT: u8 = 0x11;
    pub(crate) const LOCAL_GET: u8 = 0x20;
    pub(crate) const LOCAL_SET: u8 = 0x21;
    pub(crate) const LOCAL_TEE: u8 = 0x22;
    pub(crate) const GLOBAL_GET: u8 = 0x23;
    pub(crate) const GLOBAL_SET: u8 = 0x24;
    pub(crate) const I32_LOAD: u8 = 0x28;
    pub(crate) const I64_STORE: u8 = 0x37;
    pub(crate) const I64_STORE32: u8 = 0x3e;
    pub(crate) const I32_CONST: u8 = 0x41;
    pub(crate) const I64_CONST: u8 = 0x42;
    pub(crate) const I32_EQZ: u8 = 0x45;
    pub(crate) const I32_EQ: u8 = 0x46;
    pub(crate) const I32_GE_U: u8 = 0x4f;
    pub(crate) const I64_EQ: u8 = 0x51;
    pub(crate) const I64_GE_U: u8 = 0x5a;
    pub(crate) const I32_ADD: u8 = 0x6a;
    pub(crate) const I32_SUB: u8 = 0x6b;
    pub(crate) const I64_ADD: u8 = 0x7c;
    pub(crate) const I32_WRAP_I64: u8 = 0xa7;
    pub(crate) const I64_EXTEND_I32_U: u8 = 0xad;
    /// Stands before a second opcode.
    pub(crate) const PREFIX: u8 = 0xfc;
    /// The same for SIMD.
    pub(crate) const SIMD: u8 = 0xfd;
}

/// The parameter by which the table of branches chooses.
pub(crate) const CHOSEN: i64 = 0;
/// The local in which functions of Go's calling convention keep SP.
pub(crate) const SP: i64 = 1;

/// What became of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Kept,
    Changed,
    Dropped,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Instruction {
    pub(crate) op: u8,
    state: State,
    /// Of a load or store.
    align: u8,
    /// Where it is in the body.
    start: u32,
    end: u32,
    /// The constant, index, or offset; for what begins with a prefix, the second opcode.
    pub(crate) value: i64,
}

/// What an instruction takes off the stack and puts there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) pops: u32,
    pub(crate) pushes: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Code {
    /// The length of the declarations of locals.
    locals: usize,
    pub(crate) list: Vec<Instruction>,
    /// Where those of the list are that [move control](Instruction::moves_control).
    pub(crate) control: Vec<usize>,
    /// The targets of the first table of branches.
    pub(crate) table: Vec<u32>,
    /// The list before it was put together anew, for its memory.
    before: Vec<Instruction>,
}

impl Code {
    /// Reads a body, and has its instructions put into the list: at its end, and what moves control
    /// stays where it was put. None where the body holds something that Go does not emit.
    pub(crate) fn decode(
        &mut self,
        body: &[u8],
        mut put: impl FnMut(&mut Vec<Instruction>, Instruction),
    ) -> Option<()> {
        self.list.clear();
        self.control.clear();
        self.table.clear();
        if u32::try_from(body.len()).is_err() {
            return None;
        }
        let mut at = 0;
        for _ in 0..leb::unsigned(body, &mut at)? {
            leb::unsigned(body, &mut at)?;
            at += 1;
        }
        self.locals = at;
        while at < body.len() {
            let instruction = instruction(body, &mut at, &mut self.table)?;
            put(&mut self.list, instruction);
            if instruction.moves_control() {
                self.control.push(self.list.len() - 1);
            }
        }
        (self.list.last()?.op == op::END).then_some(())
    }

    /// Has all that was not dropped put into a new list.
    pub(crate) fn put_anew(&mut self, put: impl Fn(&mut Vec<Instruction>, Instruction)) {
        std::mem::swap(&mut self.list, &mut self.before);
        self.list.clear();
        for instruction in &self.before {
            if instruction.state != State::Dropped {
                put(&mut self.list, *instruction);
            }
        }
    }

    /// Writes what the passes left.
    pub(crate) fn encode(&self, body: &[u8], out: &mut Vec<u8>) {
        let (mut from, mut until) = (0, self.locals);
        for instruction in &self.list {
            let (start, end) = (instruction.start as usize, instruction.end as usize);
            if instruction.state == State::Kept && start == until {
                until = end;
                continue;
            }
            out.extend_from_slice(&body[from..until]);
            (from, until) = (end, end);
            match instruction.state {
                State::Kept => from = start,
                State::Changed if instruction.op == op::BR_TABLE => self.push_table(out),
                State::Changed => instruction.push(out),
                State::Dropped => {}
            }
        }
        out.extend_from_slice(&body[from..until]);
    }

    fn push_table(&self, out: &mut Vec<u8>) {
        let Some(others) = self.table.len().checked_sub(1) else { return };
        out.push(op::BR_TABLE);
        leb::push_unsigned(out, others as u64);
        self.table.iter().for_each(|&entry| leb::push_unsigned(out, entry.into()));
    }
}

impl Instruction {
    pub(crate) fn drop(&mut self) {
        self.op = op::NOP;
        self.state = State::Dropped;
    }

    /// Makes it another one, with an immediate or none.
    pub(crate) fn change(&mut self, op: u8, value: i64) {
        self.op = op;
        self.value = value;
        self.state = State::Changed;
    }

    pub(crate) fn is(&self, op: u8, value: i64) -> bool {
        self.op == op && self.value == value
    }

    /// Blocks and branches, and what the table of branches goes by.
    fn moves_control(&self) -> bool {
        match self.op {
            op::BLOCK..=op::IF | op::END..=op::BR_TABLE => true,
            op::LOCAL_GET..=op::LOCAL_TEE => self.value == CHOSEN,
            _ => false,
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        out.push(self.op);
        match self.op {
            op::I32_CONST | op::I64_CONST => leb::push_signed(out, self.value),
            op::BR | op::BR_IF | op::CALL | op::LOCAL_GET..=op::GLOBAL_SET => {
                leb::push_unsigned(out, self.value as u64);
            }
            op::I32_LOAD..=op::I64_STORE32 => {
                leb::push_unsigned(out, u64::from(self.align));
                leb::push_unsigned(out, self.value as u64);
            }
            _ => {}
        }
    }

    /// None for what moves control, or depends on types.
    pub(crate) fn effect(&self) -> Option<Effect> {
        let (pops, pushes) = match self.op {
            op::NOP => (0, 0),
            op::LOCAL_GET | op::GLOBAL_GET | 0x3f | 0x41..=0x44 => (0, 1),
            op::LOCAL_SET | op::GLOBAL_SET | 0x1a => (1, 0),
            op::LOCAL_TEE | 0x40 => (1, 1),
            0x1b => (3, 1),
            0x28..=0x35 => (1, 1),
            0x36..=0x3e => (2, 0),
            // Tests, counts, roundings, conversions.
            0x45 | 0x50 | 0x67..=0x69 | 0x79..=0x7b | 0x8b..=0x91 | 0x99..=0x9f | 0xa7..=0xc4 => {
                (1, 1)
            }
            0x46..=0x4f | 0x51..=0x66 | 0x6a..=0x78 | 0x7c..=0x8a | 0x92..=0x98 | 0xa0..=0xa6 => {
                (2, 1)
            }
            op::PREFIX if self.value <= 7 => (1, 1),
            op::PREFIX => (3, 0),
            _ => return None,
        };
        Some(Effect { pops, pushes })
    }
}

/// Reads an instruction. The targets of a table of branches go into `table`, if it is empty.
fn instruction(body: &[u8], at: &mut usize, table: &mut Vec<u32>) -> Option<Instruction> {
    let start = *at;
    let op = *body.get(start)?;
    *at += 1;
    let mut align = 0;
    let value = match op {
        // Blocks, with their type.
        op::BLOCK..=op::IF => leb::signed(body, at)?,
        // Branches, calls, locals, globals.
        op::BR | op::BR_IF | op::CALL | op::LOCAL_GET..=op::GLOBAL_SET => {
            leb::unsigned(body, at)?.try_into().ok()?
        }
        op::BR_TABLE => {
            let count = leb::unsigned(body, at)?;
            let first = table.is_empty();
            for _ in 0..=count {
                let target = leb::unsigned(body, at)?.try_into().ok()?;
                if first {
                    table.push(target);
                }
            }
            0
        }
        // Type and table.
        op::CALL_INDIRECT => {
            leb::unsigned(body, at)?;
            leb::unsigned(body, at)?.try_into().ok()?
        }
        op::I32_LOAD..=op::I64_STORE32 => {
            align = leb::unsigned(body, at)?.try_into().ok().filter(|&align: &u8| align < 8)?;
            leb::unsigned(body, at)?.try_into().ok()?
        }
        // Memory size and growth, with the memory.
        0x3f | 0x40 => {
            *at += 1;
            0
        }
        op::I32_CONST | op::I64_CONST => leb::signed(body, at)?,
        0x43 => {
            *at += 4;
            0
        }
        0x44 => {
            *at += 8;
            0
        }
        op::PREFIX => {
            let second = leb::unsigned(body, at)?;
            // Memories of a copy, or of a fill.
            match second {
                0..=7 => {}
                10 => *at += 2,
                11 => *at += 1,
                _ => return None,
            }
            second as i64
        }
        op::SIMD => {
            let second = leb::unsigned(body, at)?;
            simd_immediates(second, body, at)?;
            second as i64
        }
        op::UNREACHABLE | op::NOP | 0x05 | op::END | 0x0f | 0x1a | 0x1b | 0x45..=0xc4 => 0,
        _ => return None,
    };
    if *at > body.len() {
        return None;
    }
    let mut instruction =
        Instruction { op, state: State::Kept, align, start: start as u32, end: *at as u32, value };
    // The linker writes the function's index as if it were signed, a byte longer for half of them.
    if op == op::CALL && *at - start > 1 + unsigned_len(value) {
        instruction.change(op::CALL, value);
    }
    Some(instruction)
}

/// Goes past what follows the second opcode of SIMD; None for one that Go does not emit.
fn simd_immediates(second: u64, body: &[u8], at: &mut usize) -> Option<()> {
    let has_address = matches!(second, 0..=11 | 84..=93);
    if has_address {
        // Its alignment, whose other bits would name a memory, and its offset.
        leb::unsigned(body, at).filter(|&align| align < 8)?;
        leb::unsigned(body, at)?;
    }
    *at += match second {
        // A constant, or the lanes of a shuffle.
        12 | 13 => 16,
        // One lane.
        21..=34 | 84..=91 => 1,
        0..=255 => 0,
        _ => return None,
    };
    Some(())
}

fn unsigned_len(value: i64) -> usize {
    (64 - (value as u64 | 1).leading_zeros() as usize).div_ceil(7)
}
