//! The module again, with what the guard adds to each section.

use crate::read::{Layout, calls};
use crate::wrappers::{Additions, is_outside};
use crate::{Error, names};
use rayon::prelude::*;
use std::ops::Range;
use wasm_encoder::Encode;
use wasmparser::{BinaryReader, ExternalKind};

const CUSTOM: u8 = 0;
const TYPE: u8 = 1;
const FUNCTION: u8 = 3;
const GLOBAL: u8 = 6;
const EXPORT: u8 = 7;
const CODE: u8 = 10;
const DATA: u8 = 11;
const DATA_COUNT: u8 = 12;

/// How many data segments engines accept. Go's linker uses all of them for a large program.
const MAX_SEGMENTS: u32 = 100_000;

pub(crate) fn write(
    module: &[u8],
    layout: &Layout,
    additions: &Additions,
) -> Result<Vec<u8>, Error> {
    for (id, name) in [
        (TYPE, "types"),
        (FUNCTION, "functions"),
        (GLOBAL, "globals"),
        (EXPORT, "exports"),
        (CODE, "code"),
        (DATA, "data"),
    ] {
        if !layout.sections.iter().any(|(section, _)| *section == id) {
            return Err(Error::Missing(name));
        }
    }
    const ROOM: usize = 1 << 16;
    let mut out = Vec::with_capacity(module.len() + ROOM);
    out.extend_from_slice(module.get(..8).unwrap_or_default());
    for (id, range) in &layout.sections {
        let old = module.get(range.clone()).unwrap_or_default();
        let new = section(*id, range, module, layout, additions)?;
        out.push(*id);
        new.as_deref().unwrap_or(old).encode(&mut out);
    }
    // A module without names has those of the reasons: they may be all that an engine shows.
    if layout.name_section.is_none() {
        let reasons = additions.names.get(..additions.reasons).unwrap_or_default();
        out.push(CUSTOM);
        names::section(reasons).as_slice().encode(&mut out);
    }
    Ok(out)
}

