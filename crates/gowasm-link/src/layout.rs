//! Where data goes: which section, in what order, at what address.
//!
//! In a section, symbols of a kind are sorted by size, then by number. Sections follow each other
//! in two segments, read-only and writable. What is not in a section has no address.

use rayon::prelude::*;

use crate::error::Error;
use crate::gcprog::GcProgram;
use crate::kind::SymKind::{self, *};
use crate::made;
use crate::moduledata::{TypeSlots, mark_place};
use crate::symbols::{SymId, Symbols, attr};
use crate::text;

/// Data never lies below: wasm code may use low addresses for other things.
const FIRST_DATA: u64 = 4096 + 8192;
const PAGE: u64 = 4096;
const MAX_ALIGN: u64 = 32;
/// More data than a wasm memory can hold with room to run.
const MAX_DATA: u64 = 2_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SectionName {
    RoData,
    Types,
    FuncDesc,
    TypeLink,
    ItabLink,
    SymTab,
    PclnTab,
    BuildInfo,
    ModuleData,
    NoPtrData,
    Data,
    Bss,
    NoPtrBss,
    FuzzCounters,
}

#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: SectionName,
    align: u64,
    pub(crate) address: u64,
    pub(crate) length: u64,
    /// In address order.
    pub(crate) symbols: Vec<SymId>,
}

#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) sections: Vec<Section>,
    /// For each symbol, its section's place in `sections` plus one.
    section_of: Vec<u8>,
    /// The address after all data.
    pub(crate) end: u64,
}

impl Layout {
    pub(crate) fn section(&self, name: SectionName) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// The address of the section a symbol lies in.
    pub(crate) fn section_address(&self, symbol: SymId) -> Option<u64> {
        let at = usize::from(*self.section_of.get(symbol.index())?).checked_sub(1)?;
        Some(self.sections[at].address)
    }
}

/// Symbols by kind, sorted as they will lie in memory.
struct Kinds {
    lists: Vec<Vec<SymId>>,
    max_align: Vec<u64>,
}

pub(crate) fn place(
    symbols: &mut Symbols,
    slots: TypeSlots,
    text_count: usize,
) -> Result<Layout, Error> {
    let mut kinds = sort(symbols, slots)?;
    let mut layout = Layout { sections: Vec::new(), section_of: vec![0; symbols.count()], end: 0 };

    // Writable data first: the programs that describe its pointers are read-only data.
    let mut cursor =
        Cursor { symbols, kinds: &mut kinds, layout: &mut layout, offset: 0, first: 0 };
    cursor.section(SectionName::BuildInfo, &[BuildInfo]);
    if cursor.symbols.version.moduledata_section {
        cursor.section(SectionName::ModuleData, &[ModuleData]);
    }
    cursor.section(SectionName::NoPtrData, &[NoPtrData, NoPtrDataFips, NoPtrDataEnd]);
    cursor.section(SectionName::Data, &[Data, DataFips, DataEnd]);
    cursor.section(SectionName::Bss, &[Bss]);
    cursor.gc_programs()?;
    cursor.section(SectionName::NoPtrBss, &[NoPtrBss]);
    let (masks, _) = cursor.extend(&[GcMask]);
    let (counters, counters_end) = cursor.extend(&[CoverageCounter, CoverageAux]);
    if !cursor.kinds.lists[FuzzCounter as usize].is_empty() {
        cursor.section(SectionName::FuzzCounters, &[FuzzCounter]);
    }
    let writable = cursor.layout.sections.len();
    let writable_length = cursor.offset;

    cursor.offset = 0;
    cursor.first = writable;
    cursor.read_only();
    if cursor.offset > MAX_DATA || writable_length > MAX_DATA {
        return Err(Error::message("the program has more than two billion bytes of data"));
    }

    // Read-only data lies first in memory.
    let mut address = text::section_length(text_count).max(FIRST_DATA);
    for section in &mut layout.sections[writable..] {
        address = round(address, section.align);
        section.address = address;
        address += section.length;
    }
    let base = round(address, PAGE);
    for section in &mut layout.sections[..writable] {
        section.address += base;
    }
    layout.end = base + writable_length;
    for section in &layout.sections {
        for symbol in &section.symbols {
            symbols.values[symbol.index()] += section.address;
        }
    }
    define_places(symbols, &layout, [masks, counters, counters_end], text_count);
    Ok(layout)
}

fn round(value: u64, align: u64) -> u64 {
    value.next_multiple_of(align.max(1))
}

/// Sections under construction. Offsets run on from section to section of a segment.
struct Cursor<'c, 'a> {
    symbols: &'c mut Symbols<'a>,
    kinds: &'c mut Kinds,
    layout: &'c mut Layout,
    offset: u64,
    /// The first section of this segment.
    first: usize,
}

