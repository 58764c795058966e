//! The order in which packages are initialised: after everything they import, and among those that
//! are ready, by name.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::kind::SymKind;
use crate::symbols::{SymId, Symbols};

/// A task of this size has no functions to run.
const EMPTY_TASK: u64 = 8;

/// Makes the two lists of tasks, of the runtime and of the program. Returns the program's.
pub(crate) fn schedule(symbols: &mut Symbols) -> Result<Option<SymId>, Error> {
    let main = list(symbols, b"main..inittask", b"go:main.inittasks")?;
    if let Some(slice) = symbols.lookup(b"runtime.runtime_inittasks") {
        let tasks = list(symbols, b"runtime..inittask", b"go:runtime.inittasks")?;
        let tasks = tasks.ok_or_else(|| Error::message("package runtime has no init task"))?;
        let count = symbols.size(tasks) / 8;
        let payload = symbols.edit(slice);
        payload.clear();
        payload.push_address(tasks, 0);
        payload.push_u64(count);
        payload.push_u64(count);
        symbols.set_kind(slice, SymKind::NoPtrData);
    }
    Ok(main)
}

fn list(symbols: &mut Symbols, root: &[u8], name: &[u8]) -> Result<Option<SymId>, Error> {
    let Some(root) = symbols.lookup(root) else { return Ok(None) };
    let order = sort(symbols, root)?;
    let list = symbols.make_unnamed(name, 0);
    let tasks: Vec<SymId> =
        order.into_iter().filter(|&task| symbols.size(task) > EMPTY_TASK).collect();
    let payload = symbols.edit(list);
    for task in tasks {
        payload.push_address(task, 0);
    }
    symbols.set_kind(list, SymKind::NoPtrData);
    Ok(Some(list))
}

fn sort(symbols: &Symbols, root: SymId) -> Result<Vec<SymId>, Error> {
    // How many tasks each one still waits for, and who waits for it.
    let mut waits: FxHashMap<SymId, usize> = FxHashMap::default();
    let mut waiting: FxHashMap<SymId, Vec<SymId>> = FxHashMap::default();
    let mut ready = BinaryHeap::new();
    let mut relocs = Vec::new();
    let mut queue = vec![root];
    waits.insert(root, 0);
    while let Some(task) = queue.pop() {
        symbols.relocs_into(task, &mut relocs)?;
        let mut count = 0;
        for reloc in relocs.iter().filter(|reloc| reloc.base_kind() == symbols.version.r_init_order)
        {
            count += 1;
            waiting.entry(reloc.target).or_default().push(task);
            if let Entry::Vacant(new) = waits.entry(reloc.target) {
                new.insert(0);
                queue.push(reloc.target);
            }
        }
        waits.insert(task, count);
        if count == 0 {
            ready.push(Reverse((symbols.name(task), task)));
        }
    }
    let mut order = Vec::with_capacity(waits.len());
    while let Some(Reverse((_, task))) = ready.pop() {
        order.push(task);
        for &next in waiting.get(&task).into_iter().flatten() {
            if let Some(left) = waits.get_mut(&next) {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    ready.push(Reverse((symbols.name(next), next)));
                }
            }
        }
    }
    if order.len() != waits.len() {
        let stuck = waits.iter().filter(|(_, left)| **left != 0).map(|(task, _)| *task).min();
        let name = String::from_utf8_lossy(symbols.name(stuck.unwrap_or(root))).into_owned();
        return Err(symbols.malformed(
            symbols.object_of(stuck.unwrap_or(root)),
            format!("{name} waits for itself: packages import each other in a cycle"),
        ));
    }
    Ok(order)
}
