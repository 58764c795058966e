//! The global symbol table: every symbol of every object under one dense number.

use std::sync::atomic::{AtomicU8, Ordering};

use gowasm_goobj::{
    AuxKind, FuncInfo, Object, PackageRef, Relocs as ObjectRelocs, SymFlags, SymRef,
};

use crate::error::Error;
use crate::kind::SymKind;
use crate::names::NameTable;
use crate::version::Version;

/// A symbol's global number. The order of numbers is part of the output: sorts break ties by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SymId(pub u32);

impl SymId {
    /// No symbol.
    pub const NIL: SymId = SymId(0);

    pub fn is_nil(self) -> bool {
        self.0 == 0
    }

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An object file's number, in load order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjId(pub u32);

impl ObjId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A package's number, in load order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibId(pub u32);

impl LibId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A package that takes part in the link.
#[derive(Debug)]
pub struct Library<'a> {
    /// The import path as written; object files write it escaped.
    pub package: String,
    pub file: &'a std::path::Path,
    pub imports: Vec<LibId>,
    pub objects: Vec<ObjId>,
}

/// An object file and how its symbol numbers become global ones.
#[derive(Debug)]
pub struct LoadedObject<'a> {
    pub file: Object<'a>,
    pub library: LibId,
    /// The global number of the first package definition; the others follow.
    pub(crate) first_def: u32,
    /// The first number that was reserved for a definition after those of the package.
    pub(crate) first_other: u32,
    /// Global numbers of the symbols after the package definitions.
    pub(crate) others: Vec<SymId>,
    /// For each number of the object's package table, the definitions of that package.
    pub(crate) packages: Vec<PackageDefs>,
}

/// The global numbers of a package's own definitions.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PackageDefs {
    first: u32,
    count: u32,
}

impl PackageDefs {
    #[inline]
    fn get(self, index: u32) -> Option<SymId> {
        (index < self.count).then(|| SymId(self.first + index))
    }
}

impl LoadedObject<'_> {
    pub(crate) fn package_defs(&self) -> PackageDefs {
        PackageDefs { first: self.first_def, count: self.file.package_def_count() }
    }

    /// The global number of a definition.
    pub(crate) fn definition(&self, at: u32) -> SymId {
        match at.checked_sub(self.file.package_def_count()) {
            None => SymId(self.first_def + at),
            Some(other) => self.others[other as usize],
        }
    }
}

/// A relocation with its target as a global symbol.
#[derive(Debug, Clone, Copy)]
pub struct Reloc {
    pub offset: i32,
    pub size: u8,
    /// As the object file has it, with the weak bit.
    pub kind: u16,
    pub add: i64,
    pub target: SymId,
}

/// The bit of a relocation kind that says it does not keep its target alive.
pub const WEAK: u16 = 1 << 15;

impl Reloc {
    pub fn is_weak(self) -> bool {
        self.kind & WEAK != 0
    }

    /// The kind without the weak bit.
    pub fn base_kind(self) -> u16 {
        self.kind & !WEAK
    }
}

/// The content of a symbol that the linker made or changed.
#[derive(Debug, Default)]
pub struct Payload<'a> {
    pub name: Vec<u8>,
    pub version: u32,
    pub size: u64,
    pub data: std::borrow::Cow<'a, [u8]>,
    pub relocs: Vec<Reloc>,
    /// Where a changed symbol comes from.
    pub origin: Option<(ObjId, u32)>,
}

/// Where a symbol's definition is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Object(ObjId, u32),
    /// An index into [`Symbols::payloads`].
    Made(u32),
}

/// Attribute bits of a symbol.
pub mod attr {
    pub const REACHABLE: u8 = 1;
    pub const USED_IN_IFACE: u8 = 1 << 1;
    pub const LOCAL: u8 = 1 << 2;
    /// Defined by layout, with no bytes of its own.
    pub const SPECIAL: u8 = 1 << 3;
}

const MADE: u32 = u32::MAX;

/// What is asked of a symbol so often that going to its object each time would be slow.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    pub(crate) kind: SymKind,
    pub(crate) flags: SymFlags,
}

#[derive(Debug)]
pub struct Symbols<'a> {
    pub version: &'static Version,
    /// How much a map's descriptor is larger than the part common to all types.
    pub(crate) map_type_extra: usize,
    pub objects: Vec<LoadedObject<'a>>,
    pub libraries: Vec<Library<'a>>,
    pub payloads: Vec<Payload<'a>>,
    /// For each symbol, the object (or [`MADE`]) and the number in it.
    pub(crate) places: Vec<(u32, u32)>,
    pub(crate) known: Vec<Known>,
    pub(crate) attrs: Vec<AtomicU8>,
    /// log2 of the alignment plus one, or 0 where the object says nothing.
    pub(crate) aligns: Vec<u8>,
    pub values: Vec<u64>,
    pub(crate) names: NameTable,
    pub(crate) builtins: Vec<SymId>,
    pub wasm_exports: Vec<SymId>,
}

