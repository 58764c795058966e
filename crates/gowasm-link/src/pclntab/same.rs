//! Which functions the runtime unwinds, scans and reports alike, whatever their names, files and lines.

use super::CHUNK;
use super::collect::{self, Chunk, Item};
use crate::error::Error;
use crate::size::Size;
use crate::symbols::{SymId, Symbols};

/// What the runtime is told about the frames of some functions.
pub(crate) struct Frames<'s, 'a> {
    symbols: &'s Symbols<'a>,
    chunks: Vec<Chunk<'a>>,
}

/// Assembly: who writes it may rely on what the compiler cannot know.
const FLAG_ASSEMBLY: u8 = 1 << 2;

impl<'s, 'a> Frames<'s, 'a> {
    pub(crate) fn of(symbols: &'s Symbols<'a>, text: &[SymId], size: Size) -> Result<Self, Error> {
        Ok(Frames { symbols, chunks: collect::functions(symbols, text, size)? })
    }

    /// Numbers that are equal for functions whose frames are alike; None for functions that the
    /// runtime knows by themselves.
    pub(crate) fn key(&self, at: usize) -> Option<Vec<u32>> {
        let chunk = self.chunks.get(at / CHUNK)?;
        let function = chunk.functions.get(at % CHUNK)?;
        let info = function.info?;
        if info.func_id() != 0 || info.func_flag() & FLAG_ASSEMBLY != 0 {
            return None;
        }
        let mut key = vec![info.args(), info.func_flag().into(), function.pc_sp.0];
        key.push(chunk.pc_data_count(function) as u32);
        key.extend(chunk.pc_data(function).iter().map(|table| table.0));
        key.extend(chunk.func_data_items(self.symbols, function).map(|item| match item {
            Item::Nothing => 0,
            Item::InlineTree => u32::MAX,
            Item::Symbol(symbol) => symbol.0,
        }));
        if function.call_count > 0 {
            key.push(function.pc_inline.0);
            key.extend(chunk.calls(function).iter().map(|call| call.parent_pc as u32));
        }
        Some(key)
    }
}
