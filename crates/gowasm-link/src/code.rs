//! The code section: the bodies of all functions, with their holes filled.
//!
//! Bodies are put together in parallel, a batch at a time, while the batch before is written.

use gowasm_shrink::{Function, Shrinker, Stub, Stubs};
use rayon::prelude::*;

use crate::emit::{Imports, Module};
use crate::error::Error;
use crate::kind::SymKind;
use crate::output::Output;
use crate::pclntab::CHUNK;
use crate::stubs;
use crate::symbols::{R_ADDR, R_CALL, Reloc, SymId};
use crate::text;
use gowasm_shrink::leb;

/// How many chunks of functions make a batch: large enough to keep all threads busy.
const BATCH: usize = 16;
/// The body of the build ID: no locals; the constant 0.
const BUILD_ID_BODY: &[u8] = &[0, 0x41, 0, 0x0b];

/// Where each function goes on when a deferred call has recovered, in the order of the functions.
pub(crate) type DeferReturns = Vec<u32>;

/// Some functions in a row.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    defer_returns: DeferReturns,
}

impl Module<'_, '_> {
    /// Writes all bodies.
    pub(crate) fn write_bodies(
        &self,
        imports: &Imports,
        output: &mut Output,
    ) -> Result<DeferReturns, Error> {
        let stubs = self.stubs(imports);
        let mut defer_returns = Vec::with_capacity(self.text.len());
        let mut ready: Vec<Chunk> = Vec::new();
        let mut next: Vec<Chunk> = Vec::new();
        for batch in self.text.chunks(CHUNK * BATCH) {
            self.stop()?;
            next.resize_with(batch.len().div_ceil(CHUNK), Chunk::default);
            let (written, made) = rayon::join(
                || flush(&ready, output, &mut defer_returns),
                || -> Vec<Result<(), Error>> {
                    let chunks = next.par_iter_mut().zip(batch.par_chunks(CHUNK));
                    chunks
                        .map(|(chunk, functions)| self.fill(chunk, functions, imports, &stubs))
                        .collect()
                },
            );
            written?;
            made.into_iter().collect::<Result<(), Error>>()?;
            std::mem::swap(&mut ready, &mut next);
        }
        flush(&ready, output, &mut defer_returns)?;
        self.write_stubs(imports, output)?;
        Ok(defer_returns)
    }

    /// Calls by the index of what they call.
    fn stubs(&self, imports: &Imports) -> Stubs {
        let first = (imports.list.len() + self.text.len()) as u64;
        let stubs = self.stubs.iter().zip(first..);
        Stubs::new(stubs.map(|(&function, stub)| Stub {
            function: self.function_index(function, imports),
            stub,
            resumes: stubs::resumes(self.symbols, function),
        }))
    }

    fn write_stubs(&self, imports: &Imports, output: &mut Output) -> Result<(), Error> {
        let (mut out, mut body) = (Vec::new(), Vec::new());
        for &function in &self.stubs {
            body.clear();
            Stubs::push_body(self.function_index(function, imports), &mut body);
            leb::push_unsigned(&mut out, body.len() as u64);
            out.extend_from_slice(&body);
        }
        output.push(&out)
    }

    /// The index among all functions, the host's first.
    fn function_index(&self, function: SymId, imports: &Imports) -> u64 {
        (imports.list.len() as u64).wrapping_add(text::index(self.symbols, function))
    }

    /// Whether the compiler made the function, and not the assembler: some of the runtime's functions
    /// in assembly are entered at PCs that their code does not tell.
    fn compiled(&self, function: SymId) -> bool {
        let object = self.symbols.object_of(function);
        object.is_some_and(|object| !self.symbols.object(object).file.is_from_assembly())
    }

    fn fill(
        &self,
        chunk: &mut Chunk,
        functions: &[SymId],
        imports: &Imports,
        stubs: &Stubs,
    ) -> Result<(), Error> {
        chunk.bytes.clear();
        chunk.defer_returns.clear();
        let mut body = Vec::new();
        let mut shrinker = Shrinker::new(stubs);
        let mut shrunk = Vec::new();
        for &function in functions {
            body.clear();
            let mut defer_return = 0;
            if Some(function) == self.build_id {
                body.extend_from_slice(BUILD_ID_BODY);
            } else {
                defer_return = self.push_body(function, imports, &mut body)?;
            }
            if self.options.size.shrinks() {
                shrunk.clear();
                let function = self
                    .compiled(function)
                    .then(|| Function { pc: self.symbols.value(function) as i64, defer_return });
                shrinker.push(&body, function, &mut shrunk);
                std::mem::swap(&mut body, &mut shrunk);
            }
            leb::push_unsigned(&mut chunk.bytes, body.len() as u64);
            chunk.bytes.extend_from_slice(&body);
            chunk.defer_returns.push(defer_return);
        }
        Ok(())
    }

    /// Appends a body. Returns where the function goes on when a deferred call has recovered: the
    /// compiler puts the number of that block into the relocation before the call of
    /// `runtime.deferreturn`.
    fn push_body(
        &self,
        function: SymId,
        imports: &Imports,
        out: &mut Vec<u8>,
    ) -> Result<u32, Error> {
        let code = self.symbols.data(function);
        let broken = || self.broken(function, "has relocations outside its code");
        let mut from = 0;
        let (mut block, mut defer_return) = (0, None);
        for reloc in self.symbols.relocs(function) {
            match reloc.base_kind() {
                R_ADDR => block = reloc.add as u32,
                R_CALL if reloc.target == self.defer_return && defer_return.is_none() => {
                    defer_return = Some(block.wrapping_sub(1));
                }
                _ => {}
            }
            if reloc.size == 0 {
                continue;
            }
            let until = usize::try_from(reloc.offset).map_err(|_| broken())?;
            out.extend_from_slice(code.get(from..until).ok_or_else(broken)?);
            from = until;
            leb::push_signed(out, self.code_value(function, reloc, imports)?);
        }
        out.extend_from_slice(&code[from..]);
        Ok(defer_return.unwrap_or(0))
    }

    /// What goes into a hole of a function's body.
    #[inline]
    fn code_value(&self, function: SymId, reloc: Reloc, imports: &Imports) -> Result<i64, Error> {
        let value = self.symbols.value(reloc.target);
        // What has no address may be defined nowhere.
        if value == 0
            && matches!(reloc.kind, R_ADDR | R_CALL)
            && self.symbols.kind(reloc.target) == SymKind::Undefined
        {
            return Err(crate::report::undefined(self.symbols));
        }
        match reloc.base_kind() {
            R_ADDR => Ok((value as i64).wrapping_add(reloc.add)),
            R_CALL => Ok(self.function_index(reloc.target, imports) as i64),
            kind if kind == self.symbols.version.r_wasm_import => {
                imports.called_by(reloc.target).map(|import| import as i64).ok_or_else(|| {
                    self.broken(function, "calls the host and does not say what function")
                })
            }
            kind => Err(self.broken(function, &format!("has a relocation of unknown kind {kind}"))),
        }
    }
}

fn flush(
    chunks: &[Chunk],
    output: &mut Output,
    defer_returns: &mut DeferReturns,
) -> Result<(), Error> {
    for chunk in chunks {
        output.push(&chunk.bytes)?;
        defer_returns.extend_from_slice(&chunk.defer_returns);
    }
    Ok(())
}
