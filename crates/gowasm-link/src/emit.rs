//! Writing the module.
//!
//! Sizes are known before bytes are written: each function's body is measured, the data sections
//! are filled and cut into segments, then everything is written into one buffer, functions in
//! parallel.

use gowasm_goobj::AuxKind;
use rayon::prelude::*;

use crate::data::{DataImage, Segment};
use crate::error::Error;
use crate::kind::SymKind;
use crate::leb;
use crate::load::Toolchain;
use crate::options::{BuildMode, Options};
use crate::reach::entry_name;
use crate::signature::{Import, Signature, Signatures, known_signature};
use crate::symbols::{SymId, Symbols, WEAK};
use crate::text::{self, FIRST_FUNCTION};

const R_ADDR: u16 = 1;
const R_CALL: u16 = 7;

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const END: u8 = 0x0b;
const WASM_PAGE: u64 = 64 << 10;
/// Memory for the runtime's first allocations.
const INITIAL_HEAP: u64 = 1 << 20;
/// The machine registers that are kept in globals: SP, CTXT, g, RET0 to RET3, PAUSE.
const GLOBALS: [u8; 8] = [I32, I64, I64, I64, I64, I64, I64, I32];

/// Everything that the module is made of.
pub(crate) struct Module<'m, 'a> {
    pub(crate) symbols: &'m Symbols<'a>,
    pub(crate) toolchain: &'m Toolchain,
    pub(crate) options: &'m Options,
    pub(crate) text: &'m [SymId],
    pub(crate) build_id: Option<SymId>,
    pub(crate) data: &'m DataImage,
    pub(crate) memory_end: u64,
}

/// What the host provides, and which function calls which import.
struct Imports {
    list: Vec<Import>,
    /// Functions that call an import, sorted, with its index.
    callers: Vec<(SymId, u64)>,
}

impl Module<'_, '_> {
    pub(crate) fn write(&self) -> Result<Vec<u8>, Error> {
        let mut signatures = Signatures::default();
        let imports = self.imports(&mut signatures)?;
        let types = self.function_types(&mut signatures)?;
        let sizes = self.body_sizes(&imports)?;
        let segments = self.data.segments();

        let head = self.head(&signatures, &imports, &types)?;
        let tail = self.tail(imports.list.len() as u64);
        let mut code_head = Vec::new();
        leb::push_unsigned(&mut code_head, self.text.len() as u64);
        let code_size = code_head.len()
            + sizes.iter().map(|&size| leb::unsigned_len(size as u64) + size).sum::<usize>();
        let mut data_head = Vec::new();
        leb::push_unsigned(&mut data_head, segments.len() as u64);
        let data_size = data_head.len() + segments.iter().map(Segment::encoded_len).sum::<usize>();

        let mut out = Vec::with_capacity(head.len() + code_size + data_size + tail.len() + 12);
        out.extend_from_slice(&head);
        section_head(&mut out, 10, code_size)?;
        out.extend_from_slice(&code_head);
        let code_at = out.len();
        out.resize(code_at + code_size - code_head.len(), 0);
        self.write_bodies(&imports, &sizes, &mut out[code_at..])?;
        section_head(&mut out, 11, data_size)?;
        out.extend_from_slice(&data_head);
        for segment in &segments {
            segment.push(&mut out);
        }
        out.extend_from_slice(&tail);
        Ok(out)
    }

    fn imports(&self, signatures: &mut Signatures) -> Result<Imports, Error> {
        let wanted = self.symbols.version.r_wasm_import;
        let found: Vec<(SymId, usize)> = self
            .text
            .par_iter()
            .filter_map(|&function| {
                let calls =
                    self.symbols.relocs(function).filter(|reloc| reloc.kind == wanted).count();
                (calls > 0).then_some((function, calls))
            })
            .collect();
        let mut imports = Imports { list: Vec::new(), callers: Vec::new() };
        for (function, calls) in found {
            for _ in 0..calls {
                let described =
                    self.symbols.aux(function, AuxKind::WasmImport).ok_or_else(|| {
                        self.broken(function, "calls the host and does not say what function")
                    })?;
                let (mut import, signature) =
                    Import::read(self.symbols.data(described), self.symbols.version)
                        .ok_or_else(|| self.broken(function, "describes its import wrongly"))?;
                import.signature = signatures.number(signature);
                imports.callers.retain(|(known, _)| *known != function);
                imports.callers.push((function, imports.list.len() as u64));
                imports.list.push(import);
            }
        }
        imports.callers.sort_unstable();
        Ok(imports)
    }

