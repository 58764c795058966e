//! `runtime.funcnametab`: the names of all functions, inlined ones too, each once.

use rayon::prelude::*;

use super::collect::{Chunk, info_of};
use crate::error::Error;
use crate::memory;
use crate::symbols::{SymId, Symbols};

pub(super) struct Names {
    /// For each symbol, its place in `named`, or [`NONE`].
    slots: Vec<u32>,
    named: Vec<Named>,
    pub(super) size: u64,
}

/// What an inline tree says of a function.
#[derive(Clone, Copy)]
pub(super) struct Named {
    symbol: SymId,
    pub(super) offset: u32,
    pub(super) start_line: i32,
    pub(super) func_id: u8,
    has_info: bool,
}

const NONE: u32 = u32::MAX;

impl Names {
    pub(super) fn plan(symbols: &Symbols, chunks: &[Chunk]) -> Result<Names, Error> {
        let mut names =
            Names { slots: memory::table(symbols.count(), NONE), named: Vec::new(), size: 0 };
        for chunk in chunks {
            for function in &chunk.functions {
                names.add(symbols, function.symbol);
                for call in chunk.calls(function) {
                    names.add(symbols, call.function);
                }
            }
        }
        let read = names.named.par_iter_mut().map(|named| named.read(symbols));
        let read: Vec<Result<(), Error>> = read.collect();
        read.into_iter().collect::<Result<(), Error>>()?;
        names.check_inlined(symbols, chunks)?;
        Ok(names)
    }

    fn add(&mut self, symbols: &Symbols, symbol: SymId) {
        let slot = &mut self.slots[symbol.index()];
        if *slot == NONE {
            *slot = self.named.len() as u32;
            let offset = self.size as u32;
            let named = Named { symbol, offset, start_line: 0, func_id: 0, has_info: false };
            self.named.push(named);
            self.size += symbols.name(symbol).len() as u64 + 1;
        }
    }

    fn check_inlined(&self, symbols: &Symbols, chunks: &[Chunk]) -> Result<(), Error> {
        for chunk in chunks {
            for call in &chunk.calls {
                if !self.of(call.function).has_info {
                    let name = String::from_utf8_lossy(symbols.name(call.function));
                    let object = symbols.object_of(call.function);
                    let what = format!("{name} is inlined, but has no function information");
                    return Err(symbols.malformed(object, what));
                }
            }
        }
        Ok(())
    }

    /// What is known of a function that has a name in the table.
    pub(super) fn of(&self, symbol: SymId) -> &Named {
        &self.named[self.slots[symbol.index()] as usize]
    }

    pub(super) fn write(&self, symbols: &Symbols, out: &mut [u8]) {
        for named in &self.named {
            let name = symbols.name(named.symbol);
            out[named.offset as usize..][..name.len()].copy_from_slice(name);
        }
    }
}

impl Named {
    fn read(&mut self, symbols: &Symbols) -> Result<(), Error> {
        if let Some(info) = info_of(symbols, self.symbol)? {
            self.start_line = info.start_line();
            self.func_id = info.func_id();
            self.has_info = true;
        }
        Ok(())
    }
}