impl<'a> Symbols<'a> {
    /// How many symbols there are, the nil symbol included.
    pub fn count(&self) -> usize {
        self.places.len()
    }

    pub fn place(&self, symbol: SymId) -> Place {
        match self.places[symbol.index()] {
            (MADE, at) => Place::Made(at),
            (object, at) => Place::Object(ObjId(object), at),
        }
    }

    pub fn object(&self, id: ObjId) -> &LoadedObject<'a> {
        &self.objects[id.index()]
    }

    /// The object that defines `symbol`, or from which the linker took it to change it.
    pub fn object_of(&self, symbol: SymId) -> Option<ObjId> {
        match self.place(symbol) {
            Place::Object(object, _) => Some(object),
            Place::Made(at) => self.payloads[at as usize].origin.map(|(object, _)| object),
        }
    }

    /// The package that defines `symbol`.
    pub fn library_of(&self, symbol: SymId) -> Option<LibId> {
        self.object_of(symbol).map(|object| self.object(object).library)
    }

    pub fn name(&self, symbol: SymId) -> &[u8] {
        match self.place(symbol) {
            Place::Object(object, at) => self.object(object).file.name(at),
            Place::Made(at) => &self.payloads[at as usize].name,
        }
    }

    pub fn kind(&self, symbol: SymId) -> SymKind {
        self.known[symbol.index()].kind
    }

    pub(crate) fn set_kind(&mut self, symbol: SymId, kind: SymKind) {
        self.known[symbol.index()].kind = kind;
    }

    pub fn size(&self, symbol: SymId) -> u64 {
        match self.place(symbol) {
            Place::Object(object, at) => self.object(object).file.symbol(at).size().into(),
            Place::Made(at) => self.payloads[at as usize].size,
        }
    }

    pub fn data(&self, symbol: SymId) -> &[u8] {
        match self.place(symbol) {
            Place::Object(object, at) => self.object(object).file.data(at),
            Place::Made(at) => &self.payloads[at as usize].data,
        }
    }

    /// The flags of the definition; those of a symbol that the linker made from nothing are all off.
    pub fn flags(&self, symbol: SymId) -> SymFlags {
        self.known[symbol.index()].flags
    }

    /// Where the object-file definition of `symbol` is, whether the linker changed it or not.
    pub fn origin(&self, symbol: SymId) -> Option<(ObjId, u32)> {
        match self.place(symbol) {
            Place::Object(object, at) => Some((object, at)),
            Place::Made(at) => self.payloads[at as usize].origin,
        }
    }

    /// The symbol's relocations. Those of reachable symbols have been resolved once while the
    /// reachable symbols were found, so that a malformed target does not come up here.
    pub fn relocs(&self, symbol: SymId) -> Relocs<'_, 'a> {
        match self.place(symbol) {
            Place::Object(object, at) => {
                let object = self.object(object);
                Relocs::Object { symbols: self, object, left: object.file.relocs(at) }
            }
            Place::Made(at) => Relocs::Made(self.payloads[at as usize].relocs.iter()),
        }
    }

    /// The symbol's relocations in a buffer, or an error when one of them leads nowhere.
    pub(crate) fn relocs_into(&self, symbol: SymId, buffer: &mut Vec<Reloc>) -> Result<(), Error> {
        buffer.clear();
        match self.place(symbol) {
            Place::Object(object, at) => {
                for reloc in self.object(object).file.relocs(at) {
                    buffer.push(Reloc {
                        offset: reloc.offset(),
                        size: reloc.size(),
                        kind: reloc.kind(),
                        add: reloc.add(),
                        target: self.resolve(object, reloc.target())?,
                    });
                }
            }
            Place::Made(at) => buffer.extend_from_slice(&self.payloads[at as usize].relocs),
        }
        Ok(())
    }

    /// What the relocation at an offset leads to, or nil.
    pub(crate) fn target_at(&self, symbol: SymId, offset: usize) -> SymId {
        let target = match self.place(symbol) {
            Place::Object(object, at) => {
                let object = self.object(object);
                let mut relocs = object.file.relocs(at);
                relocs
                    .find(|reloc| reloc.offset() as usize == offset)
                    .and_then(|reloc| self.try_resolve(object, reloc.target()))
            }
            Place::Made(at) => {
                let mut relocs = self.payloads[at as usize].relocs.iter();
                relocs.find(|reloc| reloc.offset as usize == offset).map(|reloc| reloc.target)
            }
        };
        target.unwrap_or_default()
    }

    /// The auxiliary symbols, with the number of their kind.
    pub fn auxs(&self, symbol: SymId) -> impl Iterator<Item = (u8, SymId)> + '_ {
        self.origin(symbol).into_iter().flat_map(move |(object, at)| {
            self.object(object).file.auxs(at).map(move |aux| {
                (aux.kind(), self.resolve(object, aux.symbol()).unwrap_or_default())
            })
        })
    }

    /// The first auxiliary symbol of a kind.
    pub fn aux(&self, symbol: SymId, kind: AuxKind) -> Option<SymId> {
        let (object, at) = self.origin(symbol)?;
        let aux = self.object(object).file.auxs(at).find(|aux| aux.is(kind))?;
        self.resolve(object, aux.symbol()).ok().filter(|symbol| !symbol.is_nil())
    }

    /// What the compiler says about a function; `None` for functions it says nothing about.
    pub fn func_info(&self, symbol: SymId) -> Result<Option<FuncInfo<'_>>, Error> {
        let Some(info) = self.aux(symbol, AuxKind::FuncInfo) else { return Ok(None) };
        FuncInfo::parse(self.data(info)).map(Some).map_err(|malformed| {
            let name = String::from_utf8_lossy(self.name(symbol)).into_owned();
            self.malformed(self.object_of(symbol), format!("{name}: {malformed}"))
        })
    }

    /// The global symbol that an object's reference stands for.
    pub fn resolve(&self, object: ObjId, reference: SymRef) -> Result<SymId, Error> {
        self.try_resolve(self.object(object), reference).ok_or_else(|| {
            self.malformed(
                Some(object),
                format!(
                    "a reference to symbol {} of package number {} leads nowhere",
                    reference.index, reference.package
                ),
            )
        })
    }

    #[inline]
    fn try_resolve(&self, from: &LoadedObject<'a>, reference: SymRef) -> Option<SymId> {
        let index = reference.index;
        let other = |first: u32, count: u32| {
            if index < count { from.others.get((first + index) as usize).copied() } else { None }
        };
        let (hashed64, hashed) = (from.file.hashed64_count(), from.file.hashed_count());
        match reference.kind() {
            PackageRef::Own => from.package_defs().get(index),
            PackageRef::Other(package) => from.packages.get(package as usize)?.get(index),
            PackageRef::NonPackage => {
                from.others.get((hashed64 + hashed) as usize..)?.get(index as usize).copied()
            }
            PackageRef::Hashed64 => other(0, hashed64),
            PackageRef::Hashed => other(hashed64, hashed),
            PackageRef::Builtin => {
                self.builtins.get(index as usize).copied().filter(|symbol| !symbol.is_nil())
            }
            PackageRef::Invalid => (index == 0).then_some(SymId::NIL),
        }
    }

    /// An error about an object's content, naming its archive.
    pub fn malformed(&self, object: Option<ObjId>, what: impl std::fmt::Display) -> Error {
        match object {
            Some(object) => {
                let library = &self.libraries[self.object(object).library.index()];
                Error::file(library.file, what)
            }
            None => Error::message(what.to_string()),
        }
    }

    pub fn has(&self, symbol: SymId, attribute: u8) -> bool {
        self.attrs[symbol.index()].load(Ordering::Relaxed) & attribute != 0
    }

    pub fn set(&mut self, symbol: SymId, attribute: u8) {
        *self.attrs[symbol.index()].get_mut() |= attribute;
    }

    /// Sets an attribute while others do so too; returns the attributes from before.
    pub(crate) fn set_shared(&self, symbol: SymId, attribute: u8) -> u8 {
        self.attrs[symbol.index()].fetch_or(attribute, Ordering::Relaxed)
    }

    pub fn is_reachable(&self, symbol: SymId) -> bool {
        self.has(symbol, attr::REACHABLE)
    }

    pub fn value(&self, symbol: SymId) -> u64 {
        self.values[symbol.index()]
    }

    /// The alignment the object asks for, or 0.
    pub fn align(&self, symbol: SymId) -> u32 {
        match self.aligns[symbol.index()] {
            0 => 0,
            log => 1 << (log - 1),
        }
    }

    pub fn set_align(&mut self, symbol: SymId, align: u32) {
        self.aligns[symbol.index()] = align.trailing_zeros() as u8 + 1;
    }

    /// The symbol of a name that all objects see, in ABI 0.
    pub fn lookup(&self, name: &[u8]) -> Option<SymId> {
        self.lookup_version(name, 0)
    }

    pub fn lookup_version(&self, name: &[u8], version: u32) -> Option<SymId> {
        self.names.find(name, version, |symbol| self.name(symbol))
    }

    /// The symbol of that name, made empty when there is none.
    pub fn lookup_or_make(&mut self, name: &[u8]) -> SymId {
        self.lookup_or_make_version(name, 0)
    }

    pub(crate) fn lookup_or_make_version(&mut self, name: &[u8], version: u32) -> SymId {
        if let Some(symbol) = self.lookup_version(name, version) {
            return symbol;
        }
        let symbol = self.make_unnamed(name, version);
        self.names.insert(name, version, symbol);
        symbol
    }

    /// A new symbol that no lookup finds.
    pub fn make_unnamed(&mut self, name: &[u8], version: u32) -> SymId {
        let symbol = SymId(self.places.len() as u32);
        self.places.push((MADE, self.payloads.len() as u32));
        self.known.push(Known::default());
        self.payloads.push(Payload { name: name.to_vec(), version, ..Payload::default() });
        self.attrs.push(AtomicU8::new(0));
        self.aligns.push(0);
        if !self.values.is_empty() {
            self.values.push(0);
        }
        symbol
    }

    /// The content of a symbol to be changed: what an object defined is copied out of it first.
    pub fn edit(&mut self, symbol: SymId) -> &mut Payload<'a> {
        if let Place::Object(object, at) = self.place(symbol) {
            let file = self.object(object).file;
            let def = file.symbol(at);
            let payload = Payload {
                name: file.name(at).to_vec(),
                version: u32::from(def.abi()),
                size: def.size().into(),
                data: std::borrow::Cow::Borrowed(file.data(at)),
                relocs: self.relocs(symbol).collect(),
                origin: Some((object, at)),
            };
            self.places[symbol.index()] = (MADE, self.payloads.len() as u32);
            self.payloads.push(payload);
        }
        let Place::Made(at) = self.place(symbol) else { unreachable!("it was made above") };
        &mut self.payloads[at as usize]
    }

    /// A linker-made symbol that is part of the module, found or made by name.
    pub fn define(&mut self, name: &[u8], kind: SymKind) -> SymId {
        let symbol = self.lookup_or_make(name);
        self.set(symbol, attr::REACHABLE);
        self.edit(symbol);
        self.set_kind(symbol, kind);
        symbol
    }
}