impl Cursor<'_, '_> {
    fn section(&mut self, name: SectionName, kinds: &[SymKind]) {
        let largest =
            kinds.iter().map(|&kind| self.kinds.max_align[kind as usize]).max().unwrap_or(1);
        // A section of one kind has that kind's alignment, others at least a pointer's.
        let align = if name == SectionName::RoData { largest.max(8) } else { largest.max(1) };
        self.offset = round(self.offset, align);
        self.layout.sections.push(Section {
            name,
            align,
            address: self.offset,
            length: 0,
            symbols: Vec::new(),
        });
        self.extend(kinds);
    }

    /// Puts more kinds at the end of the last section; returns their offsets in it.
    fn extend(&mut self, kinds: &[SymKind]) -> (u64, u64) {
        let number = self.layout.sections.len();
        let Some(section) = self.layout.sections.last_mut() else { return (0, 0) };
        let start = self.offset - section.address;
        for &kind in kinds {
            let list = std::mem::take(&mut self.kinds.lists[kind as usize]);
            for &symbol in &list {
                self.offset = round(self.offset, u64::from(self.symbols.align(symbol)));
                self.symbols.values[symbol.index()] = self.offset - section.address;
                self.layout.section_of[symbol.index()] = number as u8;
                self.offset += self.symbols.size(symbol);
            }
            section.symbols.extend(list);
        }
        section.length = self.offset - section.address;
        (start, section.length)
    }

    fn read_only(&mut self) {
        let version = self.symbols.version;
        if version.types_section {
            self.section(SectionName::RoData, &[GoString, GcBits, RoData, RoDataFips, RoDataEnd]);
            self.section(SectionName::PclnTab, &[PclnTab]);
            self.types_section();
            self.section(SectionName::FuncDesc, &[GoFunc]);
            return;
        }
        self.section(
            SectionName::RoData,
            &[Type, GoString, GoFunc, GcBits, RoData, RoDataFips, RoDataEnd, FuncTab],
        );
        if version.funcdata_in_pclntab {
            self.section(SectionName::PclnTab, &[PclnTab]);
        }
        self.section(SectionName::TypeLink, &[TypeLink]);
        self.section(SectionName::ItabLink, &[ItabLink]);
        if !version.funcdata_in_pclntab {
            self.section(SectionName::SymTab, &[]);
            self.section(SectionName::PclnTab, &[PclnTab]);
        }
    }

    /// Offset 0 among the types stands for no type, so a word is left free.
    fn types_section(&mut self) {
        let types = std::mem::take(&mut self.kinds.lists[Type as usize]);
        self.section(SectionName::Types, &[Type]);
        self.offset += 8;
        self.kinds.lists[Type as usize] = types;
        self.extend(&[Type]);
    }

    fn gc_programs(&mut self) -> Result<(), Error> {
        for (name, section) in
            [(&b"runtime.gcdata"[..], SectionName::Data), (b"runtime.gcbss", SectionName::Bss)]
        {
            let Some(section) = self.layout.section(section) else { continue };
            let mut program = GcProgram::default();
            for &symbol in &section.symbols {
                let Some(of) = self.symbols.aux(symbol, gowasm_goobj::AuxKind::GoType) else {
                    let name = String::from_utf8_lossy(self.symbols.name(symbol)).into_owned();
                    return Err(self.symbols.malformed(
                        self.symbols.object_of(symbol),
                        format!("variable {name} may hold pointers and has no type"),
                    ));
                };
                program.add(self.symbols, self.symbols.value(symbol), of)?;
            }
            let bytes = program.finish(section.length).ok_or_else(|| {
                Error::message("a variable is larger than the section it lies in")
            })?;
            let symbol = self.symbols.lookup_or_make(name);
            let payload = self.symbols.edit(symbol);
            payload.push(&bytes);
        }
        Ok(())
    }
}

/// Collects the reachable data symbols by kind and sorts them.
fn sort(symbols: &mut Symbols, slots: TypeSlots) -> Result<Kinds, Error> {
    let reader = &*symbols;
    const CHUNK: usize = 1 << 14;
    let chunks: Vec<Vec<(SymKind, SymId)>> = (0..reader.count().div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(reader.count());
            range.filter_map(|at| kind_of(reader, SymId(at as u32))).collect()
        })
        .collect();
    let mut lists = vec![Vec::new(); SymKind::COUNT];
    for (kind, symbol) in chunks.into_iter().flatten() {
        lists[kind as usize].push(symbol);
    }
    let zero_base = symbols.lookup(b"runtime.zerobase").unwrap_or_default();
    let reader = &*symbols;
    lists.par_iter_mut().enumerate().try_for_each(|(kind, list)| {
        if let Some(&wrong) = list.iter().find(|&&s| reader.size(s) < reader.data(s).len() as u64) {
            let name = String::from_utf8_lossy(reader.name(wrong)).into_owned();
            let what = format!("{name} has more content than it is large");
            return Err(reader.malformed(reader.object_of(wrong), what));
        }
        if kind == Type as usize && reader.version.types_section {
            return sort_types(reader, list);
        }
        if kind != PclnTab as usize {
            list.par_sort_by_cached_key(|&symbol| size_key(reader, symbol, zero_base));
        }
        Ok(())
    })?;
    let mut max_align = vec![0; SymKind::COUNT];
    for (list, max) in lists.iter().zip(&mut max_align) {
        for &symbol in list {
            let align = settle_align(symbols, symbol);
            *max = align.max(*max);
        }
    }
    if symbols.version.types_section {
        measure_types(symbols, &lists[Type as usize], slots);
    }
    Ok(Kinds { lists, max_align })
}

