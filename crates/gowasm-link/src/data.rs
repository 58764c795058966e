//! The content of the data sections, and the segments that the module carries it in.

use std::ops::Range;

use rayon::prelude::*;

use crate::error::Error;
use crate::kind::SymKind;
use crate::layout::{Layout, Section, SectionName};
use crate::made::PclnSymbols;
use crate::memory::Zeroed;
use crate::pclntab::{self, Pclntab, Table};
use crate::reach::R_METHOD_OFF;
use crate::size::Size;
use crate::symbols::{R_ADDR, R_ADDROFF, Reloc, SymId, Symbols};
use gowasm_shrink::leb;

/// Zeros shorter than this cost less than another segment.
const SEGMENT_OVERHEAD: usize = 8;
/// Some runtimes refuse modules with more segments.
const MAX_SEGMENTS: usize = 100_000;

/// The sections that have content, filled in.
pub(crate) struct DataImage {
    memory: Zeroed,
    /// Address, and place in the memory.
    sections: Vec<(u64, Range<usize>)>,
}

/// A run of bytes for an address.
pub(crate) struct Segment<'d> {
    address: i64,
    pub(crate) bytes: &'d [u8],
}

impl Segment<'_> {
    /// Appends what stands before the bytes.
    pub(crate) fn push_head(&self, out: &mut Vec<u8>) {
        // Memory index, i32.const, end.
        out.extend_from_slice(&[0, 0x41]);
        leb::push_signed(out, self.address);
        out.push(0x0b);
        leb::push_unsigned(out, self.bytes.len() as u64);
    }
}

/// What filling in needs to know.
pub(crate) struct Filler<'f, 'a> {
    pub(crate) symbols: &'f Symbols<'a>,
    pub(crate) layout: &'f Layout,
    pub(crate) pclntab: &'f Pclntab<'a>,
    pub(crate) tables: &'f PclnSymbols,
    pub(crate) defer_returns: &'f [u32],
    unreachable_method: SymId,
}

impl<'f, 'a> Filler<'f, 'a> {
    pub(crate) fn new(
        symbols: &'f Symbols<'a>,
        layout: &'f Layout,
        pclntab: &'f Pclntab<'a>,
        tables: &'f PclnSymbols,
        defer_returns: &'f [u32],
    ) -> Self {
        let unreachable_method = symbols.lookup(b"runtime.unreachableMethod").unwrap_or_default();
        Filler { symbols, layout, pclntab, tables, defer_returns, unreachable_method }
    }

    /// The sections in the order in which the module has them.
    pub(crate) fn fill(&self) -> Result<DataImage, Error> {
        use SectionName::*;
        let version = self.symbols.version;
        let order: &[SectionName] = if version.types_section {
            &[RoData, Types, FuncDesc, ModuleData, PclnTab, NoPtrData, Data]
        } else if version.moduledata_section {
            &[RoData, TypeLink, ItabLink, ModuleData, PclnTab, NoPtrData, Data]
        } else {
            &[RoData, TypeLink, ItabLink, SymTab, PclnTab, NoPtrData, Data]
        };
        let wanted: Vec<&Section> =
            order.iter().filter_map(|&name| self.layout.section(name)).collect();
        let mut sections = Vec::with_capacity(wanted.len());
        let mut length = 0;
        for section in &wanted {
            let end = length + section.length as usize;
            sections.push((section.address, length..end));
            length = end;
        }
        let mut memory =
            Zeroed::new(length).map_err(|error| Error::message(format!("no memory: {error}")))?;
        let mut rest = &mut memory[..];
        let mut work = Vec::new();
        for section in wanted {
            let (own, after) = std::mem::take(&mut rest).split_at_mut(section.length as usize);
            self.cut(section, own, &mut work);
            rest = after;
        }
        let filled: Vec<Result<(), Error>> = work
            .into_par_iter()
            .map(|(start, symbols, chunk)| self.chunk(start, symbols, chunk))
            .collect();
        filled.into_iter().collect::<Result<(), Error>>()?;
        Ok(DataImage { memory, sections })
    }