/// The new contents of a section; nothing where they stay as they are.
fn section(
    id: u8,
    range: &Range<usize>,
    module: &[u8],
    layout: &Layout,
    additions: &Additions,
) -> Result<Option<Vec<u8>>, Error> {
    let contents = module.get(range.clone()).unwrap_or_default();
    let new = match id {
        // One more type: () -> ().
        TYPE => append(contents, 1, &[0x60, 0, 0])?,
        FUNCTION => {
            let mut types = Vec::new();
            additions.functions.iter().for_each(|(type_index, _)| type_index.encode(&mut types));
            append(contents, additions.functions.len(), &types)?
        }
        GLOBAL => append(contents, 1, &[0x7f, 1, 0x41, additions.initial_state as u8, 0x0b])?,
        EXPORT => exports(layout, additions),
        CODE => code(module, contents, layout, additions)?,
        DATA => match &additions.texts {
            None => return Ok(None),
            Some((address, bytes)) => {
                data(module, contents, range, layout, u64::from(*address), bytes)?
            }
        },
        DATA_COUNT => {
            let mut count = Vec::new();
            let more = additions.texts.is_some() && layout.data_segments < MAX_SEGMENTS;
            (layout.data_segments + u32::from(more)).encode(&mut count);
            count
        }
        CUSTOM => match &layout.name_section {
            Some(names) if names.end == range.end => {
                let head = names.start - range.start;
                let (head, old) = contents.split_at_checked(head).unwrap_or((contents, &[]));
                [head, &names::extend(old, &additions.names)].concat()
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    Ok(Some(new))
}

/// A list with more at its end.
fn append(contents: &[u8], more: usize, entries: &[u8]) -> Result<Vec<u8>, Error> {
    let mut reader = BinaryReader::new(contents, 0);
    let count = reader.read_var_u32()?;
    let old = reader.read_bytes(reader.bytes_remaining())?;
    let mut out = Vec::with_capacity(contents.len() + entries.len() + 5);
    (count + more as u32).encode(&mut out);
    out.extend_from_slice(old);
    out.extend_from_slice(entries);
    Ok(out)
}

/// The data with the texts behind it. Where there is no room for another segment, the last two become
/// one: what lies between them is zero before the module writes there.
fn data(
    module: &[u8],
    contents: &[u8],
    range: &Range<usize>,
    layout: &Layout,
    address: u64,
    texts: &[u8],
) -> Result<Vec<u8>, Error> {
    let added = segment(address, texts);
    if layout.data_segments < MAX_SEGMENTS {
        return append(contents, 1, &added);
    }
    const NO_ROOM: Error = Error::Missing("room for a data segment");
    let [first, second] = &layout.last_segments;
    let gap = second.address.checked_sub(first.address + first.bytes.len() as u64);
    let gap = gap.filter(|gap| *gap <= module.len() as u64).ok_or(NO_ROOM)?;
    let bytes = |place: &Range<usize>| module.get(place.clone()).unwrap_or_default();
    let merged = [bytes(&first.bytes), &vec![0; gap as usize], bytes(&second.bytes)].concat();
    let mut out = contents.get(..first.place.start - range.start).ok_or(NO_ROOM)?.to_vec();
    out.extend(segment(first.address, &merged));
    out.extend(added);
    Ok(out)
}

/// An active segment of the first memory.
fn segment(address: u64, bytes: &[u8]) -> Vec<u8> {
    let mut segment = vec![0, 0x41];
    (address as i32).encode(&mut segment);
    segment.push(0x0b);
    bytes.encode(&mut segment);
    segment
}

fn exports(layout: &Layout, additions: &Additions) -> Vec<u8> {
    let mut out = Vec::new();
    (layout.exports.len() as u32).encode(&mut out);
    for export in &layout.exports {
        export.name.as_str().encode(&mut out);
        let has_wrapper = export.kind == ExternalKind::Func && !is_outside(&export.name);
        let wrapper = additions.exports.get(&export.index).filter(|_| has_wrapper);
        out.push(kind(export.kind));
        wrapper.unwrap_or(&export.index).encode(&mut out);
    }
    out
}

fn kind(kind: ExternalKind) -> u8 {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => 0,
        ExternalKind::Table => 1,
        ExternalKind::Memory => 2,
        ExternalKind::Global => 3,
        ExternalKind::Tag => 4,
    }
}

/// Bodies that call an import of the host call its wrapper instead; all others are copied.
fn code(
    module: &[u8],
    contents: &[u8],
    layout: &Layout,
    additions: &Additions,
) -> Result<Vec<u8>, Error> {
    let to = &additions.imports;
    let changed: Vec<_> = match to.is_empty() {
        true => Vec::new(),
        false => layout
            .bodies
            .par_iter()
            .with_min_len(256)
            .map(|body| Ok((body, calls(module, body, to)?)))
            .filter(|found| found.as_ref().map_or(true, |(_, calls)| !calls.is_empty()))
            .collect::<Result<_, Error>>()?,
    };
    let mut out = Vec::with_capacity(contents.len() + (1 << 14));
    ((layout.bodies.len() + additions.functions.len()) as u32).encode(&mut out);
    let mut reader = BinaryReader::new(contents, 0);
    reader.read_var_u32()?;
    let Some(last) = layout.bodies.last() else { return Err(Error::Missing("code")) };
    // Everything between two changed bodies is copied at once, sizes and all.
    let mut at = last.end - reader.bytes_remaining();
    for (body, calls) in changed {
        let index = layout.bodies.partition_point(|other| other.start < body.start);
        let before = match index.checked_sub(1).and_then(|index| layout.bodies.get(index)) {
            Some(previous) => previous.end,
            None => at,
        };
        out.extend_from_slice(module.get(at..before).unwrap_or_default());
        let mut new = Vec::with_capacity(body.len() + 4 * calls.len());
        let mut done = body.start;
        for (instruction, function) in calls {
            new.extend_from_slice(module.get(done..instruction.start).unwrap_or_default());
            new.push(0x10);
            function.encode(&mut new);
            done = instruction.end;
        }
        new.extend_from_slice(module.get(done..body.end).unwrap_or_default());
        new.as_slice().encode(&mut out);
        at = body.end;
    }
    out.extend_from_slice(module.get(at..last.end).unwrap_or_default());
    additions.functions.iter().for_each(|(_, function)| function.encode(&mut out));
    Ok(out)
}
