//! The section markers, and the module data: the runtime's view of the module.

use crate::error::Error;
use crate::kind::SymKind;
use crate::made::PclnSymbols;
use crate::options::BuildMode;
use crate::pclntab::Table;
use crate::symbols::{SymId, Symbols, attr};
use crate::types::Type;

/// Where in the module data the layout fills in what it finds out about the types' section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TypeSlots {
    pub(crate) module_data: SymId,
    pub(crate) described: usize,
    pub(crate) itabs: usize,
    pub(crate) itabs_size: usize,
}

/// Symbols that stand for a place and have no content.
const MARKERS: &[(&str, SymKind)] = &[
    ("runtime.rodata", SymKind::RoData),
    ("runtime.erodata", SymKind::RoDataEnd),
    ("runtime.types", SymKind::RoData),
    ("runtime.etypes", SymKind::RoData),
    ("runtime.noptrdata", SymKind::NoPtrData),
    ("runtime.enoptrdata", SymKind::NoPtrDataEnd),
    ("runtime.data", SymKind::Data),
    ("runtime.edata", SymKind::DataEnd),
    ("runtime.bss", SymKind::Bss),
    ("runtime.ebss", SymKind::Bss),
    ("runtime.noptrbss", SymKind::NoPtrBss),
    ("runtime.enoptrbss", SymKind::NoPtrBss),
    ("runtime.covctrs", SymKind::NoPtrBss),
    ("runtime.ecovctrs", SymKind::NoPtrBss),
    ("runtime.end", SymKind::Bss),
    ("runtime.epclntab", SymKind::RoData),
];

/// Defines a symbol that only has an address.
pub(crate) fn mark_place(symbols: &mut Symbols, name: &[u8], kind: SymKind, address: u64) -> SymId {
    let symbol = symbols.define(name, kind);
    symbols.set(symbol, attr::SPECIAL | attr::LOCAL);
    symbols.values[symbol.index()] = address;
    symbol
}

/// Makes the symbols by which code and the module data refer to sections and groups.
pub(crate) fn define_markers(symbols: &mut Symbols) {
    for (name, kind) in MARKERS {
        mark_place(symbols, name.as_bytes(), *kind, 0);
    }
    if symbols.version.types_section {
        mark_place(symbols, b"runtime.gcmask.*", SymKind::NoPtrBss, 0);
    } else if !symbols.version.moduledata_section {
        mark_place(symbols, b"runtime.esymtab", SymKind::RoData, 0);
    }
    for (program, end) in
        [("runtime.gcdata", "runtime.egcdata"), ("runtime.gcbss", "runtime.egcbss")]
    {
        symbols.define(program.as_bytes(), SymKind::RoData);
        mark_place(symbols, end.as_bytes(), SymKind::RoData, 0);
    }
    let functions: &[u8] =
        if symbols.version.funcdata_in_pclntab { b"go:funcdesc" } else { b"go:func.*" };
    let groups: [(&[u8], SymKind); 4] = [
        (b"type:*", SymKind::Type),
        (b"go:string.*", SymKind::GoString),
        (functions, SymKind::GoFunc),
        (b"runtime.gcbits.*", SymKind::GcBits),
    ];
    for (name, kind) in groups {
        let group = symbols.define(name, kind);
        symbols.set_align(group, 8);
        symbols.set(group, attr::LOCAL);
    }
    if symbols.version.types_section {
        let group = symbols.define(b"runtime.gcmask.*", SymKind::GcMask);
        symbols.set_align(group, 8);
    }
}