    /// Cuts a section into pieces of work: address, symbols, memory.
    fn cut<'w>(
        &self,
        section: &'w Section,
        mut rest: &'w mut [u8],
        work: &mut Vec<(u64, &'w [SymId], &'w mut [u8])>,
    ) {
        // The tables for the runtime are few and large.
        let size = if section.name == SectionName::PclnTab { 1 } else { 512 };
        let mut at = section.address;
        for symbols in section.symbols.chunks(size) {
            let end = symbols.last().map_or(at, |&s| self.symbols.value(s) + self.symbols.size(s));
            let (chunk, after) = std::mem::take(&mut rest).split_at_mut((end - at) as usize);
            work.push((at, symbols, chunk));
            (rest, at) = (after, end);
        }
    }

    fn chunk(&self, start: u64, symbols: &[SymId], chunk: &mut [u8]) -> Result<(), Error> {
        for &symbol in symbols {
            let at = (self.symbols.value(symbol) - start) as usize;
            let place = &mut chunk[at..][..self.symbols.size(symbol) as usize];
            self.symbol(symbol, place)?;
        }
        Ok(())
    }

    fn symbol(&self, symbol: SymId, out: &mut [u8]) -> Result<(), Error> {
        if let Some(&(table, _)) = self.tables.tables.iter().find(|(_, table)| *table == symbol) {
            return self.table(table, out);
        }
        let data = self.symbols.data(symbol);
        out[..data.len()].copy_from_slice(data);
        for reloc in self.symbols.relocs(symbol).filter(|reloc| reloc.size != 0) {
            self.relocate(symbol, reloc, out)?;
        }
        Ok(())
    }

    fn table(&self, table: Table, out: &mut [u8]) -> Result<(), Error> {
        let address = |table| self.symbols.value(self.tables.symbol(table));
        let func_data = self.symbols.lookup(b"go:func.*").unwrap_or_default();
        let layout = pclntab::Layout {
            pc_header: address(Table::PcHeader),
            func_names: address(Table::FuncNames),
            cu: address(Table::Cu),
            files: address(Table::Files),
            pc: address(Table::Pc),
            functions: address(Table::Functions),
            text_start: 0,
            func_data: self.symbols.value(func_data),
            defer_returns: self.defer_returns,
            section_of: &|symbol| self.layout.section_address(symbol),
        };
        self.pclntab.write(self.symbols, table, &layout, out)
    }

    fn relocate(&self, symbol: SymId, reloc: Reloc, out: &mut [u8]) -> Result<(), Error> {
        let symbols = self.symbols;
        let mut target = reloc.target;
        let kind = symbols.kind(target);
        let needed = !reloc.is_weak() || symbols.is_reachable(target);
        if needed && kind == SymKind::Undefined {
            return Err(crate::report::undefined(symbols));
        }
        let value = match reloc.base_kind() {
            R_ADDR => {
                if reloc.is_weak() && !symbols.is_reachable(target) {
                    target = self.unreachable_method;
                }
                symbols.value(target).wrapping_add_signed(reloc.add)
            }
            R_METHOD_OFF if !symbols.is_reachable(target) => u64::MAX,
            R_METHOD_OFF | R_ADDROFF => {
                if reloc.is_weak() && !symbols.is_reachable(target) {
                    return Ok(());
                }
                let value = symbols.value(target).wrapping_add_signed(reloc.add);
                if kind.is_text() {
                    if symbols.version.functab_by_index { value >> 16 } else { value }
                } else {
                    let section = self.layout.section_address(target).ok_or_else(|| {
                        self.broken(symbol, "refers by offset to something that has no section")
                    })?;
                    value.wrapping_sub(section)
                }
            }
            kind => {
                return Err(
                    self.broken(symbol, &format!("has a relocation of unknown kind {kind}"))
                );
            }
        };
        let size = usize::from(reloc.size);
        let place = usize::try_from(reloc.offset)
            .ok()
            .and_then(|at| out.get_mut(at..at.checked_add(size)?))
            .filter(|place| matches!(place.len(), 1 | 2 | 4 | 8))
            .ok_or_else(|| self.broken(symbol, "has a relocation outside its content"))?;
        place.copy_from_slice(&value.to_le_bytes()[..size]);
        Ok(())
    }

    fn broken(&self, symbol: SymId, what: &str) -> Error {
        let name = String::from_utf8_lossy(self.symbols.name(symbol)).into_owned();
        self.symbols.malformed(self.symbols.object_of(symbol), format!("{name} {what}"))
    }
}

