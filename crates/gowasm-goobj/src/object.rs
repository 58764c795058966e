use crate::Malformed;
use crate::tables::{Aux, RefFlag, Reloc, SymRef, SymbolDef, u32_at};

/// The first bytes of every object file since Go 1.20.
pub const MAGIC: &[u8; 8] = b"\0go120ld";

/// A hash of a package's exported interface.
pub type Fingerprint = [u8; 8];

const HEADER: usize = 8 + 8 + 4 + BLOCKS * 4;
const BLOCKS: usize = 19;
const STRING_REF: usize = 8;
const AUTOLIB: usize = STRING_REF + 8;
const REF_NAME: usize = 8 + STRING_REF;

/// The tables, in file order. The last one is the end of the tables.
#[derive(Clone, Copy)]
enum Block {
    Autolib,
    PackageIndex,
    Files,
    SymbolDefs,
    Hashed64Defs,
    HashedDefs,
    NonPackageDefs,
    NonPackageRefs,
    RefFlags,
    Hash64,
    Hash,
    RelocIndex,
    AuxIndex,
    DataIndex,
    Relocs,
    Aux,
    Data,
    RefNames,
}

/// A package that an object imports, and what it knew of it when it was compiled.
#[derive(Debug, Clone, Copy)]
pub struct Autolib<'a> {
    pub package: &'a [u8],
    pub fingerprint: Fingerprint,
}

/// An object file whose tables have been checked: every index lies in its table, every offset in
/// the file. Symbols are numbered by their place in the five symbol tables taken as one: package
/// definitions, short hashed, hashed, non-package definitions, non-package references.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    bytes: &'a [u8],
    blocks: [u32; BLOCKS],
    counts: [u32; 5],
    /// The sum of all but the last one.
    definitions: u32,
}

