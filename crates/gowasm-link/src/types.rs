//! What the linker reads out of type descriptors. The layout is the same in every version linked
//! here, in the fields that are read.

use crate::error::Error;
use crate::symbols::{SymId, Symbols};

/// The size of the part that all descriptors begin with.
const COMMON: usize = 48;
const POINTER: usize = 8;
const TFLAG: usize = 20;
const KIND: usize = 23;
const GC_DATA: i32 = 32;
const NAME: usize = 40;
const UNCOMMON_SIZE: usize = 16;
const STRUCT_FIELD_SIZE: usize = 24;

const FLAG_UNCOMMON: u8 = 1;
const FLAG_EXTRA_STAR: u8 = 1 << 1;
const FLAG_GC_MASK_ON_DEMAND: u8 = 1 << 4;

pub(crate) const ARRAY: u8 = 17;
const CHAN: u8 = 18;
const FUNC: u8 = 19;
pub(crate) const INTERFACE: u8 = 20;
const MAP: u8 = 21;
const POINTER_KIND: u8 = 22;
const SLICE: u8 = 23;
pub(crate) const STRUCT: u8 = 25;

/// A type descriptor.
pub(crate) struct Type<'s> {
    symbols: &'s Symbols<'s>,
    symbol: SymId,
    data: &'s [u8],
}

/// A method's name and function type.
pub(crate) type Signature<'s> = (&'s [u8], SymId);

impl<'s> Type<'s> {
    pub(crate) fn new(symbols: &'s Symbols<'_>, symbol: SymId) -> Result<Self, Error> {
        let data = symbols.data(symbol);
        let broken = || broken(symbols, symbol);
        if data.len() < COMMON {
            return Err(broken());
        }
        Ok(Type { symbols, symbol, data })
    }

    fn broken(&self) -> Error {
        broken(self.symbols, self.symbol)
    }

    fn u16(&self, at: usize) -> Result<u16, Error> {
        let bytes =
            self.data.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(|| self.broken())?;
        Ok(u16::from_le_bytes(*bytes))
    }

    fn u32(&self, at: usize) -> Result<u32, Error> {
        let bytes =
            self.data.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(|| self.broken())?;
        Ok(u32::from_le_bytes(*bytes))
    }

    fn u64(&self, at: usize) -> Result<u64, Error> {
        let bytes =
            self.data.get(at..).and_then(|rest| rest.first_chunk()).ok_or_else(|| self.broken())?;
        Ok(u64::from_le_bytes(*bytes))
    }

    pub(crate) fn kind(&self) -> u8 {
        self.data[KIND] & 0x1f
    }

    pub(crate) fn size(&self) -> Result<u64, Error> {
        self.u64(0)
    }

    /// How many bytes, from the start, may hold pointers.
    pub(crate) fn pointer_bytes(&self) -> Result<u64, Error> {
        self.u64(POINTER)
    }

    pub(crate) fn has_mask_on_demand(&self) -> bool {
        self.data[TFLAG] & FLAG_GC_MASK_ON_DEMAND != 0
    }

    fn has_uncommon(&self) -> bool {
        self.data[TFLAG] & FLAG_UNCOMMON != 0
    }

    /// What a pointer at an offset points to.
    fn target(&self, at: usize) -> SymId {
        self.symbols.target_at(self.symbol, at)
    }

    pub(crate) fn gc_mask(&self) -> &'s [u8] {
        self.symbols.data(self.target(GC_DATA as usize))
    }

    fn name_at(&self, at: usize) -> Result<&'s [u8], Error> {
        let symbol = self.target(at);
        if symbol.is_nil() {
            return Ok(b"");
        }
        name(self.symbols.data(symbol)).ok_or_else(|| broken(self.symbols, symbol))
    }

    /// The type as Go source would write it.
    pub(crate) fn string(&self) -> Result<&'s [u8], Error> {
        let string = self.name_at(NAME)?;
        if self.data[TFLAG] & FLAG_EXTRA_STAR != 0 {
            return string.get(1..).ok_or_else(|| self.broken());
        }
        Ok(string)
    }

    /// The methods that the descriptor lists.
    pub(crate) fn methods(&self) -> Result<Vec<Signature<'s>>, Error> {
        if !self.has_uncommon() {
            return Err(self.broken());
        }
        let uncommon = COMMON
            + match self.kind() {
                STRUCT => 4 * POINTER,
                POINTER_KIND | FUNC | SLICE => POINTER,
                ARRAY => 3 * POINTER,
                INTERFACE => self.symbols.version.interface_type_extra,
                CHAN => 2 * POINTER,
                MAP => self.symbols.map_type_extra,
                _ => 0,
            };
        let count = usize::from(self.u16(uncommon + 4)?);
        let first = uncommon + self.u32(uncommon + 8)? as usize;
        (0..count).map(|i| self.signature(first + i * 16)).collect()
    }

    fn signature(&self, at: usize) -> Result<Signature<'s>, Error> {
        Ok((self.name_at(at)?, self.target(at + 4)))
    }

    /// The method of an interface whose entry is at an offset.
    pub(crate) fn interface_method(&self, at: i64) -> Result<Signature<'s>, Error> {
        if self.kind() != INTERFACE {
            return Err(self.broken());
        }
        self.signature(usize::try_from(at).map_err(|_| self.broken())?)
    }

    pub(crate) fn array(&self) -> Result<(SymId, u64), Error> {
        Ok((self.target(COMMON), self.u64(COMMON + 2 * POINTER)?))
    }

    /// Type and offset of a struct's fields.
    pub(crate) fn fields(&self) -> Result<Vec<(SymId, u64)>, Error> {
        let count = self.u64(COMMON + 2 * POINTER)?;
        let extra = if self.has_uncommon() { UNCOMMON_SIZE } else { 0 };
        let first = COMMON + 4 * POINTER + extra;
        (0..count)
            .map(|i| {
                let at = first + i as usize * STRUCT_FIELD_SIZE;
                Ok((self.target(at + POINTER), self.u64(at + 2 * POINTER)?))
            })
            .collect()
    }
}

fn broken(symbols: &Symbols, symbol: SymId) -> Error {
    let name = String::from_utf8_lossy(symbols.name(symbol)).into_owned();
    symbols.malformed(symbols.object_of(symbol), format!("{name} is not a proper type descriptor"))
}

/// The text of a name: a flag byte, the length, the bytes.
fn name(data: &[u8]) -> Option<&[u8]> {
    let mut length = 0usize;
    let mut at = 1;
    loop {
        let byte = *data.get(at)?;
        length |= usize::from(byte & 0x7f).checked_shl(7 * (at as u32 - 1))?;
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    data.get(at..)?.get(..length)
}

/// The concrete type an itab is for.
pub(crate) fn itab_type(symbols: &Symbols, itab: SymId) -> SymId {
    symbols.target_at(itab, POINTER)
}
