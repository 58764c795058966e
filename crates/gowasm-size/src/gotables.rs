//! The runtime's own description of a Go program, found in its data: where the tables lie, and what
//! the functions are called. It is there whatever flags the program was linked with.
//!
//! The header of the function table is known by its magic number. The module data is the record that
//! points to it and goes on with the address of the names; its fields are those of the Go versions
//! from 1.24 on, told apart by which of them makes sense.

use crate::memory::Memory;
use std::ops::Range;

/// The magic number since Go 1.20, two zeros, code in units of 1 byte, pointers of 8.
const MAGIC: [u8; 8] = [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];
/// A function's number is in the upper bits of a PC.
const PC_SHIFT: u32 = 16;
/// The runtime finds functions through one bucket of this size for so many PCs.
const BUCKET: (u64, u64) = (20, 4096);
const MOST_FUNCTIONS: u64 = 1 << 22;

#[derive(Debug, Default)]
pub(crate) struct GoTables {
    /// Addresses and what is there; sorted, without overlap.
    pub(crate) regions: Vec<Region>,
    /// Functions by their place in the table of indirect calls.
    pub(crate) functions: Vec<(u32, String)>,
}

#[derive(Debug, Clone)]
pub(crate) struct Region {
    pub(crate) place: Range<u64>,
    pub(crate) table: &'static str,
    /// Whose record it is: a place in `functions`.
    pub(crate) function: Option<usize>,
}

pub(crate) fn find(memory: &Memory) -> Option<GoTables> {
    memory.places_of(&MAGIC).find_map(|header| {
        let names = header.checked_add(memory.u64(header + 32)?)?;
        let mut wanted = header.to_le_bytes().to_vec();
        wanted.extend(names.to_le_bytes());
        let module = memory.places_of(&wanted).next()?;
        read(memory, header, module)
    })
}

/// The fields of the module data in turn.
struct Fields<'m> {
    memory: &'m Memory,
    at: u64,
}

impl Fields<'_> {
    fn word(&mut self) -> Option<u64> {
        let value = self.memory.u64(self.at)?;
        self.at += 8;
        Some(value)
    }

    /// Where a slice of elements of this size lies.
    fn slice(&mut self, unit: u64) -> Option<Range<u64>> {
        let [start, length, _capacity] = [self.word()?, self.word()?, self.word()?];
        self.within(start, length.checked_mul(unit)?)
    }

    fn within(&self, start: u64, length: u64) -> Option<Range<u64>> {
        let end = start.checked_add(length)?;
        (end <= self.memory.len()).then_some(start..end)
    }

    fn pair(&mut self) -> Option<Range<u64>> {
        let [start, end] = [self.word()?, self.word()?];
        (start <= end).then_some(start..end)
    }
}

fn read(memory: &Memory, header: u64, module: u64) -> Option<GoTables> {
    let mut fields = Fields { memory, at: module + 8 };
    let names = fields.slice(1)?;
    let units_at = fields.at;
    let _ = fields.slice(1)?;
    let files = fields.slice(1)?;
    let pcs = fields.slice(1)?;
    let table = fields.slice(1)?;
    let entries = fields.slice(8)?;
    let lookup = fields.word()?;
    let text_pcs = fields.pair()?;
    let text = fields.pair()?;
    let no_pointers = fields.pair()?;
    let pointers = fields.pair()?;
    // What has no bytes in the file: zeroed data, coverage counters, the end, masks of pointers.
    for _ in 0..9 {
        fields.word()?;
    }
    let types = fields.word()?;
    let rest = After::read(memory, fields.at, types)?;
    let units = memory.u64(units_at)?..files.start;

    let mut painted = Painted::default();
    painted.add(types..rest.types_end, "types, strings and constants");
    painted.add(rest.constants..header, "types, strings and constants");
    painted.add(no_pointers, "variables without pointers");
    painted.add(pointers, "variables with pointers");
    if let Some(described) = rest.described {
        painted.add(types..types.checked_add(described)?, "types");
        painted.add(types.checked_add(described)?..rest.types_end, "itabs and other type data");
        painted.add(rest.constants..header, "strings and constants");
    }
    painted.add(rest.type_links, "type links");
    painted.add(rest.itab_links, "itab links");
    painted.add(header..names.start, "pclntab: header");
    painted.add(names.clone(), "pclntab: function names");
    painted.add(units, "pclntab: files by unit");
    painted.add(files, "pclntab: file names");
    painted.add(pcs, "pclntab: PC tables");
    painted.add(table.clone(), "pclntab: functions");
    let buckets = (text_pcs.end - text_pcs.start).div_ceil(BUCKET.1).checked_mul(BUCKET.0)?;
    match rest.pclntab_end {
        Some(end) => {
            painted.add(rest.function_data..lookup, "pclntab: function data");
            painted.add(lookup..end, "pclntab: findfunctab");
        }
        None => painted.add(lookup..lookup.checked_add(buckets)?, "pclntab: findfunctab"),
    }

    let functions = functions(memory, &names, &table, &entries, text.start)?;
    let mut regions = painted.flatten();
    split_records(&mut regions, &table, &functions);
    let functions = functions.into_iter().map(|function| (function.slot, function.name)).collect();
    Some(GoTables { regions, functions })
}

