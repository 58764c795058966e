//! `go:func.*`: stack maps, inline trees and the like.
//!
//! Since Go 1.26 the group is a table of its own, each item once, larger alignments first. Before,
//! the items are read-only data like any other, placed with it, and only inline trees are made
//! here.

use rayon::prelude::*;

use super::collect::{Call, Chunk, Item};
use super::names::Names;
use super::{Layout, Pclntab};
use crate::error::Error;
use crate::kind::SymKind;
use crate::memory;
use crate::symbols::{R_ADDROFF, SymId, Symbols, attr};

/// An inline tree that became a symbol.
#[derive(Debug, Clone, Copy)]
pub struct InlineTree(pub SymId);

/// Where a function's inline tree is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum InlinePlace {
    #[default]
    None,
    /// Its offset in the table.
    Offset(u32),
    Symbol(SymId),
}

#[derive(Default)]
pub(super) struct FuncData {
    /// For each symbol, its offset in the table. Empty where the items are not placed here.
    offsets: Vec<u32>,
    placed: Vec<SymId>,
    pub(super) size: u64,
    pub(super) align: u32,
}

const NODE: usize = 16;
const TREE_ALIGN: u32 = 4;
/// Of data whose alignment nobody gives.
const MAX_ALIGN: u32 = 32;

/// An item. A tree is named by its function's chunk and place there.
pub(super) enum Placed {
    Symbol(SymId),
    Tree(usize, usize),
}

impl FuncData {
    pub(super) fn plan(
        symbols: &mut Symbols,
        chunks: &mut [Chunk],
        names: &Names,
        mut items: Vec<(u32, Placed)>,
    ) -> FuncData {
        if !symbols.version.funcdata_in_pclntab {
            make_tree_symbols(symbols, chunks, names);
            return FuncData::default();
        }
        let mut func_data = FuncData {
            offsets: memory::table(symbols.count(), 0),
            placed: Vec::new(),
            size: 0,
            align: items.iter().map(|(align, _)| *align).max().unwrap_or(0),
        };
        // Stable: items of one alignment stay in the order of first use.
        items.sort_by_key(|(align, _)| std::cmp::Reverse(*align));
        for (align, item) in items {
            func_data.size = func_data.size.next_multiple_of(u64::from(align));
            let offset = func_data.size as u32;
            match item {
                Placed::Symbol(symbol) => {
                    func_data.offsets[symbol.index()] = offset;
                    func_data.placed.push(symbol);
                    func_data.size += symbols.size(symbol);
                    symbols.set(symbol, attr::SPECIAL);
                }
                Placed::Tree(chunk, function) => {
                    let function = &mut chunks[chunk].functions[function];
                    function.inline_tree = InlinePlace::Offset(offset);
                    func_data.size += u64::from(function.call_count) * NODE as u64;
                }
            }
        }
        func_data
    }

    pub(super) fn offset(&self, symbol: SymId) -> u32 {
        self.offsets[symbol.index()]
    }

    pub(super) fn write(
        &self,
        tables: &Pclntab,
        symbols: &Symbols,
        layout: &Layout,
        out: &mut [u8],
    ) -> Result<(), Error> {
        for symbol in &self.placed {
            let data = symbols.data(*symbol);
            let place = self.offset(*symbol) as usize;
            let length = data.len().min(symbols.size(*symbol) as usize);
            let place = &mut out[place..place + length];
            place.copy_from_slice(&data[..length]);
            resolve(symbols, *symbol, layout, place)?;
        }
        for chunk in &tables.chunks {
            for function in &chunk.functions {
                if let InlinePlace::Offset(offset) = function.inline_tree {
                    let calls = chunk.calls(function);
                    let place = &mut out[offset as usize..][..calls.len() * NODE];
                    write_tree(calls, &tables.names, place);
                }
            }
        }
        Ok(())
    }
}

/// What the table will hold, with its alignment, in the order of first use.
pub(super) fn items(symbols: &Symbols, chunks: &[Chunk]) -> Result<Vec<(u32, Placed)>, Error> {
    if !symbols.version.funcdata_in_pclntab {
        return Ok(Vec::new());
    }
    let mut seen = vec![false; symbols.count()];
    let mut items = Vec::new();
    for (chunk_at, chunk) in chunks.iter().enumerate() {
        for (function_at, function) in chunk.functions.iter().enumerate() {
            for item in chunk.func_data_items(symbols, function) {
                match item {
                    Item::InlineTree => {
                        items.push((TREE_ALIGN, Placed::Tree(chunk_at, function_at)));
                    }
                    Item::Symbol(symbol) if !seen[symbol.index()] => {
                        seen[symbol.index()] = true;
                        if symbols.size(symbol) == 0 {
                            return Err(without_size(symbols, symbol, function.symbol));
                        }
                        items.push((data_align(symbols, symbol), Placed::Symbol(symbol)));
                    }
                    Item::Symbol(_) | Item::Nothing => {}
                }
            }
        }
    }
    Ok(items)
}

