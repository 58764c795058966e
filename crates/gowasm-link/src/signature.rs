//! Function types and imports, as objects describe them and as the module states them.

use rustc_hash::FxHashMap;

use crate::version::Version;
use gowasm_shrink::leb;

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const F32: u8 = 0x7d;
const F64: u8 = 0x7c;
const V128: u8 = 0x7b;

/// Parameter and result types.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    parameters: Vec<u8>,
    results: Vec<u8>,
}

impl Signature {
    fn new(parameters: &[u8], results: &[u8]) -> Self {
        Signature { parameters: parameters.to_vec(), results: results.to_vec() }
    }

    /// Of a stub: where to go on, and whether to unwind.
    pub(crate) fn stub() -> Self {
        Signature::new(&[I64], &[I32])
    }

    /// Reads a type as the compiler describes it; `None` where that is cut off or unknown.
    pub(crate) fn read(mut bytes: &[u8], version: &Version) -> Option<Self> {
        let parameters = read_fields(&mut bytes, version)?;
        let results = read_fields(&mut bytes, version)?;
        Some(Signature { parameters, results })
    }
}

fn read_u32(bytes: &mut &[u8]) -> Option<usize> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    usize::try_from(u32::from_le_bytes(*number)).ok()
}

fn read_fields(bytes: &mut &[u8], version: &Version) -> Option<Vec<u8>> {
    /// The type, and an offset in Go's frame.
    const FIELD: usize = 1 + 8;
    let count = read_u32(bytes)?;
    let (fields, rest) = bytes.split_at_checked(count.checked_mul(FIELD)?)?;
    *bytes = rest;
    fields
        .chunks_exact(FIELD)
        .map(|field| match field[0] {
            1 => Some(I64),
            2 => Some(F32),
            3 => Some(F64),
            vector if Some(vector) == version.field_v128 => Some(V128),
            // Integers, pointers and, last of all, booleans.
            0 | 4 | 5 => Some(I32),
            6 if version.field_v128.is_some() => Some(I32),
            _ => None,
        })
        .collect()
}

/// The types of the module, numbered as they come up.
#[derive(Debug)]
pub(crate) struct Signatures {
    list: Vec<Signature>,
    numbers: FxHashMap<Signature, u32>,
}

impl Default for Signatures {
    /// With the type of plain Go functions: the resume point in, out whether to unwind.
    fn default() -> Self {
        let mut signatures = Signatures { list: Vec::new(), numbers: FxHashMap::default() };
        signatures.number(Signature::new(&[I32], &[I32]));
        signatures
    }
}

impl Signatures {
    pub(crate) fn number(&mut self, signature: Signature) -> u32 {
        let next = self.list.len() as u32;
        *self.numbers.entry(signature).or_insert_with_key(|signature| {
            self.list.push(signature.clone());
            next
        })
    }

    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        leb::push_unsigned(out, self.list.len() as u64);
        for signature in &self.list {
            out.push(0x60);
            for types in [&signature.parameters, &signature.results] {
                leb::push_unsigned(out, types.len() as u64);
                out.extend_from_slice(types);
            }
        }
    }
}

/// A function of the host.
#[derive(Debug)]
pub(crate) struct Import {
    module: Vec<u8>,
    name: Vec<u8>,
    pub(crate) signature: u32,
}

impl Import {
    /// Reads what the compiler says about an import.
    pub(crate) fn read(mut bytes: &[u8], version: &Version) -> Option<(Self, Signature)> {
        let mut text = || {
            let length = read_u32(&mut bytes)?;
            let (text, rest) = bytes.split_at_checked(length)?;
            bytes = rest;
            Some(text.to_vec())
        };
        let (module, name) = (text()?, text()?);
        Some((Import { module, name, signature: 0 }, Signature::read(bytes, version)?))
    }

    pub(crate) fn push(&self, out: &mut Vec<u8>) {
        // Without a module it is what Go's JavaScript support provides.
        let module: &[u8] = if self.module.is_empty() { b"gojs" } else { &self.module };
        for text in [module, &self.name] {
            leb::push_unsigned(out, text.len() as u64);
            out.extend_from_slice(text);
        }
        out.push(0);
        leb::push_unsigned(out, self.signature.into());
    }
}

/// Functions of the runtime, written in assembly, that are no plain Go functions.
pub(crate) fn known_signature(name: &[u8]) -> Option<Signature> {
    let signature = |parameters: &[u8], results: &[u8]| Some(Signature::new(parameters, results));
    match name {
        b"_rt0_wasm_js"
        | b"_rt0_wasm_wasip1"
        | b"_rt0_wasm_wasip1_lib"
        | b"wasm_export__start"
        | b"wasm_export_resume"
        | b"wasm_pc_f_loop"
        | b"runtime.notInitialized" => signature(&[], &[]),
        b"wasm_export_run" => signature(&[I32, I32], &[]),
        b"wasm_export_getsp" => signature(&[], &[I32]),
        b"wasm_pc_f_loop_export" => signature(&[I32], &[]),
        b"runtime.wasmDiv" => signature(&[I64, I64], &[I64]),
        b"runtime.wasmTruncS" | b"runtime.wasmTruncU" => signature(&[F64], &[I64]),
        b"gcWriteBarrier" => signature(&[I64], &[I64]),
        b"cmpbody" => signature(&[I64, I64, I64, I64], &[I64]),
        b"memeqbody" => signature(&[I64, I64, I64], &[I64]),
        b"memcmp" | b"memchr" => signature(&[I32, I32, I32], &[I32]),
        [b'r', ..] => {
            let number = name.strip_prefix(b"runtime.gcWriteBarrier")?;
            matches!(number, [b'1'..=b'8']).then(|| Signature::new(&[], &[I64]))
        }
        _ => None,
    }
}
