//! `runtime.functab`: where each function begins, and after that one record for each function.

use rayon::prelude::*;

use super::collect::{Chunk, Function, Item, PCDATA_INLINE};
use super::funcdata::InlinePlace;
use super::{CHUNK, Layout, POINTER, Pclntab, text_offset};
use crate::symbols::{SymId, Symbols};

/// The fixed part of a record.
const RECORD: usize = 11 * 4;
/// Function data that is not there.
const NONE: u32 = u32::MAX;

/// Gives each function its place and returns the size of all.
pub(super) fn plan(chunks: &mut [Chunk], count: usize) -> u64 {
    let mut size = count as u64 * 8 + 4;
    for chunk in chunks {
        for at in 0..chunk.functions.len() {
            let function = &chunk.functions[at];
            let words = chunk.pc_data_count(function) + chunk.func_data_count(function);
            size = size.next_multiple_of(POINTER);
            chunk.functions[at].start = size as u32;
            size += (RECORD + words * 4) as u64;
        }
    }
    size
}

pub(super) fn write(tables: &Pclntab, symbols: &Symbols, layout: &Layout, out: &mut [u8]) {
    let functions = || tables.chunks.iter().flat_map(|chunk| &chunk.functions);
    let (index, records) = out.split_at_mut(tables.count * 8 + 4);
    let entry = |function: &Function| text_offset(symbols, function.symbol, layout.text_start);
    for (place, function) in index.chunks_exact_mut(8).zip(functions()) {
        place[..4].copy_from_slice(&entry(function).to_le_bytes());
        place[4..].copy_from_slice(&function.start.to_le_bytes());
    }
    if let Some(last) = functions().last() {
        let length = match symbols.version.functab_by_index {
            true => 1,
            false => symbols.size(last.symbol) as u32,
        };
        let end = entry(last).wrapping_add(length);
        index[tables.count * 8..].copy_from_slice(&end.to_le_bytes());
    }
    // Each chunk has its own stretch of the records.
    let mut rest = records;
    let mut at = tables.count * 8 + 4;
    let mut stretches = Vec::with_capacity(tables.chunks.len());
    for ((chunk, defer_returns), next) in
        tables.chunks.iter().zip(layout.defer_returns.chunks(CHUNK)).zip(1..)
    {
        let next = tables.chunks.get(next).and_then(|chunk| chunk.functions.first());
        let end = next.map_or(at + rest.len(), |function| function.start as usize);
        let (stretch, after) = rest.split_at_mut(end - at);
        stretches.push((chunk, defer_returns, at, stretch));
        (rest, at) = (after, end);
    }
    stretches.into_par_iter().for_each(|(chunk, defer_returns, base, stretch)| {
        for (function, &defer_return) in chunk.functions.iter().zip(defer_returns) {
            let record = &mut stretch[function.start as usize - base..];
            write_record(tables, symbols, layout, (chunk, function, defer_return), record);
        }
    });
}

fn write_record(
    tables: &Pclntab,
    symbols: &Symbols,
    layout: &Layout,
    (chunk, function, defer_return): (&Chunk, &Function, u32),
    out: &mut [u8],
) {
    let pc_data_count = chunk.pc_data_count(function);
    let mut words = out.chunks_exact_mut(4);
    let mut put = |word: u32| {
        if let Some(place) = words.next() {
            place.copy_from_slice(&word.to_le_bytes());
        }
    };
    let pcs = |symbol: SymId| tables.pcs.offset(symbol);
    put(text_offset(symbols, function.symbol, layout.text_start));
    put(tables.names.of(function.symbol).offset);
    put(function.info.map_or(0, |info| info.args()));
    put(defer_return);
    put(pcs(function.pc_sp));
    put(pcs(function.pc_file));
    put(pcs(function.pc_line));
    put(pc_data_count as u32);
    put(tables.files.start(function.object));
    let first_line = function.info.filter(|_| tables.lines).map_or(0, |info| info.start_line());
    put(first_line as u32);
    let (id, flag) = function.info.map_or((0, 0), |info| (info.func_id(), info.func_flag()));
    put(u32::from_le_bytes([id, flag, 0, chunk.func_data_count(function) as u8]));
    let pc_data = chunk.pc_data(function);
    for place in 0..pc_data_count {
        put(match pc_data.get(place) {
            _ if place == PCDATA_INLINE && function.call_count > 0 => pcs(function.pc_inline),
            Some(symbol) => pcs(*symbol),
            None => 0,
        });
    }
    for item in chunk.func_data_items(symbols, function) {
        let from_group = |symbol| symbols.value(symbol).wrapping_sub(layout.func_data) as u32;
        put(match (item, function.inline_tree) {
            (Item::Nothing, _) | (Item::InlineTree, InlinePlace::None) => NONE,
            (Item::InlineTree, InlinePlace::Offset(offset)) => offset,
            (Item::InlineTree, InlinePlace::Symbol(symbol)) => from_group(symbol),
            (Item::Symbol(symbol), _) if symbols.version.funcdata_in_pclntab => {
                tables.func_data.offset(symbol)
            }
            (Item::Symbol(symbol), _) => from_group(symbol),
        });
    }
}