impl<'a> Object<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if !bytes.starts_with(MAGIC) {
            return Err(Malformed::new("not an object file of Go 1.20 or later"));
        }
        if bytes.len() < HEADER {
            return Err(Malformed::new("cut off inside the object's header"));
        }
        let mut blocks = [0; BLOCKS];
        for (i, block) in blocks.iter_mut().enumerate() {
            *block = u32_at(bytes, 20 + 4 * i);
        }
        if blocks.windows(2).any(|pair| pair[0] > pair[1]) || (blocks[0] as usize) < HEADER {
            return Err(Malformed::new("the object's tables overlap"));
        }
        if blocks[BLOCKS - 1] as usize > bytes.len() {
            return Err(Malformed::new("cut off: the object's tables end after the file"));
        }
        let mut object = Object { bytes, blocks, counts: [0; 5], definitions: 0 };
        object.check_tables()?;
        Ok(object)
    }

    fn check_tables(&mut self) -> Result<(), Malformed> {
        let symbol_tables = [
            Block::SymbolDefs,
            Block::Hashed64Defs,
            Block::HashedDefs,
            Block::NonPackageDefs,
            Block::NonPackageRefs,
        ];
        for (count, table) in self.counts.iter_mut().zip(symbol_tables) {
            let size = (self.blocks[table as usize + 1] - self.blocks[table as usize]) as usize;
            if !size.is_multiple_of(SymbolDef::SIZE) {
                return Err(Malformed::new("a symbol table has a broken size"));
            }
            *count = (size / SymbolDef::SIZE) as u32;
        }
        self.definitions = self.counts[..4].iter().sum();
        for symbol in 0..self.symbol_count() {
            let def = self.symbol(symbol);
            if !in_file(self.bytes, def.name_offset(), def.name_len()) {
                return Err(Malformed::new(format!(
                    "the name of symbol {symbol} lies outside the file"
                )));
            }
        }
        self.check_strings(Block::Autolib, AUTOLIB, 0, "the import table")?;
        self.check_strings(Block::PackageIndex, STRING_REF, 0, "the package table")?;
        self.check_strings(Block::Files, STRING_REF, 0, "the file table")?;
        self.check_strings(Block::RefNames, REF_NAME, 8, "the table of referenced names")?;
        if self.block(Block::Hash64).len() / 8 < self.counts[1] as usize
            || self.block(Block::Hash).len() / 16 < self.counts[2] as usize
        {
            return Err(Malformed::new("there are fewer hashes than hashed symbols"));
        }
        self.check_index(Block::RelocIndex, self.block(Block::Relocs).len() / Reloc::SIZE)?;
        self.check_index(Block::AuxIndex, self.block(Block::Aux).len() / Aux::SIZE)?;
        self.check_index(Block::DataIndex, self.block(Block::Data).len())
    }

    fn check_strings(
        &self,
        table: Block,
        entry: usize,
        at: usize,
        what: &str,
    ) -> Result<(), Malformed> {
        for bytes in self.block(table).chunks_exact(entry) {
            let (len, offset) = (u32_at(bytes, at) as usize, u32_at(bytes, at + 4) as usize);
            if !in_file(self.bytes, offset, len) {
                return Err(Malformed::new(format!(
                    "{what} has a name that lies outside the file"
                )));
            }
        }
        Ok(())
    }

    /// An index has one entry more than there are definitions, and only ever grows.
    fn check_index(&self, index: Block, limit: usize) -> Result<(), Malformed> {
        let entries = self.block(index);
        if entries.len() / 4 < self.def_count() as usize + 1 {
            return Err(Malformed::new("an index has fewer entries than there are symbols"));
        }
        let mut last = 0;
        for entry in entries.chunks_exact(4) {
            let next = u32_at(entry, 0);
            if next < last {
                return Err(Malformed::new("an index runs backwards"));
            }
            last = next;
        }
        if last as usize > limit {
            return Err(Malformed::new("an index points past its table"));
        }
        Ok(())
    }

    fn block(&self, block: Block) -> &'a [u8] {
        &self.bytes[self.blocks[block as usize] as usize..self.blocks[block as usize + 1] as usize]
    }

    fn string(&self, entry: &[u8], at: usize) -> &'a [u8] {
        &self.bytes[u32_at(entry, at + 4) as usize..][..u32_at(entry, at) as usize]
    }

    pub fn fingerprint(&self) -> Fingerprint {
        let mut fingerprint = [0; 8];
        fingerprint.copy_from_slice(&self.bytes[8..16]);
        fingerprint
    }

    fn flags(&self) -> u32 {
        u32_at(self.bytes, 16)
    }

    /// Compiled with no package path, which cannot be linked.
    pub fn is_unlinkable(&self) -> bool {
        self.flags() & 1 << 3 != 0
    }

    pub fn is_from_assembly(&self) -> bool {
        self.flags() & 1 << 2 != 0
    }

    /// Of the standard library.
    pub fn is_std(&self) -> bool {
        self.flags() & 1 << 4 != 0
    }

    pub fn autolibs(&self) -> impl ExactSizeIterator<Item = Autolib<'a>> + '_ {
        self.block(Block::Autolib).chunks_exact(AUTOLIB).map(|entry| {
            let mut fingerprint = [0; 8];
            fingerprint.copy_from_slice(&entry[STRING_REF..]);
            Autolib { package: self.string(entry, 0), fingerprint }
        })
    }

    /// The packages that references name by number. Number 0 is a placeholder.
    pub fn packages(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + '_ {
        self.block(Block::PackageIndex).chunks_exact(STRING_REF).map(|entry| self.string(entry, 0))
    }

    pub fn file_count(&self) -> usize {
        self.block(Block::Files).len() / STRING_REF
    }

    /// The `index`-th source file of the object.
    pub fn file(&self, index: usize) -> Option<&'a [u8]> {
        let entry = self.block(Block::Files).chunks_exact(STRING_REF).nth(index)?;
        Some(self.string(entry, 0))
    }

    /// How many symbols of the package itself are defined.
    pub fn package_def_count(&self) -> u32 {
        self.counts[0]
    }
    pub fn hashed64_count(&self) -> u32 {
        self.counts[1]
    }
    pub fn hashed_count(&self) -> u32 {
        self.counts[2]
    }
    pub fn non_package_def_count(&self) -> u32 {
        self.counts[3]
    }
    pub fn non_package_ref_count(&self) -> u32 {
        self.counts[4]
    }
    /// How many symbols are defined in all.
    pub fn def_count(&self) -> u32 {
        self.definitions
    }
    pub fn symbol_count(&self) -> u32 {
        self.definitions + self.counts[4]
    }

    /// The `symbol`-th symbol, definition or reference.
    pub fn symbol(&self, symbol: u32) -> SymbolDef<'a> {
        let at =
            self.blocks[Block::SymbolDefs as usize] as usize + symbol as usize * SymbolDef::SIZE;
        SymbolDef(record(&self.bytes[at..]))
    }

    pub fn name(&self, symbol: u32) -> &'a [u8] {
        let def = self.symbol(symbol);
        &self.bytes[def.name_offset()..][..def.name_len()]
    }

    /// The content hashes of the short hashed symbols, in their order.
    pub fn hashes64(&self) -> &'a [[u8; 8]] {
        &self.block(Block::Hash64).as_chunks().0[..self.counts[1] as usize]
    }

    /// The content hashes of the hashed symbols, in their order.
    pub fn hashes(&self) -> &'a [[u8; 16]] {
        &self.block(Block::Hash).as_chunks().0[..self.counts[2] as usize]
    }

    pub fn ref_flags(&self) -> impl ExactSizeIterator<Item = RefFlag<'a>> {
        self.block(Block::RefFlags).chunks_exact(RefFlag::SIZE).map(|entry| RefFlag(record(entry)))
    }

    fn range(&self, index: Block, symbol: u32) -> std::ops::Range<usize> {
        // References come after all definitions and have no content.
        if symbol >= self.def_count() {
            return 0..0;
        }
        let entries = self.block(index);
        let at = symbol as usize * 4;
        u32_at(entries, at) as usize..u32_at(entries, at + 4) as usize
    }

    pub fn relocs(&self, symbol: u32) -> Relocs<'a> {
        let range = self.range(Block::RelocIndex, symbol);
        let entries =
            &self.block(Block::Relocs)[range.start * Reloc::SIZE..range.end * Reloc::SIZE];
        Relocs(entries.chunks_exact(Reloc::SIZE))
    }

    pub fn auxs(&self, symbol: u32) -> impl ExactSizeIterator<Item = Aux<'a>> + Clone + use<'a> {
        let range = self.range(Block::AuxIndex, symbol);
        self.block(Block::Aux)[range.start * Aux::SIZE..range.end * Aux::SIZE]
            .chunks_exact(Aux::SIZE)
            .map(|entry| Aux(record(entry)))
    }

    pub fn data(&self, symbol: u32) -> &'a [u8] {
        &self.block(Block::Data)[self.range(Block::DataIndex, symbol)]
    }

    /// The names that the compiler left for tools, of symbols defined elsewhere.
    pub fn ref_names(&self) -> impl ExactSizeIterator<Item = (SymRef, &'a [u8])> + '_ {
        self.block(Block::RefNames).chunks_exact(REF_NAME).map(|entry| {
            let symbol = SymRef { package: u32_at(entry, 0), index: u32_at(entry, 4) };
            (symbol, self.string(entry, 8))
        })
    }
}

/// A symbol's relocations.
#[derive(Clone)]
pub struct Relocs<'a>(std::slice::ChunksExact<'a, u8>);

impl<'a> Iterator for Relocs<'a> {
    type Item = Reloc<'a>;

    #[inline]
    fn next(&mut self) -> Option<Reloc<'a>> {
        self.0.next().map(|entry| Reloc(record(entry)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl ExactSizeIterator for Relocs<'_> {}

fn in_file(bytes: &[u8], offset: usize, len: usize) -> bool {
    offset.checked_add(len).is_some_and(|end| end <= bytes.len())
}

/// The first `N` bytes of `bytes`, which are known to be there.
fn record<const N: usize>(bytes: &[u8]) -> &[u8; N] {
    bytes.first_chunk().expect("the table's size has been checked")
}
