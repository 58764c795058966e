//! What kinds of symbols there are, as far as a wasm link tells them apart.

use crate::version::Version;

/// Declared in the order Go's linker uses where order shows: text kinds before each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum SymKind {
    /// Referred to and never defined, or of no kind.
    #[default]
    Undefined,
    Text,
    TextFips,
    TextEnd,
    Type,
    GoString,
    GoFunc,
    GcBits,
    RoData,
    RoDataFips,
    RoDataEnd,
    FuncTab,
    GcMask,
    PclnTab,
    TypeLink,
    ItabLink,
    BuildInfo,
    ModuleData,
    NoPtrData,
    NoPtrDataFips,
    NoPtrDataEnd,
    Data,
    DataFips,
    DataEnd,
    Bss,
    NoPtrBss,
    FuzzCounter,
    CoverageCounter,
    CoverageAux,
    TlsBss,
    Dwarf,
    /// Windows unwind data, which no wasm object has.
    Unwind,
}

/// The number of SDWARFADDR.
const DWARF_ADDR: usize = 21;

impl SymKind {
    pub const COUNT: usize = SymKind::Unwind as usize + 1;

    /// The kind that an object file's number stands for (cmd/internal/objabi/symkind.go), as Go 1.25 and later count.
    pub fn from_object(number: u8, version: &Version) -> Option<SymKind> {
        use SymKind::*;
        let number = usize::from(number);
        // The kind of DWARF's addresses came in before those that follow it.
        let later = !version.dwarf_addr_kind && number >= DWARF_ADDR;
        const KINDS: [SymKind; 26] = [
            Undefined,
            Text,
            TextFips,
            RoData,
            RoDataFips,
            NoPtrData,
            NoPtrDataFips,
            Data,
            DataFips,
            Bss,
            NoPtrBss,
            TlsBss,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            Dwarf,
            FuzzCounter,
            CoverageCounter,
            CoverageAux,
            Unwind,
        ];
        KINDS.get(number + usize::from(later)).copied()
    }

    pub fn is_text(self) -> bool {
        matches!(self, SymKind::Text | SymKind::TextFips | SymKind::TextEnd)
    }

    /// Writable data, initialised or not, that a definition with content may replace.
    pub fn is_data(self) -> bool {
        SymKind::NoPtrData <= self && self <= SymKind::NoPtrBss
    }

    /// Has a place in the data sections.
    pub fn is_allocated_data(self) -> bool {
        SymKind::Type <= self && self <= SymKind::TlsBss
    }
}
