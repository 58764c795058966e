//! `runtime.filetab`, every file name once, and `runtime.cutab`, which translates a file number
//! of an object file to an offset in it.

use rustc_hash::FxHashMap;

use super::collect::{Chunk, Function};
use crate::error::Error;
use crate::symbols::{ObjId, Symbols};

pub(super) struct Files<'a> {
    /// Each name with what stands before it where `$GOROOT` was, at its offset.
    names: Vec<(u32, &'a [u8])>,
    goroot: String,
    pub(super) size: u64,
    pub(super) count: u64,
    pub(super) cutab: Vec<u32>,
    /// Where each object's part of `cutab` begins.
    starts: Vec<u32>,
}

/// What the compiler writes before a file name, for tools that read its output as text.
const PREFIX: &[u8] = b"gofile..";
const GOROOT: &[u8] = b"$GOROOT";
/// A file that no function of the module comes from, or of an object no function comes from.
const NONE: u32 = u32::MAX;

/// The files of one object that are used.
struct Unit {
    object: ObjId,
    /// The offset in the file table by file number, as far as files are used.
    offsets: Vec<u32>,
}

impl<'a> Files<'a> {
    pub(super) fn plan(
        symbols: &Symbols<'a>,
        chunks: &[Chunk<'a>],
        goroot: &str,
        wanted: bool,
    ) -> Result<Self, Error> {
        let mut files = Files {
            names: Vec::new(),
            goroot: clean(goroot),
            size: 0,
            count: 0,
            cutab: Vec::new(),
            starts: vec![NONE; symbols.objects.len()],
        };
        // Without them no table leads here, and the runtime says `?` for a file.
        if !wanted {
            return Ok(files);
        }
        let mut known: FxHashMap<&'a [u8], u32> = FxHashMap::default();
        let mut units: Vec<Unit> = Vec::new();
        let mut unit_of: Vec<u32> = vec![NONE; symbols.objects.len()];
        for function in chunks.iter().flat_map(|chunk| &chunk.functions) {
            let Some(object) = function.object else { continue };
            let unit = &mut unit_of[object.index()];
            if *unit == NONE {
                *unit = units.len() as u32;
                units.push(Unit { object, offsets: Vec::new() });
            }
            let unit = &mut units[*unit as usize];
            files.add_function(symbols, &mut known, unit, function)?;
        }
        files.count = known.len() as u64;
        files.lay_out_units(symbols, &known, &units);
        Ok(files)
    }

    fn add_function(
        &mut self,
        symbols: &Symbols<'a>,
        known: &mut FxHashMap<&'a [u8], u32>,
        unit: &mut Unit,
        function: &Function<'a>,
    ) -> Result<(), Error> {
        let Some(info) = function.info else { return Ok(()) };
        let inlined = info.inline_nodes().map(|node| node.file);
        for number in info.files().chain(inlined) {
            let index = number as usize;
            if unit.offsets.get(index).is_some_and(|offset| *offset != NONE) {
                continue;
            }
            let Some(name) = symbols.object(unit.object).file.file(index) else {
                let function = String::from_utf8_lossy(symbols.name(function.symbol));
                let what =
                    format!("{function} comes from file number {number}, which is not there");
                return Err(symbols.malformed(Some(unit.object), what));
            };
            let offset = *known.entry(name).or_insert_with(|| {
                let offset = self.size as u32;
                self.size += self.expanded(name).map(|part| part.len() as u64).sum::<u64>() + 1;
                self.names.push((offset, name));
                offset
            });
            if unit.offsets.len() <= index {
                unit.offsets.resize(index + 1, NONE);
            }
            unit.offsets[index] = offset;
        }
        Ok(())
    }

    /// Fills the translation table. A number that no function of its object uses still finds a file
    /// that others use.
    fn lay_out_units(
        &mut self,
        symbols: &Symbols<'a>,
        known: &FxHashMap<&'a [u8], u32>,
        units: &[Unit],
    ) {
        for unit in units {
            self.starts[unit.object.index()] = self.cutab.len() as u32;
            for (index, offset) in unit.offsets.iter().enumerate() {
                let offset = match symbols.object(unit.object).file.file(index) {
                    Some(name) if *offset == NONE => known.get(name).copied().unwrap_or(NONE),
                    _ => *offset,
                };
                self.cutab.push(offset);
            }
        }
    }

    /// Where the files of a function's object begin in the translation table.
    pub(super) fn start(&self, object: Option<ObjId>) -> u32 {
        object.map_or(NONE, |object| self.starts[object.index()])
    }

    /// The parts of the name as the module holds it.
    fn expanded<'s>(&'s self, name: &'s [u8]) -> impl Iterator<Item = &'s [u8]> + use<'s, 'a> {
        let name = name.strip_prefix(PREFIX).unwrap_or(name);
        let parts = match name.strip_prefix(GOROOT) {
            Some(rest) if !self.goroot.is_empty() && rest.starts_with(b"/") => {
                [self.goroot.as_bytes(), rest]
            }
            _ => [name, &[]],
        };
        parts.into_iter()
    }

    pub(super) fn write(&self, out: &mut [u8]) {
        for (offset, name) in &self.names {
            let mut at = *offset as usize;
            for part in self.expanded(name) {
                out[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
        }
    }
}

/// A file name without what the compiler writes before it.
pub(crate) fn file_name(name: &[u8]) -> String {
    String::from_utf8_lossy(name.strip_prefix(PREFIX).unwrap_or(name)).into_owned()
}

/// The folder without doubled slashes, `.`, `..` and a slash at its end, as Go joins paths.
fn clean(goroot: &str) -> String {
    let rooted = goroot.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in goroot.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    format!("{}{}", if rooted { "/" } else { "" }, parts.join("/"))
}
