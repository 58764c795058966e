//! Symbols by name. The table holds numbers only; the names stay in the object files.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::symbols::SymId;

/// How many parts a table has, which are filled in parallel.
pub(crate) const PARTS: usize = 4;

#[derive(Debug, Default)]
pub(crate) struct NameTable {
    parts: [NamePart; PARTS],
}

/// The names whose hashes mean this part of the table.
#[derive(Debug, Default)]
pub(crate) struct NamePart {
    /// Full hash (needed again when the table grows), ABI, symbol.
    table: HashTable<(u64, u32, SymId)>,
}

/// The part in which a name with this hash is.
pub(crate) fn part_of(hash: u64) -> usize {
    // Bits that the tables themselves make no use of.
    (hash >> 40) as usize % PARTS
}

pub(crate) fn hash_name(name: &[u8], version: u32) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name);
    hasher.write_u32(version);
    hasher.finish()
}

impl NameTable {
    pub(crate) fn new(parts: [NamePart; PARTS]) -> Self {
        NameTable { parts }
    }

    pub(crate) fn find<'n>(
        &self,
        name: &[u8],
        version: u32,
        name_of: impl Fn(SymId) -> &'n [u8],
    ) -> Option<SymId> {
        let hash = hash_name(name, version);
        self.parts[part_of(hash)].find(hash, name, version, name_of)
    }

    /// Adds a name that is known not to be there.
    pub(crate) fn insert(&mut self, name: &[u8], version: u32, symbol: SymId) {
        let hash = hash_name(name, version);
        self.parts[part_of(hash)].insert(hash, version, symbol);
    }
}

impl NamePart {
    pub(crate) fn with_capacity(names: usize) -> Self {
        NamePart { table: HashTable::with_capacity(names) }
    }

    pub(crate) fn find<'n>(
        &self,
        hash: u64,
        name: &[u8],
        version: u32,
        name_of: impl Fn(SymId) -> &'n [u8],
    ) -> Option<SymId> {
        self.table
            .find(hash, |&(full, of, symbol)| {
                full == hash && of == version && name_of(symbol) == name
            })
            .map(|&(_, _, symbol)| symbol)
    }

    /// Adds a name that is known not to be there, or that shadows an earlier one.
    pub(crate) fn insert(&mut self, hash: u64, version: u32, symbol: SymId) {
        self.table.insert_unique(hash, (hash, version, symbol), |&(hash, _, _)| hash);
    }
}