    fn function_types(&self, signatures: &mut Signatures) -> Result<Vec<u32>, Error> {
        let own: Vec<Option<Signature>> = self
            .text
            .par_iter()
            .map(|&function| {
                let known = known_signature(self.symbols.name(function));
                match self.symbols.aux(function, AuxKind::WasmType) {
                    None => Ok(known),
                    Some(described) => {
                        Signature::read(self.symbols.data(described), self.symbols.version)
                            .map(Some)
                            .ok_or_else(|| self.broken(function, "describes its type wrongly"))
                    }
                }
            })
            .collect::<Result<_, Error>>()?;
        Ok(own
            .into_iter()
            .map(|own| own.map_or(0, |signature| signatures.number(signature)))
            .collect())
    }

    fn body_sizes(&self, imports: &Imports) -> Result<Vec<usize>, Error> {
        self.text.par_iter().map(|&function| self.body_size(function, imports)).collect()
    }

    fn body_size(&self, function: SymId, imports: &Imports) -> Result<usize, Error> {
        if Some(function) == self.build_id {
            return Ok(BUILD_ID_BODY.len());
        }
        let mut size = self.symbols.data(function).len();
        for reloc in self.symbols.relocs(function).filter(|reloc| reloc.size != 0) {
            size += leb::signed_len(self.code_value(
                function,
                reloc.kind,
                reloc.target,
                reloc.add,
                imports,
            )?);
        }
        Ok(size)
    }

    /// What goes into a hole of a function's body.
    fn code_value(
        &self,
        function: SymId,
        kind: u16,
        target: SymId,
        add: i64,
        imports: &Imports,
    ) -> Result<i64, Error> {
        let imported = imports.list.len() as u64;
        // What has no address may be defined nowhere.
        if self.symbols.value(target) == 0
            && matches!(kind, R_ADDR | R_CALL)
            && self.symbols.kind(target) == SymKind::Undefined
        {
            return Err(crate::report::undefined(self.symbols));
        }
        match kind & !WEAK {
            R_ADDR => Ok((self.symbols.value(target) as i64).wrapping_add(add)),
            R_CALL => Ok(imported.wrapping_add(text::index(self.symbols, target)) as i64),
            kind if kind == self.symbols.version.r_wasm_import => {
                let at = imports.callers.binary_search_by_key(&target, |(caller, _)| *caller);
                Ok(at.map_or(0, |at| imports.callers[at].1 as i64))
            }
            kind => Err(self.broken(function, &format!("has a relocation of unknown kind {kind}"))),
        }
    }

    fn write_bodies(
        &self,
        imports: &Imports,
        sizes: &[usize],
        mut out: &mut [u8],
    ) -> Result<(), Error> {
        const CHUNK: usize = 256;
        let mut chunks = Vec::with_capacity(self.text.len().div_ceil(CHUNK));
        for (functions, sizes) in self.text.chunks(CHUNK).zip(sizes.chunks(CHUNK)) {
            let size = sizes.iter().map(|&size| leb::unsigned_len(size as u64) + size).sum();
            let (chunk, rest) = std::mem::take(&mut out).split_at_mut(size);
            out = rest;
            chunks.push((functions, sizes, chunk));
        }
        chunks.into_par_iter().try_for_each(|(functions, sizes, mut out)| {
            for (&function, &size) in functions.iter().zip(sizes) {
                let at = leb::write_unsigned(out, size as u64);
                let (body, rest) = std::mem::take(&mut out)[at..].split_at_mut(size);
                out = rest;
                self.write_body(function, imports, body)?;
            }
            Ok(())
        })
    }

