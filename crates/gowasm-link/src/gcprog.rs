//! The programs that tell the garbage collector where pointers are in global data.

use crate::error::Error;
use crate::symbols::{SymId, Symbols};
use crate::types::{ARRAY, STRUCT, Type};

const WORD: u64 = 8;
/// The longest run of literal bits one instruction holds.
const LITERAL_MAX: usize = 127;
/// Gaps shorter than this are written as literal zeros.
const REPEAT_MIN: u64 = 4 * 8;
/// Deeper nesting of types than any compiler makes: a type that contains itself.
const DEPTH_MAX: usize = 10_000;

#[derive(Default)]
pub(crate) struct GcProgram {
    bytes: Vec<u8>,
    /// The next bit's number: one a word.
    index: u64,
    literal: Vec<bool>,
}

impl GcProgram {
    /// Notes the pointers of a variable of a type at an offset from the section's start.
    pub(crate) fn add(&mut self, symbols: &Symbols, offset: u64, of: SymId) -> Result<(), Error> {
        self.add_nested(symbols, offset, of, 0)
    }

    fn add_nested(
        &mut self,
        symbols: &Symbols,
        offset: u64,
        of: SymId,
        depth: usize,
    ) -> Result<(), Error> {
        let broken = || {
            let name = String::from_utf8_lossy(symbols.name(of)).into_owned();
            symbols
                .malformed(symbols.object_of(of), format!("{name} does not describe its pointers"))
        };
        if depth > DEPTH_MAX {
            return Err(broken());
        }
        let description = Type::new(symbols, of)?;
        let pointer_bytes = description.pointer_bytes()?;
        match description.kind() {
            ARRAY => {
                let (element, count) = description.array()?;
                self.add_nested(symbols, offset, element, depth + 1)?;
                if count > 1 {
                    let size = Type::new(symbols, element)?.size()?;
                    let end = offset.checked_add(size).ok_or_else(broken)?;
                    self.zero_until(end / WORD).ok_or_else(broken)?;
                    self.repeat(size / WORD, count - 1).ok_or_else(broken)?;
                }
            }
            STRUCT => {
                for (field, at) in description.fields()? {
                    if Type::new(symbols, field)?.pointer_bytes()? != 0 {
                        let at = offset.checked_add(at).ok_or_else(broken)?;
                        self.add_nested(symbols, at, field, depth + 1)?;
                    }
                }
            }
            _ => {
                let mask = description.gc_mask();
                if pointer_bytes == 0 || description.has_mask_on_demand() {
                    return Err(broken());
                }
                for word in 0..pointer_bytes / WORD {
                    let byte = mask.get((word / 8) as usize).ok_or_else(broken)?;
                    if byte >> (word % 8) & 1 != 0 {
                        self.zero_until(offset / WORD + word).ok_or_else(broken)?;
                        self.bit(true);
                    }
                }
            }
        }
        Ok(())
    }

    /// The program for a section of `size` bytes.
    pub(crate) fn finish(mut self, size: u64) -> Option<Vec<u8>> {
        self.zero_until(size / WORD)?;
        self.flush();
        self.bytes.push(0);
        Some(self.bytes)
    }

    fn bit(&mut self, pointer: bool) {
        if self.literal.len() == LITERAL_MAX {
            self.flush();
        }
        self.literal.push(pointer);
        self.index += 1;
    }

    fn zero_until(&mut self, index: u64) -> Option<()> {
        let gap = index.checked_sub(self.index)?;
        if gap < REPEAT_MIN {
            (0..gap).for_each(|_| self.bit(false));
            return Some(());
        }
        self.bit(false);
        self.flush();
        self.repeat(1, gap - 1)
    }

    /// Repeats the last `bits` bits `count` times.
    fn repeat(&mut self, bits: u64, count: u64) -> Option<()> {
        if bits == 0 || count == 0 {
            return Some(());
        }
        self.flush();
        if bits < 128 {
            self.bytes.push(0x80 | bits as u8);
        } else {
            self.bytes.push(0x80);
            self.varint(bits);
        }
        self.varint(count);
        self.index = self.index.checked_add(bits.checked_mul(count)?)?;
        Some(())
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(0x80 | value as u8);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    fn flush(&mut self) {
        if self.literal.is_empty() {
            return;
        }
        self.bytes.push(self.literal.len() as u8);
        for bits in self.literal.chunks(8) {
            self.bytes
                .push(bits.iter().enumerate().fold(0, |byte, (i, &bit)| byte | u8::from(bit) << i));
        }
        self.literal.clear();
    }
}
