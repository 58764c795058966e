//! Numbering: every symbol of every object gets its global number.
//!
//! Package definitions come first, object by object, and never meet another definition. Then, for
//! each object, content-addressed symbols (one number per hash; the largest definition is kept) and
//! symbols with a global name (one number per name and ABI). References come last and make new
//! symbols only where nothing defines the name.

use gowasm_goobj::SymbolDef;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::kind::SymKind;
use crate::load::Loaded;
use crate::names::{NameTable, hash_name};
use crate::symbols::{ObjId, SymId, Symbols, attr};

/// What is learnt of an object's definitions by looking at it alone.
struct Survey {
    attrs: Vec<u8>,
    aligns: Vec<u8>,
    /// Hash, ABI and number of each definition of the package that has a global name.
    names: Vec<(u64, u32, u32)>,
    exports: Vec<u32>,
    /// Number in the toolchain's list, and in the object.
    builtins: Vec<(usize, u32)>,
}

pub(crate) fn number<'a>(loaded: Loaded<'a>) -> Result<Symbols<'a>, Error> {
    let version = loaded.toolchain.version;
    let mut symbols = Symbols {
        version,
        objects: loaded.objects,
        libraries: loaded.libraries,
        payloads: Vec::new(),
        places: vec![(u32::MAX, 0)],
        attrs: vec![0],
        aligns: vec![0],
        values: Vec::new(),
        names: NameTable::default(),
        builtins: vec![SymId::NIL; version.builtins.lines().count()],
        wasm_exports: Vec::new(),
    };
    // The nil symbol.
    symbols.payloads.push(crate::symbols::Payload::default());

    let surveys = survey(&symbols)?;
    number_package_definitions(&mut symbols, &surveys);
    number_shared_definitions(&mut symbols, &surveys)?;
    number_references(&mut symbols)?;
    symbols.values = vec![0; symbols.count()];
    Ok(symbols)
}

fn survey(symbols: &Symbols) -> Result<Vec<Survey>, Error> {
    let builtins: FxHashMap<&[u8], usize> = symbols
        .version
        .builtins
        .lines()
        .enumerate()
        .map(|(number, name)| (name.as_bytes(), number))
        .collect();
    let surveys: Vec<Result<Survey, Error>> = (0..symbols.objects.len())
        .into_par_iter()
        .map(|object| survey_object(symbols, ObjId(object as u32), &builtins))
        .collect();
    surveys.into_iter().collect()
}

fn survey_object(
    symbols: &Symbols,
    id: ObjId,
    builtins: &FxHashMap<&[u8], usize>,
) -> Result<Survey, Error> {
    let object = symbols.object(id);
    let file = object.file;
    let is_runtime = symbols.libraries[object.library.index()].package == "runtime";
    let mut survey = Survey {
        attrs: Vec::with_capacity(file.def_count() as usize),
        aligns: Vec::with_capacity(file.def_count() as usize),
        names: Vec::with_capacity(file.package_def_count() as usize),
        exports: Vec::new(),
        builtins: Vec::new(),
    };
    let hashed = file.package_def_count()
        ..file.package_def_count() + file.hashed64_count() + file.hashed_count();
    for at in 0..file.def_count() {
        let def = file.symbol(at);
        let broken = |what: &str| {
            let name = String::from_utf8_lossy(file.name(at)).into_owned();
            symbols.malformed(Some(id), format!("symbol {at} ({name}) {what}"))
        };
        if SymKind::from_object(def.kind()).is_none() {
            return Err(broken("is of an unknown kind"));
        }
        let align = def.align();
        if align != 0 && !align.is_power_of_two() {
            return Err(broken("has an alignment that is no power of two"));
        }
        survey.aligns.push(if align == 0 { 0 } else { align.trailing_zeros() as u8 + 1 });
        let flags = def.flags();
        let used = if flags.used_in_iface() { attr::USED_IN_IFACE } else { 0 };
        survey.attrs.push(used | if flags.local() { attr::LOCAL } else { 0 });
        if flags.second & symbols.version.flag_wasm_export != 0 {
            survey.exports.push(at);
        }
        if hashed.contains(&at) {
            continue;
        }
        let name = file.name(at);
        let candidate = name.starts_with(b"runtime.") || (is_runtime && name.starts_with(b"type:"));
        if candidate && let Some(&number) = builtins.get(name) {
            survey.builtins.push((number, at));
        }
        let abi = abi(def).ok_or_else(|| broken("is of an unknown ABI"))?;
        if at < file.package_def_count() && abi != STATIC && !name.is_empty() {
            survey.names.push((hash_name(name, abi), abi, at));
        }
    }
    Ok(survey)
}