impl DataImage {
    /// Cuts the sections where zeros make that worth while. Where that gives too many segments, Go's linker
    /// takes the first; else they are those that save most.
    pub(crate) fn segments(&self, size: Size) -> Vec<Segment<'_>> {
        let mut cut: Vec<Vec<Range<usize>>> =
            self.sections.par_iter().map(|section| parallel_runs(self.bytes(section))).collect();
        if size.shrinks() {
            join_nearest(&mut cut, MAX_SEGMENTS);
        }
        let mut segments = Vec::with_capacity(cut.iter().map(Vec::len).sum());
        for (number, (section, runs)) in self.sections.iter().zip(cut).enumerate() {
            let bytes = self.bytes(section);
            for run in runs {
                // Each section left needs one segment at most.
                let last = !size.shrinks()
                    && segments.len() + (self.sections.len() - number) == MAX_SEGMENTS;
                let end = if last { bytes.len() } else { run.end };
                let address = section.0 as i64 + run.start as i64;
                segments.push(Segment { address, bytes: &bytes[run.start..end] });
                if last {
                    break;
                }
            }
        }
        segments
    }

    fn bytes(&self, (_, place): &(u64, Range<usize>)) -> &[u8] {
        self.memory.get(place.clone()).unwrap_or_default()
    }
}

/// How many bytes are looked through as one piece of work.
const PIECE: usize = 1 << 18;

/// As [`runs`], piece by piece. Pieces meet between two bytes that are not zero, in a run of both.
fn parallel_runs(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let rest = bytes.get(start + PIECE..).unwrap_or_default();
        let end = rest.windows(2).position(|pair| pair[0] != 0 && pair[1] != 0);
        let end = end.map_or(bytes.len(), |n| start + PIECE + n + 1);
        pieces.push(start..end);
        start = end;
    }
    let found: Vec<_> = pieces.into_par_iter().map(|p| (p.start, runs(&bytes[p]))).collect();
    let mut all: Vec<Range<usize>> =
        Vec::with_capacity(found.iter().map(|(_, runs)| runs.len()).sum());
    for (start, runs) in found {
        for run in runs {
            let run = run.start + start..run.end + start;
            match all.last_mut() {
                Some(last) if last.end == run.start => last.end = run.end,
                _ => all.push(run),
            }
        }
    }
    all
}

/// Joins runs of the same section over the shortest zeros between them, until at most so many are left.
fn join_nearest(cut: &mut [Vec<Range<usize>>], most: usize) {
    let surplus = cut.iter().map(Vec::len).sum::<usize>().saturating_sub(most);
    if surplus == 0 {
        return;
    }
    let zeros = |pair: &[Range<usize>]| pair[1].start - pair[0].end;
    let mut lengths: Vec<usize> = cut.iter().flat_map(|runs| runs.windows(2).map(zeros)).collect();
    let Some(last) = surplus.min(lengths.len()).checked_sub(1) else { return };
    let longest = *lengths.select_nth_unstable(last).1;
    let mut of_longest = lengths[..=last].iter().filter(|&&zeros| zeros == longest).count();
    for runs in cut {
        runs.dedup_by(|run, before| {
            let zeros = run.start - before.end;
            let joins = zeros < longest || zeros == longest && of_longest > 0;
            if joins {
                of_longest -= usize::from(zeros == longest);
                before.end = run.end;
            }
            joins
        });
    }
}