/// Symbols without a size share the address of `runtime.zerobase`, which follows them.
fn size_key(symbols: &Symbols, symbol: SymId, zero_base: SymId) -> (u8, u64, SymId) {
    let size = symbols.size(symbol);
    match size {
        _ if symbol == zero_base => (1, 0, symbol),
        0 => (0, 0, symbol),
        _ => (2, size, symbol),
    }
}

/// Types first: those that are looked up by their string, in that order. Itabs last.
fn sort_types(symbols: &Symbols, list: &mut [SymId]) -> Result<(), Error> {
    struct Entry<'s> {
        symbol: SymId,
        class: u8,
        string: &'s [u8],
        size: u64,
    }
    let star = symbols.lookup(b"type:*").unwrap_or_default();
    let mut entries = Vec::with_capacity(list.len());
    for &symbol in list.iter() {
        let flags = symbols.flags(symbol);
        let class = match flags {
            _ if symbol == star => 0,
            flags if flags.itab() => 3,
            flags if flags.typelink() => 1,
            _ => 2,
        };
        let string = if class == 1 { made::type_string(symbols, symbol)? } else { b"" };
        entries.push(Entry { symbol, class, string, size: symbols.size(symbol) });
    }
    crate::gosort::sort_by(&mut entries, |a, b| {
        if a.class == 0 {
            return true;
        }
        match a.class.cmp(&b.class) {
            std::cmp::Ordering::Equal if a.class == 1 => a.string < b.string,
            std::cmp::Ordering::Equal => (a.size, a.symbol) < (b.size, b.symbol),
            order => order.is_lt(),
        }
    });
    for (place, entry) in list.iter_mut().zip(entries) {
        *place = entry.symbol;
    }
    Ok(())
}

/// Tells the module data how much of the types' section is what.
fn measure_types(symbols: &mut Symbols, list: &[SymId], slots: TypeSlots) {
    let star = symbols.lookup(b"type:*").unwrap_or_default();
    let mut described = 8;
    let mut end = None;
    let mut itabs = 0;
    for &symbol in list.iter().filter(|&&symbol| symbol != star) {
        let flags = symbols.flags(symbol);
        let (align, size) = (u64::from(symbols.align(symbol)), symbols.size(symbol));
        if flags.itab() {
            end = Some(match end {
                None => (round(described, align), true),
                Some((end, false)) => (round(end, align), true),
                Some(done) => done,
            });
            itabs = round(itabs, align) + size;
        } else if flags.typelink() {
            described = round(described, align) + size;
        } else {
            let (at, _) = end.unwrap_or((described, false));
            end = Some((round(at, align) + size, false));
        }
    }
    let itabs_at = end.map_or(described, |(end, _)| end);
    let data = symbols.edit(slots.module_data).data.to_mut();
    for (at, value) in
        [(slots.described, described), (slots.itabs, itabs_at), (slots.itabs_size, itabs)]
    {
        if let Some(place) = data.get_mut(at..at + 8) {
            place.copy_from_slice(&value.to_le_bytes());
        }
    }
}

/// The alignment a symbol asks for, or else one by its size.
fn settle_align(symbols: &mut Symbols, symbol: SymId) -> u64 {
    let asked = u64::from(symbols.align(symbol));
    if asked != 0 {
        return asked;
    }
    let size = symbols.size(symbol);
    let mut align = MAX_ALIGN;
    while align > size && align > 1 {
        align >>= 1;
    }
    symbols.set_align(symbol, align as u32);
    align
}

/// The kind by which a symbol is laid out, if it is.
fn kind_of(symbols: &Symbols, symbol: SymId) -> Option<(SymKind, SymId)> {
    if !symbols.is_reachable(symbol) || symbols.has(symbol, attr::SPECIAL) {
        return None;
    }
    let kind = symbols.kind(symbol);
    if !kind.is_allocated_data() {
        return None;
    }
    let name = symbols.name(symbol);
    if name.is_empty() && kind != GoFunc {
        return None;
    }
    Some((group(symbols, symbol, kind, name), symbol))
}

