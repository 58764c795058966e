//! `runtime.findfunctab`: from a PC to the place in the function table to search from.
//!
//! A bucket covers 4,096 PCs and holds the index of its first function and, for each of its 16
//! parts, how many functions further the part begins. On wasm a function has 65,536 PCs to itself,
//! 16 buckets that are all alike. Most functions have far fewer PCs, and never use the others:
//! made small, those stay zero, and zeros are not part of the module. (The runtime would still find a
//! function from there: it searches forward, from the first one.)

use crate::size::Size;
use crate::symbols::{SymId, Symbols};

const BUCKET_PCS: u64 = 4096;
const PARTS: u64 = 16;
const BUCKET: usize = 4 + PARTS as usize;
const BUCKETS_PER_FUNCTION: usize = (1 << 16) / BUCKET_PCS as usize;

pub(super) struct FindFunc {
    /// How many buckets each function uses.
    used: Vec<u8>,
    pub(super) size: u64,
}

impl FindFunc {
    /// The last function ends after as many PCs as its body has bytes.
    pub(super) fn plan(symbols: &Symbols, text: &[SymId], size: Size) -> FindFunc {
        let Some((last, before)) = text.split_last() else {
            return FindFunc { used: Vec::new(), size: 0 };
        };
        let pcs = ((before.len() as u64) << 16) + symbols.size(*last);
        let bytes = 4 * pcs.div_ceil(BUCKET_PCS) + pcs.div_ceil(BUCKET_PCS / PARTS);
        let used = |function: &SymId| match size.shrinks() {
            false => BUCKETS_PER_FUNCTION as u8,
            // PCs count places in the body, and are fewer than its bytes.
            true => symbols.size(*function).div_ceil(BUCKET_PCS).clamp(1, 16) as u8,
        };
        FindFunc { used: text.iter().map(used).collect(), size: bytes }
    }

    pub(super) fn write(&self, out: &mut [u8]) {
        for (bucket, place) in out.chunks_mut(BUCKET).enumerate() {
            let function = (bucket / BUCKETS_PER_FUNCTION).min(self.used.len() - 1);
            if bucket - function * BUCKETS_PER_FUNCTION >= usize::from(self.used[function]) {
                continue;
            }
            if let Some(index) = place.get_mut(..4) {
                index.copy_from_slice(&(function as u32).to_le_bytes());
            }
        }
    }
}