const STATIC: u32 = SymbolDef::STATIC as u32;

/// Which of two symbols with one name is meant. Wasm has one calling convention, so that both ABIs
/// are the same.
fn abi(def: SymbolDef) -> Option<u32> {
    match def.abi() {
        0 | 1 => Some(0),
        SymbolDef::STATIC => Some(STATIC),
        _ => None,
    }
}

fn number_package_definitions(symbols: &mut Symbols, surveys: &[Survey]) {
    let total: usize = symbols.objects.iter().map(|o| o.file.symbol_count() as usize).sum();
    symbols.places.reserve(total);
    symbols.attrs.reserve(total);
    symbols.aligns.reserve(total);
    symbols.names = NameTable::with_capacity(surveys.iter().map(|s| s.names.len() + 16).sum());
    for (id, survey) in surveys.iter().enumerate() {
        let first = symbols.places.len() as u32;
        let count = symbols.objects[id].file.package_def_count();
        symbols.objects[id].first_def = first;
        symbols.places.extend((0..count).map(|at| (id as u32, at)));
        symbols.attrs.extend_from_slice(&survey.attrs[..count as usize]);
        symbols.aligns.extend_from_slice(&survey.aligns[..count as usize]);
        for &(hash, abi, at) in &survey.names {
            symbols.names.insert(hash, abi, SymId(first + at));
        }
        for &at in survey.exports.iter().filter(|at| **at < count) {
            symbols.wasm_exports.push(SymId(first + at));
        }
        for &(number, at) in survey.builtins.iter().filter(|(_, at)| *at < count) {
            symbols.builtins[number] = SymId(first + at);
        }
    }
}

fn number_shared_definitions(symbols: &mut Symbols, surveys: &[Survey]) -> Result<(), Error> {
    let total = |count: fn(&gowasm_goobj::Object) -> u32| -> usize {
        symbols.objects.iter().map(|o| count(&o.file) as usize).sum()
    };
    let mut hashed64: FxHashMap<u64, SymId> = FxHashMap::default();
    hashed64.reserve(total(|file| file.hashed64_count()) / 2);
    let mut hashed: FxHashMap<&[u8; 16], SymId> = FxHashMap::default();
    hashed.reserve(total(|file| file.hashed_count()) / 2);
    for (id, survey) in surveys.iter().enumerate() {
        let file = symbols.objects[id].file;
        let (ndef, n64, nhash) =
            (file.package_def_count(), file.hashed64_count(), file.hashed_count());
        let mut others = Vec::with_capacity((file.symbol_count() - ndef) as usize);
        for at in ndef..file.def_count() {
            let new = SymId(symbols.places.len() as u32);
            let symbol = if at < ndef + n64 {
                *hashed64.entry(file.hash64(at - ndef)).or_insert(new)
            } else if at < ndef + n64 + nhash {
                *hashed.entry(file.hash(at - ndef - n64)).or_insert(new)
            } else {
                named_definition(symbols, id, at, new)?
            };
            others.push(symbol);
            let (attrs, align) = (survey.attrs[at as usize], survey.aligns[at as usize]);
            if symbol == new {
                symbols.places.push((id as u32, at));
                symbols.attrs.push(attrs);
                symbols.aligns.push(align);
            } else {
                symbols.attrs[symbol.index()] |= attrs;
                let known = &mut symbols.aligns[symbol.index()];
                *known = align.max(*known);
                if at < ndef + n64 + nhash
                    && u64::from(file.symbol(at).size()) > symbols.size(symbol)
                {
                    symbols.places[symbol.index()] = (id as u32, at);
                }
            }
        }
        let of = |at: u32| others[(at - ndef) as usize];
        for &at in survey.exports.iter().filter(|at| **at >= ndef) {
            symbols.wasm_exports.push(of(at));
        }
        for &(number, at) in survey.builtins.iter().filter(|(_, at)| *at >= ndef) {
            symbols.builtins[number] = of(at);
        }
        symbols.objects[id].others = others;
    }
    Ok(())
}