/// Some read-only data is kept together by what it is.
fn group(symbols: &Symbols, symbol: SymId, kind: SymKind, name: &[u8]) -> SymKind {
    let version = symbols.version;
    if version.types_section && kind == NoPtrBss && name.starts_with(b"type:.gcmask.") {
        return GcMask;
    }
    if kind != RoData && kind != GoFunc {
        return kind;
    }
    if name.starts_with(b"go:string.") {
        return GoString;
    }
    if name.starts_with(b"runtime.gcbits.")
        || (!version.types_section && name.starts_with(b"type:.gcprog."))
    {
        return GcBits;
    }
    if name.ends_with("·f".as_bytes()) {
        return GoFunc;
    }
    if !version.funcdata_in_pclntab && (kind == GoFunc || is_function_data(name)) {
        return GoFunc;
    }
    if name.starts_with(b"type:") || (version.types_section && symbols.flags(symbol).itab()) {
        return Type;
    }
    kind
}

fn is_function_data(name: &[u8]) -> bool {
    const PREFIXES: [&str; 3] = ["gcargs.", "gclocals.", "gclocals·"];
    const SUFFIXES: [&str; 7] = [
        ".opendefer",
        ".arginfo0",
        ".arginfo1",
        ".argliveinfo",
        ".wrapinfo",
        ".args_stackmap",
        ".stkobj",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
        || SUFFIXES.iter().any(|suffix| name.ends_with(suffix.as_bytes()))
}

/// Gives the section markers their addresses.
fn define_places(
    symbols: &mut Symbols,
    layout: &Layout,
    [masks, counters, counters_end]: [u64; 3],
    text_count: usize,
) {
    let bounds = |name: SectionName| {
        layout
            .section(name)
            .map_or((0, 0), |section| (section.address, section.address + section.length))
    };
    let (rodata, rodata_end) = bounds(SectionName::RoData);
    let types =
        if symbols.version.types_section { SectionName::Types } else { SectionName::RoData };
    let (types, types_end) = bounds(types);
    let (pclntab, pclntab_end) = bounds(SectionName::PclnTab);
    let (noptr, noptr_end) = bounds(SectionName::NoPtrData);
    let (data, data_end) = bounds(SectionName::Data);
    let (bss, bss_end) = bounds(SectionName::Bss);
    let (noptrbss, noptrbss_end) = bounds(SectionName::NoPtrBss);
    let after = |name: &[u8]| {
        symbols.lookup(name).map_or(0, |symbol| symbols.value(symbol) + symbols.size(symbol))
    };
    let (gc_data, gc_bss) = (after(b"runtime.gcdata"), after(b"runtime.gcbss"));
    // Function indexes and data addresses do not meet: text starts at 0 of its own space.
    let text_end = text_count as u64 * text::FUNCTION_SPACE;
    let mut places = vec![
        ("runtime.text", Text, 0),
        ("runtime.etext", TextEnd, text_end),
        ("runtime.rodata", RoData, rodata),
        ("runtime.erodata", RoData, rodata_end),
        ("runtime.types", RoData, types),
        ("runtime.etypes", RoData, types_end),
        ("runtime.pclntab", RoData, pclntab),
        ("runtime.epclntab", RoData, pclntab_end),
        ("runtime.noptrdata", NoPtrData, noptr),
        ("runtime.enoptrdata", NoPtrDataEnd, noptr_end),
        ("runtime.data", Data, data),
        ("runtime.edata", DataEnd, data_end),
        ("runtime.bss", Bss, bss),
        ("runtime.ebss", Bss, bss_end),
        ("runtime.noptrbss", NoPtrBss, noptrbss),
        ("runtime.enoptrbss", NoPtrBss, noptrbss_end),
        ("runtime.covctrs", NoPtrBss, noptrbss + counters),
        ("runtime.ecovctrs", NoPtrBss, noptrbss + counters_end),
        ("runtime.egcdata", RoData, gc_data),
        ("runtime.egcbss", RoData, gc_bss),
        ("runtime.end", Bss, layout.end),
    ];
    if symbols.version.types_section {
        places.push(("runtime.gcmask.*", GcMask, noptrbss + masks));
    }
    let fuzz = layout.section(SectionName::FuzzCounters);
    if let Some(section) = fuzz {
        let (start, end) = (section.address, section.address + section.length);
        places.extend([
            ("runtime.__start___sancov_cntrs", FuzzCounter, start),
            ("runtime.__stop___sancov_cntrs", FuzzCounter, end),
            ("internal/fuzz._counters", FuzzCounter, start),
            ("internal/fuzz._ecounters", FuzzCounter, end),
        ]);
    }
    for (name, kind, address) in places {
        mark_place(symbols, name.as_bytes(), kind, address);
    }
}