/// Fills the module data.
pub(crate) fn fill(
    symbols: &mut Symbols,
    module_data: SymId,
    tables: &PclnSymbols,
    text: &[SymId],
    main_tasks: Option<SymId>,
    mode: BuildMode,
) -> Result<TypeSlots, Error> {
    let (Some(&first), Some(&last)) = (text.first(), text.last()) else {
        return Err(Error::message("the program has no functions"));
    };
    // One text section: its number, address and end are filled in here and now.
    let sections = symbols.define(b"runtime.textsectionmap", SymKind::RoData);
    let text_length = crate::text::section_length(text.len());
    let text_start = symbols.lookup_or_make(b"runtime.text");
    let payload = symbols.edit(sections);
    payload.push_u64(0);
    payload.push_u64(text_length);
    payload.push_address(text_start, 0);

    let place = |symbols: &mut Symbols, name: &str| symbols.lookup_or_make(name.as_bytes());
    let mut data = Builder { symbols, module_data };
    let size = |data: &Builder, table| data.symbols.size(tables.symbol(table));
    data.address(tables.symbol(Table::PcHeader));
    data.slice(tables.symbol(Table::FuncNames), size(&data, Table::FuncNames));
    let cu_unit = if data.symbols.version.moduledata_section { 4 } else { 1 };
    data.slice(tables.symbol(Table::Cu), size(&data, Table::Cu) / cu_unit);
    data.slice(tables.symbol(Table::Files), size(&data, Table::Files));
    data.slice(tables.symbol(Table::Pc), size(&data, Table::Pc));
    data.slice(tables.symbol(Table::Functions), size(&data, Table::Functions));
    data.slice(tables.symbol(Table::Functions), text.len() as u64 + 1);
    data.address(tables.symbol(Table::FindFunc));
    data.address(first);
    let last_size = data.symbols.size(last) as i64;
    data.address_plus(last, last_size);
    for name in [
        "runtime.text",
        "runtime.etext",
        "runtime.noptrdata",
        "runtime.enoptrdata",
        "runtime.data",
        "runtime.edata",
        "runtime.bss",
        "runtime.ebss",
        "runtime.noptrbss",
        "runtime.enoptrbss",
        "runtime.covctrs",
        "runtime.ecovctrs",
        "runtime.end",
        "runtime.gcdata",
        "runtime.gcbss",
        "runtime.types",
    ] {
        let symbol = place(data.symbols, name);
        data.address(symbol);
    }
    let in_types = data.symbols.version.types_section;
    let described = data.skip(in_types);
    let end = place(data.symbols, "runtime.etypes");
    data.address(end);
    let itabs = data.skip(in_types);
    let itabs_size = data.skip(in_types);
    for name in ["runtime.rodata", "go:func.*"] {
        let symbol = place(data.symbols, name);
        data.address(symbol);
    }
    if data.symbols.version.moduledata_section {
        let symbol = place(data.symbols, "runtime.epclntab");
        data.address(symbol);
    }
    data.slice(sections, 1);
    if !in_types {
        for (name, unit) in [("runtime.typelink", 4), ("runtime.itablink", 8)] {
            let symbol = place(data.symbols, name);
            let count = data.symbols.size(symbol) / unit;
            data.slice(symbol, count);
        }
    }
    // Plugin table; plugin path and hashes.
    data.words(&[0; 3 + 2 + 3]);
    match main_tasks {
        Some(tasks) => {
            let count = data.symbols.size(tasks) / 8;
            data.slice(tasks, count);
        }
        None => data.words(&[0; 3]),
    }
    // Module name and hashes, of shared modules only.
    data.words(&[0; 2 + 3]);
    let has_main = mode == BuildMode::Exe;
    data.symbols.edit(module_data).push(&[u8::from(has_main)]);

    let descriptor = symbols
        .lookup(b"type:runtime.moduledata")
        .ok_or_else(|| Error::message("package runtime does not describe moduledata"))?;
    let size = Type::new(symbols, descriptor)?.size()?;
    let written = symbols.edit(module_data).data.len() as u64;
    if size < written || size > 1 << 16 {
        return Err(Error::message(format!(
            "the runtime's module data has {size} bytes where {written} are written"
        )));
    }
    symbols.edit(module_data).resize(size);

    let last_module = symbols.define(b"runtime.lastmoduledatap", SymKind::NoPtrData);
    let payload = symbols.edit(last_module);
    payload.clear();
    payload.push_address(module_data, 0);
    Ok(TypeSlots { module_data, described, itabs, itabs_size })
}

struct Builder<'b, 'a> {
    symbols: &'b mut Symbols<'a>,
    module_data: SymId,
}

impl Builder<'_, '_> {
    fn address(&mut self, symbol: SymId) {
        self.address_plus(symbol, 0);
    }

    fn address_plus(&mut self, symbol: SymId, add: i64) {
        self.symbols.edit(self.module_data).push_address(symbol, add);
    }

    fn words(&mut self, words: &[u64]) {
        let payload = self.symbols.edit(self.module_data);
        words.iter().for_each(|&word| payload.push_u64(word));
    }

    /// Address, length and capacity.
    fn slice(&mut self, symbol: SymId, length: u64) {
        self.address(symbol);
        self.words(&[length, length]);
    }

    /// The offset of a word to fill in later, if there is to be one.
    fn skip(&mut self, wanted: bool) -> usize {
        let at = self.symbols.edit(self.module_data).data.len();
        if wanted {
            self.words(&[0]);
        }
        at
    }
}
