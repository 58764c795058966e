//! `runtime.pctab`: the per-PC tables of all functions, each distinct one once.

use super::collect::Chunk;
use crate::memory;
use crate::symbols::{SymId, Symbols};

pub(super) struct Pcs {
    /// For each symbol, its offset in the table; 0 for what is not in it.
    offsets: Vec<u32>,
    placed: Vec<SymId>,
    pub(super) size: u64,
}

impl Pcs {
    pub(super) fn plan(symbols: &Symbols, chunks: &[Chunk], lines: bool) -> Pcs {
        // The runtime takes offset 0 for "no table", so no table begins there.
        let mut pcs =
            Pcs { offsets: memory::table(symbols.count(), 0), placed: Vec::new(), size: 1 };
        for chunk in chunks {
            for function in chunk.functions.iter().filter(|function| function.info.is_some()) {
                pcs.add(symbols, function.pc_sp);
                if lines {
                    pcs.add(symbols, function.pc_file);
                    pcs.add(symbols, function.pc_line);
                }
                for symbol in chunk.pc_data(function) {
                    pcs.add(symbols, *symbol);
                }
                if function.call_count > 0 {
                    pcs.add(symbols, function.pc_inline);
                }
            }
        }
        pcs
    }

    fn add(&mut self, symbols: &Symbols, symbol: SymId) {
        let offset = &mut self.offsets[symbol.index()];
        if *offset != 0 || symbol.is_nil() {
            return;
        }
        let size = symbols.data(symbol).len() as u64;
        if size != 0 {
            *offset = self.size as u32;
            self.placed.push(symbol);
            self.size += size;
        }
    }

    pub(super) fn offset(&self, symbol: SymId) -> u32 {
        self.offsets[symbol.index()]
    }

    pub(super) fn write(&self, symbols: &Symbols, out: &mut [u8]) {
        for symbol in &self.placed {
            let data = symbols.data(*symbol);
            out[self.offset(*symbol) as usize..][..data.len()].copy_from_slice(data);
        }
    }
}
