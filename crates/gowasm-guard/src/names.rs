//! The functions' names in the `name` section.

use wasm_encoder::Encode;
use wasmparser::BinaryReader;

const FUNCTIONS: u8 = 1;

/// The contents of the section with more functions named. Their numbers are above all others, so they
/// go to the end. What cannot be read stays as it is: names are for people.
pub(crate) fn extend(contents: &[u8], names: &[(u32, String)]) -> Vec<u8> {
    extended(contents, names).unwrap_or_else(|| contents.to_vec())
}

/// A section of its own for a module that has none.
pub(crate) fn section(names: &[(u32, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    "name".encode(&mut out);
    functions(&[0], names, &mut out);
    out
}

fn extended(contents: &[u8], names: &[(u32, String)]) -> Option<Vec<u8>> {
    let mut reader = BinaryReader::new(contents, 0);
    let mut out = Vec::with_capacity(contents.len() + 64 * names.len());
    let mut is_done = false;
    while !reader.eof() {
        let id = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()?;
        let payload = reader.read_bytes(size as usize).ok()?;
        // Parts come in the order of their numbers.
        if id >= FUNCTIONS && !is_done {
            let old = if id == FUNCTIONS { payload } else { &[0] };
            functions(old, names, &mut out)?;
            is_done = true;
            if id == FUNCTIONS {
                continue;
            }
        }
        out.push(id);
        payload.encode(&mut out);
    }
    if !is_done {
        functions(&[0], names, &mut out)?;
    }
    Some(out)
}

/// The part that names functions: those of `old`, a list with its count, and more.
fn functions(old: &[u8], names: &[(u32, String)], out: &mut Vec<u8>) -> Option<()> {
    let mut entries = BinaryReader::new(old, 0);
    let count = entries.read_var_u32().ok()?;
    let mut all = Vec::with_capacity(old.len() + 64 * names.len());
    count.checked_add(names.len() as u32)?.encode(&mut all);
    all.extend_from_slice(entries.read_bytes(entries.bytes_remaining()).ok()?);
    for (index, name) in names {
        index.encode(&mut all);
        name.as_str().encode(&mut all);
    }
    out.push(FUNCTIONS);
    all.as_slice().encode(out);
    Some(())
}