    fn write_body(&self, function: SymId, imports: &Imports, out: &mut [u8]) -> Result<(), Error> {
        if Some(function) == self.build_id {
            out.copy_from_slice(BUILD_ID_BODY);
            return Ok(());
        }
        let code = self.symbols.data(function);
        let broken = || self.broken(function, "has relocations outside its code");
        let (mut from, mut to) = (0, 0);
        for reloc in self.symbols.relocs(function).filter(|reloc| reloc.size != 0) {
            let until = usize::try_from(reloc.offset).map_err(|_| broken())?;
            let plain = code.get(from..until).ok_or_else(broken)?;
            out.get_mut(to..to + plain.len()).ok_or_else(broken)?.copy_from_slice(plain);
            to += plain.len();
            from = until;
            let value = self.code_value(function, reloc.kind, reloc.target, reloc.add, imports)?;
            let mut bytes = [0; 10];
            let length = leb::write_signed(&mut bytes, value);
            out.get_mut(to..to + length).ok_or_else(broken)?.copy_from_slice(&bytes[..length]);
            to += length;
        }
        out.get_mut(to..)
            .filter(|rest| rest.len() == code.len() - from)
            .ok_or_else(broken)?
            .copy_from_slice(&code[from..]);
        Ok(())
    }

    /// All sections before the code.
    fn head(
        &self,
        signatures: &Signatures,
        imports: &Imports,
        types: &[u32],
    ) -> Result<Vec<u8>, Error> {
        let mut out = Vec::from(*b"\0asm\x01\0\0\0");
        if let Some(id) = self.build_id {
            section(&mut out, 0, |out| {
                push_name(out, b"go:buildid");
                out.extend_from_slice(self.symbols.data(id));
            })?;
        }
        section(&mut out, 1, |out| signatures.push(out))?;
        section(&mut out, 2, |out| {
            leb::push_unsigned(out, imports.list.len() as u64);
            imports.list.iter().for_each(|import| import.push(out));
        })?;
        let count = self.text.len() as u64;
        section(&mut out, 3, |out| {
            leb::push_unsigned(out, count);
            types.iter().for_each(|&of| leb::push_unsigned(out, of.into()));
        })?;
        section(&mut out, 4, |out| {
            out.extend_from_slice(&[1, 0x70, 0]);
            leb::push_unsigned(out, FIRST_FUNCTION + count);
        })?;
        section(&mut out, 5, |out| {
            out.extend_from_slice(&[1, 0]);
            leb::push_unsigned(out, (self.memory_end + INITIAL_HEAP) / WASM_PAGE);
        })?;
        section(&mut out, 6, |out| {
            out.push(GLOBALS.len() as u8);
            for of in GLOBALS {
                // Variable, of this type, zero at first.
                out.extend_from_slice(&[of, 1, if of == I32 { 0x41 } else { 0x42 }, 0, END]);
            }
        })?;
        let exports = self.exports(imports.list.len() as u64)?;
        section(&mut out, 7, |out| out.extend_from_slice(&exports))?;
        section(&mut out, 9, |out| {
            out.extend_from_slice(&[1, 0, 0x41]);
            leb::push_signed(out, FIRST_FUNCTION as i64);
            out.push(END);
            leb::push_unsigned(out, count);
            (0..count).for_each(|i| leb::push_unsigned(out, imports.list.len() as u64 + i));
        })?;
        Ok(out)
    }

