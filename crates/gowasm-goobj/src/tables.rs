//! The fixed-size records of an object file's tables, as views of their bytes.

/// A symbol as an object file refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SymRef {
    pub package: u32,
    pub index: u32,
}

/// What the package number of a [`SymRef`] means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackageRef {
    /// No symbol at all (package and index 0), or malformed (index not 0).
    Invalid,
    /// A symbol without a package: definitions first, then references.
    NonPackage,
    Hashed64,
    Hashed,
    /// A function of the runtime that the compiler calls, by its place in the toolchain's list.
    Builtin,
    /// The object itself.
    Own,
    /// A package of the object's package table.
    Other(u32),
}

impl SymRef {
    const NONE: u32 = i32::MAX as u32;

    pub fn is_nil(self) -> bool {
        self.package == 0 && self.index == 0
    }

    pub fn kind(self) -> PackageRef {
        match self.package {
            0 => PackageRef::Invalid,
            Self::NONE => PackageRef::NonPackage,
            package if package == Self::NONE - 1 => PackageRef::Hashed64,
            package if package == Self::NONE - 2 => PackageRef::Hashed,
            package if package == Self::NONE - 3 => PackageRef::Builtin,
            package if package == Self::NONE - 4 => PackageRef::Own,
            package => PackageRef::Other(package),
        }
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn sym_ref_at(bytes: &[u8], at: usize) -> SymRef {
    SymRef { package: u32_at(bytes, at), index: u32_at(bytes, at + 4) }
}

/// A symbol's definition, or the name a reference gives it.
#[derive(Clone, Copy)]
pub struct SymbolDef<'a>(pub(crate) &'a [u8; SymbolDef::SIZE]);

impl SymbolDef<'_> {
    pub(crate) const SIZE: usize = 21;
    /// The ABI of a symbol that only its own object sees.
    pub const STATIC: u16 = u16::MAX;

    pub(crate) fn name_len(self) -> usize {
        u32_at(self.0, 0) as usize
    }

    pub(crate) fn name_offset(self) -> usize {
        u32_at(self.0, 4) as usize
    }

    pub fn abi(self) -> u16 {
        u16_at(self.0, 8)
    }

    /// The symbol kind's number as the compiler writes it.
    pub fn kind(self) -> u8 {
        self.0[10]
    }

    pub fn flags(self) -> SymFlags {
        SymFlags { first: self.0[11], second: self.0[12] }
    }

    pub fn size(self) -> u32 {
        u32_at(self.0, 13)
    }

    pub fn align(self) -> u32 {
        u32_at(self.0, 17)
    }
}

/// A symbol's flag bytes. What the upper bits of the second one mean depends on the Go version, so
/// only the common bits have names here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SymFlags {
    pub first: u8,
    pub second: u8,
}

impl SymFlags {
    pub fn dupok(self) -> bool {
        self.first & 1 != 0
    }
    pub fn local(self) -> bool {
        self.first & 1 << 1 != 0
    }
    pub fn typelink(self) -> bool {
        self.first & 1 << 2 != 0
    }
    pub fn leaf(self) -> bool {
        self.first & 1 << 3 != 0
    }
    pub fn no_split(self) -> bool {
        self.first & 1 << 4 != 0
    }
    pub fn reflect_method(self) -> bool {
        self.first & 1 << 5 != 0
    }
    pub fn go_type(self) -> bool {
        self.first & 1 << 6 != 0
    }
    pub fn used_in_iface(self) -> bool {
        self.second & 1 != 0
    }
    pub fn itab(self) -> bool {
        self.second & 1 << 1 != 0
    }
    pub fn dict(self) -> bool {
        self.second & 1 << 2 != 0
    }
    pub fn package_init(self) -> bool {
        self.second & 1 << 3 != 0
    }
    pub fn linkname(self) -> bool {
        self.second & 1 << 4 != 0
    }
}

/// A relocation.
#[derive(Clone, Copy)]
pub struct Reloc<'a>(pub(crate) &'a [u8; Reloc::SIZE]);

impl Reloc<'_> {
    pub(crate) const SIZE: usize = 23;

    pub fn offset(self) -> i32 {
        u32_at(self.0, 0) as i32
    }
    pub fn size(self) -> u8 {
        self.0[4]
    }
    pub fn kind(self) -> u16 {
        u16_at(self.0, 5)
    }
    pub fn add(self) -> i64 {
        i64::from(u32_at(self.0, 7)) | i64::from(u32_at(self.0, 11) as i32) << 32
    }
    pub fn target(self) -> SymRef {
        sym_ref_at(self.0, 15)
    }
}

/// What an auxiliary symbol is to its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum AuxKind {
    GoType = 0,
    FuncInfo = 1,
    FuncData = 2,
    DwarfInfo = 3,
    DwarfLoc = 4,
    DwarfRanges = 5,
    DwarfLines = 6,
    PcSp = 7,
    PcFile = 8,
    PcLine = 9,
    PcInline = 10,
    PcData = 11,
    WasmImport = 12,
    WasmType = 13,
}

/// A symbol that belongs to another one.
#[derive(Clone, Copy)]
pub struct Aux<'a>(pub(crate) &'a [u8; Aux::SIZE]);

impl Aux<'_> {
    pub(crate) const SIZE: usize = 9;

    pub fn is(self, kind: AuxKind) -> bool {
        self.0[0] == kind as u8
    }
    pub fn kind(self) -> u8 {
        self.0[0]
    }
    pub fn symbol(self) -> SymRef {
        sym_ref_at(self.0, 1)
    }
}

/// Flags that an object adds to a symbol it refers to.
#[derive(Clone, Copy)]
pub struct RefFlag<'a>(pub(crate) &'a [u8; RefFlag::SIZE]);

impl RefFlag<'_> {
    pub(crate) const SIZE: usize = 10;

    pub fn symbol(self) -> SymRef {
        sym_ref_at(self.0, 0)
    }
    pub fn flags(self) -> SymFlags {
        SymFlags { first: self.0[8], second: self.0[9] }
    }
}
