//! How a function is entered in its middle: blocks that lie one behind the other, each the end of a wasm
//! block, and around the first of them all a table of branches by the function's parameter.
//!
//! A goroutine that resumes passes the number of a block. A jump sets the parameter and branches to a loop
//! around all blocks, which begins with the table.

use crate::code::{CHOSEN, Code, Instruction, op};

/// The type of a block that gives nothing.
pub(crate) const NO_RESULT: i64 = -64;

/// Where the table is, and the blocks around it.
pub(crate) struct Dispatch {
    /// What stands before the blocks: the loop, where there are jumps. Blocks follow up to the
    /// `local.get` before the table.
    pub(crate) start: usize,
    pub(crate) table: usize,
}

/// `i32.const; local.set; br`.
pub(crate) struct Jump {
    pub(crate) at: usize,
    /// The number by which the table chooses.
    pub(crate) chosen: usize,
    /// How many blocks a branch would leave to get there; None for a jump back.
    pub(crate) forward: Option<i64>,
}

impl Dispatch {
    pub(crate) fn find(code: &Code) -> Option<Dispatch> {
        let list = &code.list;
        let control = code.control.iter().copied();
        let mut tables = control.filter(|&at| list[at].op == op::BR_TABLE);
        let (table, None) = (tables.next()?, tables.next()) else { return None };
        let get = table.checked_sub(1).filter(|&get| list[get].is(op::LOCAL_GET, CHOSEN))?;
        let start = list[..get].iter().rposition(|at| !at.is(op::BLOCK, NO_RESULT))?;
        Some(Dispatch { start, table })
    }

    /// Where the block begins that an entry of the table leads to the end of.
    pub(crate) fn block(&self, entry: u32) -> Option<usize> {
        let block = (self.table - 2).checked_sub(entry as usize)?;
        (block > self.start).then_some(block)
    }

    /// All jumps; None where something else depends on the parameter.
    pub(crate) fn jumps(&self, code: &Code) -> Option<Vec<Jump>> {
        let list = &code.list;
        let mut jumps = Vec::new();
        // Where each block that is open begins.
        let mut open: Vec<usize> = Vec::new();
        for &at in &code.control {
            let instruction = &list[at];
            match instruction.op {
                op::BLOCK..=op::IF => open.push(at),
                op::END => {
                    let Some(_) = open.pop() else { break };
                }
                op::LOCAL_TEE if instruction.value == CHOSEN => return None,
                op::LOCAL_GET if instruction.value == CHOSEN && at + 1 != self.table => {
                    let set = at.checked_sub(2)?;
                    is_indirect_call(&list[set..]).then_some(())?;
                }
                op::LOCAL_SET if instruction.value == CHOSEN && !is_indirect_call(&list[at..]) => {
                    let jump = at.checked_sub(1).filter(|&from| list[from].op == op::I32_CONST)?;
                    let branch = list.get(at + 1).filter(|next| next.op == op::BR)?;
                    (target(&open, branch)? == self.start).then_some(())?;
                    let chosen = usize::try_from(list[jump].value).ok()?;
                    let forward = self.forward(code, &open, chosen);
                    jumps.push(Jump { at: jump, chosen, forward });
                }
                op::BR | op::BR_IF if target(&open, instruction) == Some(self.start) => {
                    let sets = instruction.op == op::BR
                        && at.checked_sub(1).is_some_and(|set| list[set].is(op::LOCAL_SET, CHOSEN));
                    if !sets {
                        return None;
                    }
                }
                _ => {}
            }
        }
        Some(jumps)
    }

    fn forward(&self, code: &Code, open: &[usize], chosen: usize) -> Option<i64> {
        let entry = code.table.get(chosen).or(code.table.last())?;
        let block = self.block(*entry)?;
        let place = open.binary_search(&block).ok()?;
        Some((open.len() - 1 - place) as i64)
    }
}

/// A function's index goes through the parameter when it has to get above another operand:
/// `local.set; i32.const 0; local.get; call_indirect`.
fn is_indirect_call(list: &[Instruction]) -> bool {
    matches!(list, [set, entry, get, call, ..] if set.is(op::LOCAL_SET, CHOSEN)
        && entry.is(op::I32_CONST, 0)
        && get.is(op::LOCAL_GET, CHOSEN)
        && call.op == op::CALL_INDIRECT)
}

/// Where the block begins that a branch leaves or repeats. None: the function.
pub(crate) fn target(open: &[usize], branch: &Instruction) -> Option<usize> {
    let depth = usize::try_from(branch.value).ok()?;
    open.len().checked_sub(depth.checked_add(1)?).map(|place| open[place])
}
