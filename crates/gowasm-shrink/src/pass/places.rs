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
use crate::code::{Code, op};
use crate::dispatch::{Dispatch, Jump, target};

/// What the code leads to.
struct Led {
    /// By entry of the table, whether it can be chosen.
    chosen: Vec<bool>,
    /// By where blocks begin, whether a branch leads to the end or, of a loop, to the beginning.
    blocks: Vec<bool>,
}

pub(crate) fn run(
    code: &mut Code,
    dispatch: &Dispatch,
    jumps: &[Jump],
    resumes: &[u16],
    function: Function,
) {
    let Some(Led { chosen, blocks: mut leads_to }) = led(code, jumps, resumes, function) else {
        return;
    };
    let only_begins = !chosen[1..].contains(&true)
        && code.table[0] == 0
        && code.list.get(dispatch.table + 1).is_some_and(|end| end.op == op::END);
    if !only_begins {
        for (&entry, _) in code.table.iter().zip(&chosen).filter(|(_, chosen)| **chosen) {
            let Some(block) = dispatch.block(entry) else { return };
            leads_to[block] = true;
        }
    }
    let depths = depths(dispatch, &leads_to);
    let count = chosen.iter().rposition(|chosen| *chosen).map_or(0, |last| last + 1);
    code.table.truncate(count);
    for (entry, chosen) in code.table.iter_mut().zip(chosen) {
        let block = dispatch.block(*entry).filter(|_| chosen);
        *entry = block.map_or(0, |block| depths[block - dispatch.start]);
    }
    drop_others(code, dispatch, &leads_to);
    let [get, table] = &mut code.list[dispatch.table - 1..=dispatch.table] else { return };
    if only_begins {
        get.drop();
        table.drop();
    } else {
        table.change(op::BR_TABLE, 0);
    }
}

/// None where the function has no table.
fn led(code: &Code, jumps: &[Jump], resumes: &[u16], function: Function) -> Option<Led> {
    let mut led =
        Led { chosen: vec![false; code.table.len()], blocks: vec![false; code.list.len()] };
    let last = led.chosen.len().checked_sub(1)?;
    let mut choose = |place: usize| led.chosen[place.min(last)] = true;
    choose(0);
    choose(function.defer_return as usize);
    resumes.iter().for_each(|&place| choose(place.into()));
    jumps.iter().filter(|jump| jump.forward.is_none()).for_each(|jump| choose(jump.chosen));
    let mut open = Vec::new();
    for &at in &code.control {
        let instruction = &code.list[at];
        match instruction.op {
            op::BLOCK..=op::IF => open.push(at),
            op::END => drop(open.pop()),
            op::BR | op::BR_IF => {
                if let Some(block) = target(&open, instruction) {
                    led.blocks[block] = true;
                }
            }
            _ => {}
        }
    }
    Some(led)
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
fn drop_others(code: &mut Code, dispatch: &Dispatch, stays: &[bool]) {
    let Code { list, control, .. } = code;
    let goes = |block: usize| (dispatch.start..dispatch.table).contains(&block) && !stays[block];
    // Each block that is open, and how many go that are around it.
    let mut open: Vec<(usize, usize)> = Vec::new();
    let mut going = 0;
    for &at in &*control {
        match list[at].op {
            op::BLOCK..=op::IF => {
                open.push((at, going));
                going += usize::from(goes(at));
            }
            op::END => {
                let Some((block, around)) = open.pop() else { return };
                going = around;
                if goes(block) {
                    list[block].drop();
                    list[at].drop();
                }
            }
            op::BR | op::BR_IF => {
                let depth = usize::try_from(list[at].value).ok();
                let inside = depth.and_then(|depth| open.len().checked_sub(depth));
                let around = inside.and_then(|inside| open.get(inside)).map_or(going, |it| it.1);
                if around < going {
                    let branch = &mut list[at];
                    branch.change(branch.op, branch.value - (going - around) as i64);
                }
            }
            _ => {}
        }
    }
}