/// What comes after the address of the types, which is not the same in every Go version.
struct After {
    /// How many bytes describe types, where types have a section of their own.
    described: Option<u64>,
    types_end: u64,
    constants: u64,
    function_data: u64,
    pclntab_end: Option<u64>,
    type_links: Range<u64>,
    itab_links: Range<u64>,
}

impl After {
    fn read(memory: &Memory, at: u64, types: u64) -> Option<After> {
        // Go 1.27, Go 1.26, older ones: the one whose list of text sections is in its place.
        [(true, true), (false, true), (false, false)].into_iter().find_map(|(own, end)| {
            let mut fields = Fields { memory, at };
            let described = if own { Some(fields.word()?) } else { None };
            let types_end = fields.word()?;
            if own {
                let _itabs = [fields.word()?, fields.word()?];
            }
            let constants = fields.word()?;
            let function_data = fields.word()?;
            let pclntab_end = if end { Some(fields.word()?) } else { None };
            let sections_at = fields.at;
            let sections = fields.slice(24)?;
            let one_section = memory.u64(sections_at + 8) == Some(1);
            let (type_links, itab_links) =
                if own { (0..0, 0..0) } else { (fields.slice(4)?, fields.slice(8)?) };
            let sane = one_section
                && sections.start >= types.min(constants)
                && types <= types_end
                && types_end <= memory.len()
                && described.is_none_or(|size| size <= types_end - types);
            sane.then_some(After {
                described,
                types_end,
                constants,
                function_data,
                pclntab_end,
                type_links,
                itab_links,
            })
        })
    }
}

struct Function {
    slot: u32,
    name: String,
    /// Where its record begins.
    record: u64,
}

fn functions(
    memory: &Memory,
    names: &Range<u64>,
    table: &Range<u64>,
    entries: &Range<u64>,
    text: u64,
) -> Option<Vec<Function>> {
    let count = (entries.end - entries.start) / 8;
    // The last entry is the end of the last function.
    let count = count.checked_sub(1).filter(|&count| count > 0 && count <= MOST_FUNCTIONS)?;
    let entry = |index: u64| memory.u32(entries.start + index * 8);
    // A function's number in the second entry, or, up to Go 1.24, a distance in PCs.
    let by_number = entry(1)? < 1 << PC_SHIFT;
    let base = u32::try_from(text >> PC_SHIFT).ok()?;
    let mut found = Vec::new();
    for index in 0..count {
        let start = entry(index)?;
        let number = if by_number { start } else { start >> PC_SHIFT };
        let record = table.start.checked_add(memory.u32(entries.start + index * 8 + 4)?.into())?;
        let name = memory.u32(record.checked_add(4)?)?;
        let name = memory.text(names.start + u64::from(name), names.end)?;
        found.push(Function { slot: base.checked_add(number)?, name: name.to_owned(), record });
    }
    Some(found)
}

/// Names for addresses; a later name hides an earlier one.
#[derive(Default)]
struct Painted {
    layers: Vec<(Range<u64>, &'static str)>,
}

impl Painted {
    fn add(&mut self, place: Range<u64>, table: &'static str) {
        if place.start < place.end {
            self.layers.push((place, table));
        }
    }

    fn flatten(self) -> Vec<Region> {
        let ends = self.layers.iter().flat_map(|(place, _)| [place.start, place.end]);
        let mut cuts: Vec<u64> = ends.collect();
        cuts.sort_unstable();
        cuts.dedup();
        let pieces = cuts.windows(2).filter_map(|cut| {
            let place = cut[0]..cut[1];
            let top = self.layers.iter().rev().find(|(layer, _)| layer.contains(&place.start))?;
            Some(Region { place, table: top.1, function: None })
        });
        pieces.collect()
    }
}

/// Gives each function its record in the function table.
fn split_records(regions: &mut Vec<Region>, table: &Range<u64>, functions: &[Function]) {
    let Some(at) = regions.iter().position(|region| region.place == *table) else { return };
    let mut order: Vec<usize> = (0..functions.len()).collect();
    order.sort_by_key(|&index| functions[index].record);
    let mut pieces = Vec::new();
    let mut start = table.start;
    let mut owner = None;
    for &index in &order {
        let record = functions[index].record.clamp(start, table.end);
        if record > start {
            let place = start..record;
            pieces.push(Region { place, table: regions[at].table, function: owner });
            start = record;
        }
        owner = Some(index);
    }
    if start < table.end {
        let place = start..table.end;
        pieces.push(Region { place, table: regions[at].table, function: owner });
    }
    regions.splice(at..=at, pieces);
}
