//! The functions' names in the `name` section.

use wasm_encoder::Encode;
use wasmparser::BinaryReader;

const FUNCTIONS: u8 = 1;

/// The contents of the section with more functions named. Their numbers are above all others, so they
/// go to the end. What cannot be read stays as it is: names are for people.
pub(crate) fn extend(contents: &[u8], names: &[(u32, String)]) -> Vec<u8> {
    extended(contents, names).unwrap_or_else(|| contents.to_vec())
}

fn extended(contents: &[u8], names: &[(u32, String)]) -> Option<Vec<u8>> {
    let mut reader = BinaryReader::new(contents, 0);
    let mut out = Vec::with_capacity(contents.len() + 64 * names.len());
    while !reader.eof() {
        let id = reader.read_u8().ok()?;
        let size = reader.read_var_u32().ok()?;
        let payload = reader.read_bytes(size as usize).ok()?;
        out.push(id);
        if id != FUNCTIONS {
            payload.encode(&mut out);
            continue;
        }
        let mut entries = BinaryReader::new(payload, 0);
        let count = entries.read_var_u32().ok()?;
        let mut all = Vec::with_capacity(payload.len() + 64 * names.len());
        (count + names.len() as u32).encode(&mut all);
        all.extend_from_slice(entries.read_bytes(entries.bytes_remaining()).ok()?);
        for (index, name) in names {
            index.encode(&mut all);
            name.as_str().encode(&mut all);
        }
        all.as_slice().encode(&mut out);
    }
    Some(out)
}