/// The number of a definition with a global name: `new`, or that of an earlier definition, which
/// it may replace.
fn named_definition(symbols: &mut Symbols, id: usize, at: u32, new: SymId) -> Result<SymId, Error> {
    let file = symbols.objects[id].file;
    let def = file.symbol(at);
    let name = file.name(at);
    let abi = abi(def).unwrap_or(STATIC);
    if name.is_empty() || abi == STATIC {
        return Ok(new);
    }
    let hash = hash_name(name, abi);
    let Some(old) = symbols.names.find_hashed(hash, name, abi, |symbol| symbols.name(symbol))
    else {
        symbols.names.insert(hash, abi, new);
        return Ok(new);
    };
    let (size, old_size) = (u64::from(def.size()), symbols.size(old));
    let replace = (id as u32, at);
    let old_dupok = symbols.flags(old).dupok();
    if def.flags().dupok() {
        if old_size < size && (old_dupok || !symbols.version.strong_overrides_dupok) {
            symbols.places[old.index()] = replace;
        }
        return Ok(old);
    }
    if old_dupok {
        if symbols.version.strong_overrides_dupok {
            symbols.places[old.index()] = replace;
        }
        return Ok(old);
    }
    // Neither allows duplicates: one of them must be a mere declaration.
    let (kind, old_kind) =
        (SymKind::from_object(def.kind()).unwrap_or_default(), symbols.kind(old));
    let (content, old_content) = (!file.data(at).is_empty(), !symbols.data(old).is_empty());
    let (bss, old_bss) = (kind.is_data() && !content, old_kind.is_data() && !old_content);
    if old_bss && (kind.is_text() || content || (bss && size > old_size)) {
        symbols.places[old.index()] = replace;
        if old_size > size {
            symbols.edit(old).size = old_size;
        }
    } else if bss {
        if size > old_size {
            symbols.edit(old).size = size;
        }
    } else {
        return Err(crate::report::duplicate_definition(symbols, old, ObjId(id as u32), at));
    }
    Ok(old)
}

fn number_references(symbols: &mut Symbols) -> Result<(), Error> {
    let by_package = objects_by_package(symbols);
    for id in 0..symbols.objects.len() {
        let file = symbols.objects[id].file;
        for at in file.def_count()..file.symbol_count() {
            let def = file.symbol(at);
            let name = file.name(at);
            let symbol = match abi(def) {
                Some(STATIC) => symbols.make_unnamed(name, STATIC),
                Some(abi) => symbols.lookup_or_make_version(name, abi),
                None => {
                    return Err(symbols.malformed(
                        Some(ObjId(id as u32)),
                        format!("symbol {at} is of an unknown ABI"),
                    ));
                }
            };
            let flags = def.flags();
            if flags.local() {
                symbols.set(symbol, attr::LOCAL);
            }
            if flags.used_in_iface() {
                symbols.set(symbol, attr::USED_IN_IFACE);
            }
            symbols.objects[id].others.push(symbol);
        }
        let mut packages = vec![None; file.packages().len()];
        for (slot, package) in packages.iter_mut().zip(file.packages()).skip(1) {
            let Some(&object) = by_package.get(package) else {
                return Err(symbols.malformed(
                    Some(ObjId(id as u32)),
                    format!(
                        "refers to package {}, which is not part of the link",
                        String::from_utf8_lossy(package)
                    ),
                ));
            };
            *slot = Some(object);
        }
        symbols.objects[id].packages = packages;
    }
    for id in 0..symbols.objects.len() {
        let file = symbols.objects[id].file;
        for flag in file.ref_flags() {
            if flag.flags().used_in_iface() {
                let symbol = symbols.resolve(ObjId(id as u32), flag.symbol())?;
                symbols.set(symbol, attr::USED_IN_IFACE);
            }
        }
    }
    Ok(())
}

/// The first object of each package, by the package's escaped path.
fn objects_by_package(symbols: &Symbols) -> FxHashMap<Vec<u8>, ObjId> {
    let mut map = FxHashMap::default();
    for library in &symbols.libraries {
        if let Some(&first) = library.objects.first() {
            map.entry(escape_package(&library.package)).or_insert(first);
        }
    }
    map
}

/// A package path as object files write it: with dots after the last slash, and all bytes that are
/// not plain, as `%xx`.
pub(crate) fn escape_package(path: &str) -> Vec<u8> {
    let slash = path.rfind('/');
    let mut escaped = Vec::with_capacity(path.len());
    for (at, byte) in path.bytes().enumerate() {
        let dot = byte == b'.' && slash.is_none_or(|slash| at > slash);
        if byte <= b' ' || dot || byte == b'%' || byte == b'"' || byte >= 0x7f {
            escaped.extend_from_slice(format!("%{byte:02x}").as_bytes());
        } else {
            escaped.push(byte);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    #[test]
    fn escapes_dots_of_the_last_element_only() {
        assert_eq!(super::escape_package("gopkg.in/yaml.v3"), b"gopkg.in/yaml%2ev3");
        assert_eq!(super::escape_package("example.com/a"), b"example.com/a");
    }
}