/// The stretches of `bytes` between zeros that are worth a cut.
fn runs(bytes: &[u8]) -> Vec<Range<usize>> {
    let end = bytes.iter().rposition(|&b| b != 0).map_or(0, |last| last + 1);
    let mut runs = Vec::new();
    let mut start = zeros_end(bytes, 0);
    while start < end {
        let zeros = long_zeros(&bytes[..end], start).unwrap_or(end..end);
        runs.push(start..zeros.start);
        start = zeros.end;
    }
    runs
}

/// The next zeros after `from` that are worth a cut. The byte there is not zero, nor is the last one.
fn long_zeros(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    // Every stretch that is long enough covers one of these words.
    const WORD: usize = SEGMENT_OVERHEAD / 2;
    let mut at = from.next_multiple_of(WORD);
    while let Some(word) = bytes.get(at..)?.first_chunk() {
        if u32::from_le_bytes(*word) != 0 {
            at += WORD;
            continue;
        }
        let start = at - bytes[from..at].iter().rev().take_while(|&&b| b == 0).count();
        let end = zeros_end(bytes, at + WORD);
        if end - start >= SEGMENT_OVERHEAD {
            return Some(start..end);
        }
        at = end.next_multiple_of(WORD);
    }
    None
}

/// Where the zeros at `from` end.
fn zeros_end(bytes: &[u8], mut from: usize) -> usize {
    while let Some(word) = bytes[from..].first_chunk() {
        let word = u64::from_le_bytes(*word);
        if word != 0 {
            return from + word.trailing_zeros() as usize / 8;
        }
        from += 8;
    }
    bytes[from..].iter().position(|&b| b != 0).map_or(bytes.len(), |n| from + n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte by byte.
    fn plain_runs(bytes: &[u8]) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
            match runs.last_mut() {
                Some(last) if at - last.end < SEGMENT_OVERHEAD => last.end = at + 1,
                _ => runs.push(at..at + 1),
            }
        }
        runs
    }

    #[test]
    fn what_is_nearest_is_joined_when_there_are_too_many_segments() {
        let joined = |most| {
            let mut cut = [vec![0..1, 10..11, 40..41, 49..50], vec![], vec![3..4, 12..15, 23..24]];
            join_nearest(&mut cut, most);
            cut.map(|runs| runs.into_iter().map(|run| (run.start, run.end)).collect::<Vec<_>>())
        };
        let all =
            [vec![(0, 1), (10, 11), (40, 41), (49, 50)], vec![], vec![(3, 4), (12, 15), (23, 24)]];
        assert_eq!(joined(7), all);
        let [_, none, last] = all;
        let six = vec![(0, 1), (10, 11), (40, 50)];
        assert_eq!(joined(6), [six.clone(), none.clone(), last]);
        assert_eq!(joined(4), [six, none.clone(), vec![(3, 24)]]);
        assert_eq!(joined(3), [vec![(0, 11), (40, 50)], none.clone(), vec![(3, 24)]]);
        // A segment is in one section.
        assert_eq!(joined(1), [vec![(0, 50)], none, vec![(3, 24)]]);
    }

    #[test]
    fn data_is_cut_at_every_stretch_of_zeros_that_is_long_enough() {
        let mut state = 1u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize % below
        };
        for length in [0, 1, 7, 8, 9, 100, 5000, 3 * PIECE] {
            for longest in [1, 4, 12, 40, 2 * PIECE] {
                let mut bytes = Vec::new();
                while bytes.len() < length {
                    let (value, count) = (random(2) as u8, random(longest) + 1);
                    bytes.resize((bytes.len() + count).min(length), value);
                }
                assert_eq!(runs(&bytes), plain_runs(&bytes), "{length} {longest}");
                assert_eq!(parallel_runs(&bytes), plain_runs(&bytes), "{length} {longest}");
            }
        }
    }
}