    fn exports(&self, imported: u64) -> Result<Vec<u8>, Error> {
        let goos = self.toolchain.goos.as_str();
        let (fixed, memory): (Vec<(&str, String)>, &str) = if goos == "js" {
            let fixed = ["run", "resume", "getsp"];
            (fixed.into_iter().map(|name| (name, format!("wasm_export_{name}"))).collect(), "mem")
        } else {
            let mode = self.options.build_mode;
            let name = if mode == BuildMode::CShared { "_initialize" } else { "_start" };
            (vec![(name, entry_name(goos, mode))], "memory")
        };
        let mut out = Vec::new();
        let exports = &self.symbols.wasm_exports;
        leb::push_unsigned(&mut out, (fixed.len() + exports.len() + 1) as u64);
        let mut push = |name: &[u8], function: SymId| {
            push_name(&mut out, name);
            out.push(0);
            leb::push_unsigned(
                &mut out,
                imported.wrapping_add(text::index(self.symbols, function)),
            );
        };
        for (name, symbol) in fixed {
            let function =
                self.symbols.lookup(symbol.as_bytes()).filter(|&s| self.symbols.is_reachable(s));
            let function = function.ok_or_else(|| {
                Error::hinted(
                    format!("export symbol {symbol} not defined"),
                    "the runtime of this Go version does not support this build mode",
                )
            })?;
            push(name.as_bytes(), function);
        }
        for &function in exports {
            push(self.symbols.name(function), function);
        }
        push_name(&mut out, memory.as_bytes());
        out.extend_from_slice(&[2, 0]);
        Ok(out)
    }

    /// All sections after the data.
    fn tail(&self, imported: u64) -> Vec<u8> {
        let mut out = Vec::new();
        let release = self.toolchain.release.as_bytes();
        // Custom sections are far smaller than four gigabytes, so these cannot fail.
        _ = section(&mut out, 0, |out| {
            push_name(out, b"producers");
            out.push(2);
            for (field, value) in [("language", "Go"), ("processed-by", "Go cmd/compile")] {
                push_name(out, field.as_bytes());
                out.push(1);
                push_name(out, value.as_bytes());
                push_name(out, release);
            }
        });
        if !self.options.strip {
            _ = section(&mut out, 0, |out| {
                push_name(out, b"name");
                _ = section(out, 1, |out| {
                    leb::push_unsigned(out, self.text.len() as u64);
                    let mut name = Vec::new();
                    for (index, &function) in self.text.iter().enumerate() {
                        leb::push_unsigned(out, imported + index as u64);
                        plain_name(self.symbols.name(function), &mut name);
                        push_name(out, &name);
                    }
                });
            });
        }
        out
    }

    fn broken(&self, function: SymId, what: &str) -> Error {
        let name = String::from_utf8_lossy(self.symbols.name(function)).into_owned();
        self.symbols.malformed(self.symbols.object_of(function), format!("{name} {what}"))
    }
}

/// No locals; the constant 0.
const BUILD_ID_BODY: &[u8] = &[0, 0x41, 0, END];

fn push_name(out: &mut Vec<u8>, name: &[u8]) {
    leb::push_unsigned(out, name.len() as u64);
    out.extend_from_slice(name);
}

/// A name with everything but letters, digits, `_` and `.` of ASCII made `_`.
fn plain_name(name: &[u8], out: &mut Vec<u8>) {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'.';
    out.clear();
    if name.is_ascii() {
        out.extend(name.iter().map(|&b| if plain(b) { b } else { b'_' }));
        return;
    }
    for chunk in name.utf8_chunks() {
        out.extend(
            chunk
                .valid()
                .chars()
                .map(|c| u8::try_from(c).ok().filter(|&b| plain(b)).unwrap_or(b'_')),
        );
        out.extend(chunk.invalid().iter().map(|_| b'_'));
    }
}

fn section_head(out: &mut Vec<u8>, id: u8, size: usize) -> Result<(), Error> {
    let size = u32::try_from(size)
        .map_err(|_| Error::message("a section of the module is larger than four gigabytes"))?;
    out.push(id);
    out.extend_from_slice(&leb::padded(size));
    Ok(())
}

fn section(out: &mut Vec<u8>, id: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
    out.extend_from_slice(&[id, 0, 0, 0, 0, 0]);
    let start = out.len();
    fill(out);
    let size = u32::try_from(out.len() - start)
        .map_err(|_| Error::message("a section of the module is larger than four gigabytes"))?;
    out[start - 5..start].copy_from_slice(&leb::padded(size));
    Ok(())
}
