//! `runtime.findfunctab`: from a PC to the place in the function table to search from.
//!
//! A bucket covers 4,096 PCs and holds the index of its first function and, for each of its 16
//! parts, how many functions further the part begins. On wasm a function has 65,536 PCs to itself,
//! 16 buckets that are all alike.

use crate::symbols::{SymId, Symbols};

const BUCKET_PCS: u64 = 4096;
const PARTS: u64 = 16;
const BUCKET: usize = 4 + PARTS as usize;
const BUCKETS_PER_FUNCTION: usize = (1 << 16) / BUCKET_PCS as usize;

pub(super) struct FindFunc {
    functions: usize,
    pub(super) size: u64,
}

impl FindFunc {
    /// The last function ends after as many PCs as its body has bytes.
    pub(super) fn plan(symbols: &Symbols, text: &[SymId]) -> FindFunc {
        let Some((last, before)) = text.split_last() else {
            return FindFunc { functions: 0, size: 0 };
        };
        let pcs = ((before.len() as u64) << 16) + symbols.size(*last);
        let size = 4 * pcs.div_ceil(BUCKET_PCS) + pcs.div_ceil(BUCKET_PCS / PARTS);
        FindFunc { functions: text.len(), size }
    }

    pub(super) fn write(&self, out: &mut [u8]) {
        for (bucket, place) in out.chunks_mut(BUCKET).enumerate() {
            let function = (bucket / BUCKETS_PER_FUNCTION).min(self.functions - 1) as u32;
            if let Some(index) = place.get_mut(..4) {
                index.copy_from_slice(&function.to_le_bytes());
            }
        }
    }
}
