//! Symbols by name. The table holds numbers only; the names stay in the object files.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::symbols::SymId;

#[derive(Debug, Default)]
pub(crate) struct NameTable {
    /// Full hash (needed again when the table grows), ABI, symbol.
    table: HashTable<(u64, u32, SymId)>,
}

pub(crate) fn hash_name(name: &[u8], version: u32) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(name);
    hasher.write_u32(version);
    hasher.finish()
}

impl NameTable {
    pub(crate) fn with_capacity(names: usize) -> Self {
        NameTable { table: HashTable::with_capacity(names) }
    }

    pub(crate) fn find<'n>(
        &self,
        name: &[u8],
        version: u32,
        name_of: impl Fn(SymId) -> &'n [u8],
    ) -> Option<SymId> {
        self.find_hashed(hash_name(name, version), name, version, name_of)
    }

    pub(crate) fn find_hashed<'n>(
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

    pub(crate) fn insert_made(&mut self, name: &[u8], version: u32, symbol: SymId) {
        self.insert(hash_name(name, version), version, symbol);
    }
}
