//! The tables from which the runtime finds function, file, line and stack layout for a PC.
//!
//! They are made in two steps, as all linker-made data. [`Pclntab::plan`] decides what each table
//! holds and how large it is; offsets are handed out in the order of the functions, which is part
//! of the output, so this step is sequential but for reading the functions. When addresses are
//! final, [`Pclntab::write`] fills one table at a time from what was planned; tables can be
//! written in parallel, and the large one is parallel in itself.
//!
//! On wasm a function's PC is its index in the upper bits and a block number in the lower 16.

mod collect;
mod files;
mod findfunc;
mod funcdata;
mod functab;
mod names;
mod pctab;
mod same;
mod told;

use crate::error::Error;
use crate::size::Size;
use crate::symbols::{SymId, Symbols};
use collect::Chunk;
pub(crate) use files::file_name;
pub use funcdata::InlineTree;
pub(crate) use same::Frames;

/// The tables, in the order of their addresses. `go:func.*` is one of them only in the versions
/// that keep function data here; before, it is a group of read-only data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    PcHeader,
    FuncNames,
    Cu,
    Files,
    Pc,
    Functions,
    FuncData,
    FindFunc,
}

/// Where the tables are in memory, and how to find what function data refers to.
pub struct Layout<'l> {
    pub pc_header: u64,
    pub func_names: u64,
    pub cu: u64,
    pub files: u64,
    pub pc: u64,
    pub functions: u64,
    /// `runtime.text`.
    pub text_start: u64,
    /// `go:func.*`.
    pub func_data: u64,
    /// Where each function goes on when a deferred call has recovered, in the order of the functions.
    pub defer_returns: &'l [u32],
    /// The address of the section that a data symbol lies in; `None` for code and for no section.
    pub section_of: &'l (dyn Fn(SymId) -> Option<u64> + Sync),
}

/// What the tables will hold.
pub struct Pclntab<'a> {
    /// The functions, cut into chunks that are worked on in parallel.
    chunks: Vec<Chunk<'a>>,
    count: usize,
    names: names::Names,
    files: files::Files<'a>,
    pcs: pctab::Pcs,
    func_data: funcdata::FuncData,
    functab_size: u64,
    find_func: findfunc::FindFunc,
    /// Whether files and lines are told.
    lines: bool,
}

/// How many functions are read, and written, as one piece of work.
pub(crate) const CHUNK: usize = 256;
const POINTER: u64 = 8;
const HEADER_SIZE: u64 = 8 + 8 * POINTER;
/// The magic number since Go 1.20.
const MAGIC: u32 = 0xffff_fff1;

impl<'a> Pclntab<'a> {
    /// Decides the content of all tables. `text` is every function in address order, `goroot` what
    /// `$GOROOT` in file names stands for; `size` says whether there are files and lines. Function data kept here is marked as placed; where it
    /// is not kept here, inline trees become symbols.
    pub fn plan(
        symbols: &mut Symbols<'a>,
        text: &[SymId],
        goroot: &str,
        size: Size,
    ) -> Result<Self, Error> {
        let mut chunks = collect::functions(symbols, text, size)?;
        let lines = size.keeps_lines();
        let reader = &*symbols;
        let ((names, files), (pcs, items)) = rayon::join(
            || {
                rayon::join(
                    || names::Names::plan(reader, &chunks),
                    || files::Files::plan(reader, &chunks, goroot, lines),
                )
            },
            || {
                rayon::join(
                    || pctab::Pcs::plan(reader, &chunks, lines),
                    || funcdata::items(reader, &chunks),
                )
            },
        );
        let (names, files) = (names?, files?);
        let func_data = funcdata::FuncData::plan(symbols, &mut chunks, &names, items?);
        let functab_size = functab::plan(&mut chunks, text.len());
        let find_func = findfunc::FindFunc::plan(symbols, text, size);
        Ok(Pclntab {
            chunks,
            count: text.len(),
            names,
            files,
            pcs,
            func_data,
            functab_size,
            find_func,
            lines,
        })
    }

    /// The size of a table's symbol.
    pub fn size(&self, table: Table) -> u64 {
        let size = match table {
            Table::PcHeader => HEADER_SIZE,
            Table::FuncNames => self.names.size,
            Table::Cu => self.files.cutab.len() as u64 * 4,
            Table::Files => self.files.size,
            Table::Pc => self.pcs.size,
            Table::Functions => self.functab_size,
            Table::FuncData => self.func_data.size,
            // The one table that is not rounded up.
            Table::FindFunc => return self.find_func.size,
        };
        size.next_multiple_of(POINTER)
    }

    /// The alignment of a table's symbol where it is part of the table section.
    pub fn align(&self, table: Table) -> u32 {
        match table {
            Table::PcHeader => POINTER as u32,
            Table::FuncNames | Table::Files | Table::Pc => 1,
            Table::Cu | Table::Functions | Table::FindFunc => 4,
            Table::FuncData => self.func_data.align.max(1),
        }
    }

    /// Fills a table. `out` has the table's size and is zero.
    pub fn write(
        &self,
        symbols: &Symbols,
        table: Table,
        layout: &Layout,
        out: &mut [u8],
    ) -> Result<(), Error> {
        match table {
            Table::PcHeader => self.write_header(symbols, layout, out),
            Table::FuncNames => self.names.write(symbols, out),
            Table::Cu => {
                for (place, offset) in out.chunks_exact_mut(4).zip(&self.files.cutab) {
                    place.copy_from_slice(&offset.to_le_bytes());
                }
            }
            Table::Files => self.files.write(out),
            Table::Pc => self.pcs.write(symbols, out),
            Table::Functions => functab::write(self, symbols, layout, out),
            Table::FuncData => return self.func_data.write(self, symbols, layout, out),
            Table::FindFunc => self.find_func.write(out),
        }
        Ok(())
    }

    fn write_header(&self, symbols: &Symbols, layout: &Layout, out: &mut [u8]) {
        out[..4].copy_from_slice(&MAGIC.to_le_bytes());
        // The smallest instruction and the pointer, in bytes.
        out[6] = 1;
        out[7] = POINTER as u8;
        let text_start = if symbols.version.pc_header_text_start { layout.text_start } else { 0 };
        let from_header = |address: u64| address.wrapping_sub(layout.pc_header);
        let words = [
            self.count as u64,
            self.files.count,
            text_start,
            from_header(layout.func_names),
            from_header(layout.cu),
            from_header(layout.files),
            from_header(layout.pc),
            from_header(layout.functions),
        ];
        for (place, word) in out[8..].chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// A function's entry as the tables name it: its index from the start of the text, or before Go
/// 1.25 its PC from there.
fn text_offset(symbols: &Symbols, function: SymId, text_start: u64) -> u32 {
    let offset = symbols.value(function).wrapping_sub(text_start);
    if symbols.version.functab_by_index { (offset >> 16) as u32 } else { offset as u32 }
}
