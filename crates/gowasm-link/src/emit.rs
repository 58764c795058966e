//! Writing the module.
//!
//! It is written from beginning to end, without a copy of it in memory: what stands before the code,
//! the bodies (`code.rs`), then the data, which is filled in and cut into segments when the bodies
//! are done with, and what stands after it.

use std::sync::atomic::AtomicBool;

use gowasm_goobj::AuxKind;
use rayon::prelude::*;

use crate::code::DeferReturns;
use crate::data::{DataImage, Segment};
use crate::error::Error;
use crate::load::Toolchain;
use crate::options::{BuildMode, Options};
use crate::output::Output;
use crate::pclntab::CHUNK;
use crate::reach::entry_name;
use crate::signature::{Import, Signature, Signatures, known_signature};
use crate::symbols::{SymId, Symbols};
use crate::text::{self, FIRST_FUNCTION};
use gowasm_shrink::leb;

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
    /// The functions that have a stub. The stubs follow the functions, in the same order.
    pub(crate) stubs: Vec<SymId>,
    pub(crate) build_id: Option<SymId>,
    pub(crate) memory_end: u64,
    /// `runtime.deferreturn`.
    pub(crate) defer_return: SymId,
    pub(crate) cancel: &'m AtomicBool,
}

/// What the host provides, and which function calls which import.
pub(crate) struct Imports {
    pub(crate) list: Vec<Import>,
    /// Functions that call an import, sorted, with its index.
    callers: Vec<(SymId, u64)>,
}

/// What the rest of the module needs to know of the code.
pub(crate) struct Written {
    /// How many functions are the host's; they are numbered first.
    imported: u64,
    pub(crate) defer_returns: DeferReturns,
}

/// What the compiler says about a function of the module.
struct Described {
    signature: Option<Signature>,
    import: Option<SymId>,
}

impl Imports {
    /// The import that a function calls.
    pub(crate) fn called_by(&self, function: SymId) -> Option<u64> {
        let at = self.callers.binary_search_by_key(&function, |(caller, _)| *caller);
        at.ok().map(|at| self.callers[at].1)
    }
}

impl Module<'_, '_> {
    /// Writes everything up to the end of the code, and returns what the function table needs to
    /// know of the bodies.
    pub(crate) fn write_code(&self, output: &mut Output) -> Result<Written, Error> {
        let mut signatures = Signatures::default();
        let described = self.described()?;
        let imports = self.imports(&described, &mut signatures)?;
        let mut types: Vec<u32> = described
            .into_iter()
            .map(|described| described.signature.map_or(0, |own| signatures.number(own)))
            .collect();
        types.extend(self.stubs.iter().map(|_| signatures.number(Signature::stub())));
        output.push(&self.head(&signatures, &imports, &types)?)?;
        let start = output.length() + SECTION_HEAD;
        let mut head = Vec::new();
        section_head(&mut head, 10, 0)?;
        leb::push_unsigned(&mut head, types.len() as u64);
        output.push(&head)?;
        let defer_returns = self.write_bodies(&imports, output)?;
        self.write_size(start, output)?;
        Ok(Written { imported: imports.list.len() as u64, defer_returns })
    }

    /// Writes everything after the code.
    pub(crate) fn write_data(
        &self,
        written: &Written,
        data: &DataImage,
        output: &mut Output,
    ) -> Result<(), Error> {
        let (pushed, tail) = rayon::join(
            || self.write_segments(&data.segments(self.options.size), output),
            || self.tail(written.imported),
        );
        pushed?;
        output.push(&tail)
    }

    fn write_segments(&self, segments: &[Segment], output: &mut Output) -> Result<(), Error> {
        let start = output.length() + SECTION_HEAD;
        let mut ready = Vec::with_capacity(2 * BUFFER);
        section_head(&mut ready, 11, 0)?;
        leb::push_unsigned(&mut ready, segments.len() as u64);
        for segment in segments {
            segment.push_head(&mut ready);
            // What is long is written from where it is.
            let long = segment.bytes.len() >= BUFFER;
            if !long {
                ready.extend_from_slice(segment.bytes);
            }
            if long || ready.len() >= BUFFER {
                self.stop()?;
                output.push(&ready)?;
                ready.clear();
            }
            if long {
                output.push(segment.bytes)?;
            }
        }
        output.push(&ready)?;
        self.write_size(start, output)
    }

    /// Says how large the section is that has just been written and began at `start`.
    fn write_size(&self, start: u64, output: &mut Output) -> Result<(), Error> {
        let size = u32::try_from(output.length() - start).map_err(|_| too_large())?;
        output.patch(start - 5, &leb::padded(size))
    }

    /// Fails when somebody asked to stop.
    pub(crate) fn stop(&self) -> Result<(), Error> {
        crate::stop(self.cancel)
    }

    fn described(&self) -> Result<Vec<Described>, Error> {
        let described: Vec<Result<Described, Error>> = self
            .text
            .par_iter()
            .with_min_len(CHUNK)
            .map(|&function| {
                let mut described = Described { signature: None, import: None };
                let mut typed = false;
                for (kind, symbol) in self.symbols.auxs(function) {
                    if kind == AuxKind::WasmImport as u8 && described.import.is_none() {
                        described.import = Some(symbol);
                    } else if kind == AuxKind::WasmType as u8 && !typed {
                        typed = true;
                        let bytes = self.symbols.data(symbol);
                        let own = Signature::read(bytes, self.symbols.version);
                        let broken = || self.broken(function, "describes its type wrongly");
                        described.signature = Some(own.ok_or_else(broken)?);
                    }
                }
                if !typed {
                    described.signature = known_signature(self.symbols.name(function));
                }
                Ok(described)
            })
            .collect();
        described.into_iter().collect()
    }

    fn imports(
        &self,
        described: &[Described],
        signatures: &mut Signatures,
    ) -> Result<Imports, Error> {
        let wanted = self.symbols.version.r_wasm_import;
        let mut imports = Imports { list: Vec::new(), callers: Vec::new() };
        for (&function, described) in self.text.iter().zip(described) {
            let Some(described) = described.import else { continue };
            let calls = self.symbols.relocs(function).filter(|reloc| reloc.kind == wanted).count();
            for _ in 0..calls {
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
            leb::push_unsigned(out, types.len() as u64);
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
        if !self.options.strip && self.options.size.keeps_names() {
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

    pub(crate) fn broken(&self, function: SymId, what: &str) -> Error {
        let name = String::from_utf8_lossy(self.symbols.name(function)).into_owned();
        self.symbols.malformed(self.symbols.object_of(function), format!("{name} {what}"))
    }
}

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

/// How many bytes are gathered before they are written.
const BUFFER: usize = 64 << 10;
/// A section's number and its size in five bytes.
const SECTION_HEAD: u64 = 1 + 5;

fn too_large() -> Error {
    Error::message("a section of the module is larger than four gigabytes")
}

fn section_head(out: &mut Vec<u8>, id: u8, size: usize) -> Result<(), Error> {
    let size = u32::try_from(size).map_err(|_| too_large())?;
    out.push(id);
    out.extend_from_slice(&leb::padded(size));
    Ok(())
}

fn section(out: &mut Vec<u8>, id: u8, fill: impl FnOnce(&mut Vec<u8>)) -> Result<(), Error> {
    out.extend_from_slice(&[id, 0, 0, 0, 0, 0]);
    let start = out.len();
    fill(out);
    let size = u32::try_from(out.len() - start).map_err(|_| too_large())?;
    out[start - 5..start].copy_from_slice(&leb::padded(size));
    Ok(())
}