/// What the object asks for, or else the largest power of two that the symbol fills.
fn data_align(symbols: &Symbols, symbol: SymId) -> u32 {
    match (symbols.align(symbol), symbols.size(symbol)) {
        (0, size) => 1 << size.clamp(1, u64::from(MAX_ALIGN)).ilog2(),
        (align, _) => align,
    }
}

fn without_size(symbols: &Symbols, symbol: SymId, function: SymId) -> Error {
    let show = |symbol| String::from_utf8_lossy(symbols.name(symbol)).into_owned();
    let what = format!("{} has function data {:?} of size zero", show(function), show(symbol));
    symbols.malformed(symbols.object_of(function), what)
}

/// Makes a symbol of each inline tree. Their numbers follow the order of the functions.
fn make_tree_symbols(symbols: &mut Symbols, chunks: &mut [Chunk], names: &Names) {
    let trees: Vec<Vec<u8>> = chunks
        .par_iter()
        .flat_map_iter(|chunk| {
            let inlining = chunk.functions.iter().filter(|function| function.call_count > 0);
            inlining.map(|function| {
                let calls = chunk.calls(function);
                let mut tree = vec![0; calls.len() * NODE];
                write_tree(calls, names, &mut tree);
                tree
            })
        })
        .collect();
    let functions = chunks.iter_mut().flat_map(|chunk| &mut chunk.functions);
    for (function, tree) in functions.filter(|function| function.call_count > 0).zip(trees) {
        let symbol = symbols.make_unnamed(b"", 0);
        symbols.set(symbol, attr::REACHABLE);
        symbols.set_align(symbol, TREE_ALIGN);
        symbols.set_kind(symbol, SymKind::GoFunc);
        symbols.edit(symbol).push(&tree);
        function.inline_tree = InlinePlace::Symbol(symbol);
    }
}

/// Each node: the callee's kind, where its name is, the PC of the call, its first line.
fn write_tree(calls: &[Call], names: &Names, out: &mut [u8]) {
    for (node, call) in out.chunks_exact_mut(NODE).zip(calls) {
        let callee = names.of(call.function);
        node[0] = callee.func_id;
        node[4..8].copy_from_slice(&callee.offset.to_le_bytes());
        node[8..12].copy_from_slice(&call.parent_pc.to_le_bytes());
        node[12..16].copy_from_slice(&callee.start_line.to_le_bytes());
    }
}

/// Fills the offsets that function data holds: of data from its section, of code its index.
fn resolve(
    symbols: &Symbols,
    symbol: SymId,
    layout: &Layout,
    data: &mut [u8],
) -> Result<(), Error> {
    for reloc in symbols.relocs(symbol) {
        let fault = |what: String| {
            let name = String::from_utf8_lossy(symbols.name(symbol));
            symbols.malformed(symbols.object_of(symbol), format!("function data {name:?}: {what}"))
        };
        if reloc.base_kind() != R_ADDROFF || reloc.size != 4 {
            let what = format!("relocation {} of size {}", reloc.base_kind(), reloc.size);
            return Err(fault(format!("{what} has no place here")));
        }
        if reloc.is_weak() && !symbols.is_reachable(reloc.target) {
            return Ok(());
        }
        let value = symbols.value(reloc.target);
        let offset = match (layout.section_of)(reloc.target) {
            Some(section) => value.wrapping_sub(section),
            None if symbols.kind(reloc.target).is_text() => value >> 16,
            None => {
                let target = String::from_utf8_lossy(symbols.name(reloc.target));
                return Err(fault(format!("it refers to {target:?}, which has no place")));
            }
        };
        let offset = offset.wrapping_add(reloc.add as u64) as u32;
        let place = usize::try_from(reloc.offset).ok().and_then(|at| data.get_mut(at..at + 4));
        let Some(place) = place else { return Err(fault("a relocation lies outside".to_owned())) };
        place.copy_from_slice(&offset.to_le_bytes());
    }
    Ok(())
}