/// The kind of the relocation by which data holds an address; the same number in every version.
pub const R_ADDR: u16 = 1;
/// The kind of the relocation of a call; the same number in every version.
pub const R_CALL: u16 = 7;
/// An offset from the start of the types (or read-only data).
pub const R_ADDROFF: u16 = 5;

impl Payload<'_> {
    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        self.data.to_mut().extend_from_slice(bytes);
        self.size = self.size.max(self.data.len() as u64);
    }

    pub fn push_u64(&mut self, value: u64) {
        self.push(&value.to_le_bytes());
    }

    /// Sets the size, cutting the content or filling it with zeros.
    pub fn resize(&mut self, size: u64) {
        self.size = size;
        self.data.to_mut().resize(size as usize, 0);
    }

    /// Appends the address of `target` plus `add`.
    pub fn push_address(&mut self, target: SymId, add: i64) {
        let offset = self.data.len() as i32;
        self.push_u64(0);
        self.relocs.push(Reloc { offset, size: 8, kind: R_ADDR, add, target });
    }

    /// Drops content and relocations.
    pub fn clear(&mut self) {
        self.data = std::borrow::Cow::Owned(Vec::new());
        self.relocs.clear();
        self.size = 0;
    }
}

/// See [`Symbols::relocs`].
#[derive(Clone)]
pub enum Relocs<'s, 'a> {
    Object { symbols: &'s Symbols<'a>, object: &'s LoadedObject<'a>, left: ObjectRelocs<'a> },
    Made(std::slice::Iter<'s, Reloc>),
}

impl Iterator for Relocs<'_, '_> {
    type Item = Reloc;

    #[inline]
    fn next(&mut self) -> Option<Reloc> {
        match self {
            Relocs::Object { symbols, object, left } => {
                let reloc = left.next()?;
                Some(Reloc {
                    offset: reloc.offset(),
                    size: reloc.size(),
                    kind: reloc.kind(),
                    add: reloc.add(),
                    target: symbols.try_resolve(object, reloc.target()).unwrap_or_default(),
                })
            }
            Relocs::Made(relocs) => relocs.next().copied(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match self {
            Relocs::Object { left, .. } => left.size_hint(),
            Relocs::Made(relocs) => relocs.size_hint(),
        }
    }
}

impl ExactSizeIterator for Relocs<'_, '_> {}
