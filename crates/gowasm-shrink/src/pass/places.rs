//! Where nothing resumes and nothing jumps to, no block ends.
//!
//! Go's compiler counts a function's places wherever one of the runtime's tables has something new to say,
//! gives each an entry in the [table of branches](crate::dispatch), and most of them a block. A goroutine
//! resumes at the beginning, behind a call that came back by unwinding, and where the function goes on when a
//! deferred call has recovered; jumps back go through the table too. All other entries are never
//! chosen: a call that [never comes back](crate::pass::calls) is not one to resume behind, and jumps forward
//! are [branches](crate::pass::branches). Each place keeps its number, so that what the runtime's tables say
//! of it stays true. A block to which neither a branch nor a chosen entry leads is none: what is in it
//! stays where it is. A function that is only entered at its beginning has no table.
//!
//! Saved: 203 KB of a reactor with 6.4 MB of code, two of five blocks.

use crate::Function;
use crate::code::{Code, Instruction, op};
use crate::dispatch::{Dispatch, target};
use crate::pass::calls::Stubs;

pub(crate) fn run(code: &mut Code, stubs: &Stubs, function: Function) {
    let Some(dispatch) = Dispatch::find(code) else { return };
    let Some(chosen) = chosen(code, &dispatch, stubs, function) else { return };
    let only_begins = !chosen[1..].contains(&true)
        && code.table[0] == 0
        && code.list.get(dispatch.table + 1).is_some_and(|end| end.op == op::END);
    let mut leads_to = branch_targets(&code.list);
    if !only_begins {
        for (&entry, _) in code.table.iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
            let Some(block) = dispatch.block(entry) else { return };
            leads_to[block] = true;
        }
    }
    let depths = depths(&dispatch, &leads_to);
    let count = chosen.iter().rposition(|chosen| *chosen).map_or(0, |last| last + 1);
    code.table.truncate(count);
    for (entry, chosen) in code.table.iter_mut().zip(chosen) {
        let block = dispatch.block(*entry).filter(|_| chosen);
        *entry = block.map_or(0, |block| depths[block - dispatch.start]);
    }
    drop_others(&mut code.list, &dispatch, &leads_to);
    let [get, table] = &mut code.list[dispatch.table - 1..=dispatch.table] else { return };
    if only_begins {
        get.drop();
        table.drop();
    } else {
        table.change(op::BR_TABLE, 0);
    }
}

/// Which entries of the table can be chosen; None where that is not known.
fn chosen(
    code: &Code,
    dispatch: &Dispatch,
    stubs: &Stubs,
    function: Function,
) -> Option<Vec<bool>> {
    let mut chosen = vec![false; code.table.len()];
    let last = chosen.len().checked_sub(1)?;
    let mut choose = |place: usize| chosen[place.min(last)] = true;
    choose(0);
    choose(function.defer_return as usize);
    dispatch.jumps(code)?.into_iter().for_each(|jump| choose(jump.chosen));
    for pair in code.list.windows(2) {
        let [pc, next] = pair else { return None };
        let here = pc.op == op::I64_CONST && pc.value >> 16 == function.pc >> 16;
        if here && !(next.op == op::CALL && stubs.is_last(next.value)) {
            choose((pc.value & 0xffff) as usize);
        }
    }
    Some(chosen)
}

/// By where blocks begin, whether a branch leads to one.
fn branch_targets(list: &[Instruction]) -> Vec<bool> {
    let mut targets = vec![false; list.len()];
    let mut open = Vec::new();
    for (at, instruction) in list.iter().enumerate() {
        match instruction.op {
            op::BLOCK..=op::IF => open.push(at),
            op::END => drop(open.pop()),
            op::BR | op::BR_IF => {
                if let Some(block) = target(&open, instruction) {
                    targets[block] = true;
                }
            }
            _ => {}
        }
    }
    targets
}

/// From the loop on, how many blocks that stay the table has to leave to get to each end.
fn depths(dispatch: &Dispatch, stays: &[bool]) -> Vec<u32> {
    let mut depth = 0;
    let mut depths = vec![0; dispatch.table - dispatch.start];
    for (place, stays) in depths.iter_mut().zip(&stays[dispatch.start..]).rev() {
        *place = depth;
        depth += u32::from(*stays);
    }
    depths
}

/// Drops the blocks around the table that do not stay, and the loop.
fn drop_others(list: &mut [Instruction], dispatch: &Dispatch, stays: &[bool]) {
    let goes = |block: &usize| (dispatch.start..dispatch.table).contains(block) && !stays[*block];
    let mut open: Vec<usize> = Vec::new();
    for at in 0..list.len() {
        match list[at].op {
            op::BLOCK..=op::IF => open.push(at),
            op::END => {
                if let Some(block) = open.pop().filter(goes) {
                    list[block].drop();
                    list[at].drop();
                }
            }
            op::BR | op::BR_IF => {
                let depth = usize::try_from(list[at].value).ok();
                let inside = depth.and_then(|depth| open.len().checked_sub(depth));
                let gone =
                    inside.map_or(0, |inside| open[inside..].iter().filter(|it| goes(it)).count());
                if gone > 0 {
                    list[at].change(list[at].op, list[at].value - gone as i64);
                }
            }
            _ => {}
        }
    }
}
