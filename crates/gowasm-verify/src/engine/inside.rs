//! What the engines in this process share: bounds, the bytes of a memory, values.

use crate::guest::Limiter;

pub(super) const INSTANCES: usize = 1;
pub(super) const MEMORIES: usize = 1;
pub(super) const TABLES: usize = 100;
const TABLE_ELEMENTS: usize = 10_000_000;
/// What an engine keeps for an element, with room to grow.
const ELEMENT_BYTES: usize = 16;

impl Limiter {
    pub(super) fn allows_memory(&mut self, desired: usize, maximum: Option<usize>) -> bool {
        let allowed = desired.saturating_add(self.of_tables) <= self.memory_bytes;
        self.denied |= !allowed;
        let allowed = allowed && maximum.is_none_or(|maximum| desired <= maximum);
        if allowed {
            self.of_memory = desired;
        }
        allowed
    }

    pub(super) fn allows_table(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> bool {
        let more = desired.saturating_sub(current).saturating_mul(ELEMENT_BYTES);
        let tables = self.of_tables.saturating_add(more);
        let fits = tables.saturating_add(self.of_memory) <= self.memory_bytes;
        self.denied |= !fits;
        let allowed = fits && desired <= maximum.unwrap_or(TABLE_ELEMENTS).min(TABLE_ELEMENTS);
        if allowed {
            self.of_tables = tables;
        }
        allowed
    }
}

pub(super) fn bytes(memory: &[u8], address: u32, length: u32) -> Option<Vec<u8>> {
    memory.get(address as usize..)?.get(..length as usize).map(<[u8]>::to_vec)
}

pub(super) fn write(memory: &mut [u8], address: u32, bytes: &[u8]) -> Option<()> {
    memory.get_mut(address as usize..)?.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(())
}

/// Our values as an engine's and back; engines call them alike, and differ in what a float is.
macro_rules! values {
    ($engines:ident, $types:ident, $f32:path, $bits32:path, $f64:path, $bits64:path) => {
        fn val_type(wasm: gowasm_directive::WasmType) -> Option<$types> {
            use gowasm_directive::WasmType;
            match wasm {
                WasmType::I32 => Some($types::I32),
                WasmType::I64 => Some($types::I64),
                WasmType::F32 => Some($types::F32),
                WasmType::F64 => Some($types::F64),
                WasmType::V128 | WasmType::Ref => None,
            }
        }

        fn to_engine(value: crate::value::Val) -> $engines {
            use crate::value::Val;
            match value {
                Val::I32(value) => $engines::I32(value),
                Val::I64(value) => $engines::I64(value),
                Val::F32(bits) => $engines::F32($f32(bits)),
                Val::F64(bits) => $engines::F64($f64(bits)),
            }
        }

        /// No plan and no import names a value of another type.
        fn of_engine(value: &$engines) -> Option<crate::value::Val> {
            use crate::value::Val;
            match *value {
                $engines::I32(value) => Some(Val::I32(value)),
                $engines::I64(value) => Some(Val::I64(value)),
                $engines::F32(value) => Some(Val::F32($bits32(value))),
                $engines::F64(value) => Some(Val::F64($bits64(value))),
                _ => None,
            }
        }
    };
}
pub(super) use values;
