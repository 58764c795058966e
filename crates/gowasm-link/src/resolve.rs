//! Numbering: every symbol of every object gets its global number.
//!
//! Package definitions come first, object by object, and never meet another definition. Then, for
//! each object, content-addressed symbols (one number per hash; the largest definition is kept) and
//! symbols with a global name (one number per name and ABI). References come last and make new
//! symbols only where nothing defines the name.
//!
//! Of the numbers only the order shows in the module. So every definition has its number before
//! anything is known of it, and what is merged leaves holes: hashes are merged and references looked
//! up in parallel, and only the merging of names goes from object to object.

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use gowasm_goobj::{Object, SymbolDef};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::kind::SymKind;
use crate::load::Loaded;
use crate::memory;
use crate::names::{NamePart, NameTable, PARTS, hash_name, part_of};
use crate::symbols::{Known, ObjId, PackageDefs, SymId, Symbols, attr};

/// What is learnt of an object's definitions by looking at it alone.
struct Survey {
    /// Hash, ABI and number in the object of each definition that has a global name.
    names: Vec<(u64, u32, u32)>,
    /// How many of them are definitions of the package.
    package_names: usize,
    exports: Vec<u32>,
    /// Number in the toolchain's list, and in the object.
    builtins: Vec<(usize, u32)>,
}

pub(crate) fn number<'a>(loaded: Loaded<'a>) -> Result<Symbols<'a>, Error> {
    let version = loaded.toolchain.version;
    let mut symbols = Symbols {
        version,
        map_type_extra: loaded.toolchain.experiments.map_type_extra,
        objects: loaded.objects,
        libraries: loaded.libraries,
        payloads: Vec::new(),
        places: Vec::new(),
        known: Vec::new(),
        attrs: Vec::new(),
        aligns: Vec::new(),
        values: Vec::new(),
        names: NameTable::default(),
        builtins: vec![SymId::NIL; version.builtins.lines().count()],
        wasm_exports: Vec::new(),
    };
    // The nil symbol.
    symbols.payloads.push(crate::symbols::Payload::default());

    reserve_numbers(&mut symbols);
    let surveys = survey(&mut symbols)?;
    let ((names, again), (shared, merged)) =
        rayon::join(|| gather_names(&symbols, &surveys), || merge_hashed(&symbols));
    symbols.names = names;
    apply_merged(&mut symbols, merged);
    merge_named(&mut symbols, again, &shared)?;
    note_special(&mut symbols, &surveys, &shared);
    number_references(&mut symbols, &shared)?;
    symbols.values = memory::table(symbols.count(), 0);
    Ok(symbols)
}

/// Every definition gets a number of its own, also where it will turn out that another one is used
/// in its place: only the order of numbers counts.
fn reserve_numbers(symbols: &mut Symbols) {
    let mut next = 1;
    for object in &mut symbols.objects {
        object.first_def = next;
        next += object.file.package_def_count();
    }
    for object in &mut symbols.objects {
        object.first_other = next;
        next += object.file.def_count() - object.file.package_def_count();
    }
    let count = next as usize;
    (symbols.places, (symbols.known, symbols.attrs)) = rayon::join(
        || memory::table(count, (0, 0)),
        || (memory::table(count, Known::default()), (0..count).map(|_| AtomicU8::new(0)).collect()),
    );
    symbols.places[0] = (u32::MAX, 0);
    symbols.aligns = vec![0; count];
}

/// The places that one object's definitions have in the global tables.
struct Slots<'s> {
    places: &'s mut [(u32, u32)],
    known: &'s mut [Known],
    attrs: &'s mut [AtomicU8],
    aligns: &'s mut [u8],
}

impl<'s> Slots<'s> {
    fn take(&mut self, count: usize) -> Slots<'s> {
        Slots {
            places: self.places.split_off_mut(..count).unwrap_or_default(),
            known: self.known.split_off_mut(..count).unwrap_or_default(),
            attrs: self.attrs.split_off_mut(..count).unwrap_or_default(),
            aligns: self.aligns.split_off_mut(..count).unwrap_or_default(),
        }
    }
}

fn survey(symbols: &mut Symbols) -> Result<Vec<Survey>, Error> {
    let builtins: FxHashMap<&[u8], usize> = symbols
        .version
        .builtins
        .lines()
        .enumerate()
        .map(|(number, name)| (name.as_bytes(), number))
        .collect();
    let mut places = std::mem::take(&mut symbols.places);
    let mut known = std::mem::take(&mut symbols.known);
    let mut attrs = std::mem::take(&mut symbols.attrs);
    let mut aligns = std::mem::take(&mut symbols.aligns);
    let mut left = Slots {
        places: &mut places[1..],
        known: &mut known[1..],
        attrs: &mut attrs[1..],
        aligns: &mut aligns[1..],
    };
    let own: Vec<Slots> = symbols
        .objects
        .iter()
        .map(|object| left.take(object.file.package_def_count() as usize))
        .collect();
    let tables: Vec<[Slots; 2]> = own
        .into_iter()
        .zip(&symbols.objects)
        .map(|(own, object)| {
            let others = object.file.def_count() - object.file.package_def_count();
            [own, left.take(others as usize)]
        })
        .collect();
    let reader = &*symbols;
    let surveys: Vec<Result<Survey, Error>> = tables
        .into_par_iter()
        .enumerate()
        .map(|(object, slots)| survey_object(reader, ObjId(object as u32), slots, &builtins))
        .collect();
    symbols.places = places;
    symbols.known = known;
    symbols.attrs = attrs;
    symbols.aligns = aligns;
    surveys.into_iter().collect()
}

fn survey_object(
    symbols: &Symbols,
    id: ObjId,
    slots: [Slots; 2],
    builtins: &FxHashMap<&[u8], usize>,
) -> Result<Survey, Error> {
    let object = symbols.object(id);
    let file = object.file;
    let is_runtime = symbols.libraries[object.library.index()].package == "runtime";
    let own = file.package_def_count();
    let mut survey = Survey {
        names: Vec::with_capacity(own as usize / 4),
        package_names: 0,
        exports: Vec::new(),
        builtins: Vec::new(),
    };
    let hashed = own..own + file.hashed64_count() + file.hashed_count();
    let [own_slots, other_slots] = slots;
    for (first, slots) in [(0, own_slots), (own, other_slots)] {
        let slots = slots.places.iter_mut().zip(slots.known).zip(slots.attrs).zip(slots.aligns);
        for (at, (((place, known), attrs), align)) in (first..).zip(slots) {
            let def = file.symbol(at);
            let broken = |what: &str| {
                let name = String::from_utf8_lossy(file.name(at)).into_owned();
                symbols.malformed(Some(id), format!("symbol {at} ({name}) {what}"))
            };
            let flags = def.flags();
            let kind = SymKind::from_object(def.kind(), symbols.version);
            *known = Known { kind: kind.ok_or_else(|| broken("is of an unknown kind"))?, flags };
            if def.align() != 0 {
                if !def.align().is_power_of_two() {
                    return Err(broken("has an alignment that is no power of two"));
                }
                *align = def.align().trailing_zeros() as u8 + 1;
            }
            *place = (id.0, at);
            let used = if flags.used_in_iface() { attr::USED_IN_IFACE } else { 0 };
            *attrs.get_mut() = used | if flags.local() { attr::LOCAL } else { 0 };
            if flags.second & symbols.version.flag_wasm_export != 0 {
                survey.exports.push(at);
            }
            if hashed.contains(&at) {
                continue;
            }
            let abi = abi(def).ok_or_else(|| broken("is of an unknown ABI"))?;
            let name = file.name(at);
            let candidate =
                name.starts_with(b"runtime.") || (is_runtime && name.starts_with(b"type:"));
            if candidate && let Some(&number) = builtins.get(name) {
                survey.builtins.push((number, at));
            }
            if abi != STATIC && !name.is_empty() {
                survey.names.push((hash_name(name, abi), abi, at));
                survey.package_names += usize::from(at < own);
            }
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

/// The numbers that stand for the definitions after those of packages: their own, or that of the
/// definition used in their place.
struct Shared {
    first: u32,
    numbers: Vec<AtomicU32>,
}

impl Shared {
    fn slot(&self, number: u32) -> &AtomicU32 {
        &self.numbers[(number - self.first) as usize]
    }

    fn get(&self, number: u32) -> SymId {
        SymId(self.slot(number).load(Ordering::Relaxed))
    }

    fn set(&self, number: u32, symbol: SymId) {
        self.slot(number).store(symbol.0, Ordering::Relaxed);
    }
}

/// How many parts the content hashes are cut into, to be worked on in parallel.
const SHARDS: u8 = 4;

/// A definition that is used in the place of another one with the same content hash.
struct Merged {
    kept: SymId,
    dropped: u32,
    /// The other one has more content, which is kept.
    larger: bool,
}

/// Of definitions with one content hash the first gives the number, and the largest the content.
fn merge_hashed(symbols: &Symbols) -> (Shared, Vec<Merged>) {
    let first = symbols.objects.first().map_or(1, |object| object.first_other);
    let numbers = first..symbols.places.len() as u32;
    let shared = Shared { first, numbers: numbers.into_par_iter().map(AtomicU32::new).collect() };
    let (short, long) = rayon::join(
        || merge_shard(symbols, &shared, short_hashes, u64::from_le_bytes, |_| true, 1),
        || -> Vec<Vec<Merged>> {
            let shards = (0..SHARDS).into_par_iter().map(|shard| {
                let wanted = |first: u8| first % SHARDS == shard;
                let key = u128::from_le_bytes;
                merge_shard(symbols, &shared, long_hashes, key, wanted, SHARDS.into())
            });
            shards.collect()
        },
    );
    let merged = long.into_iter().chain([short]).flatten().collect();
    (shared, merged)
}

fn apply_merged(symbols: &mut Symbols, merged: Vec<Merged>) {
    for merged in merged {
        let (kept, dropped) = (merged.kept.index(), merged.dropped as usize);
        *symbols.attrs[kept].get_mut() |= *symbols.attrs[dropped].get_mut();
        symbols.aligns[kept] = symbols.aligns[kept].max(symbols.aligns[dropped]);
        if merged.larger {
            symbols.places[kept] = symbols.places[dropped];
            symbols.known[kept] = symbols.known[dropped];
        }
    }
}

fn short_hashes<'a>(file: &Object<'a>) -> (u32, &'a [[u8; 8]]) {
    (file.package_def_count(), file.hashes64())
}

fn long_hashes<'a>(file: &Object<'a>) -> (u32, &'a [[u8; 16]]) {
    (file.package_def_count() + file.hashed64_count(), file.hashes())
}

/// Merges the definitions with a wanted first byte of their hash. `hashes` gives an object's first
/// hashed definition and the hash of each; `shards`, in how many calls all are merged. Returns those
/// that change the one that is kept.
fn merge_shard<const N: usize, K: Copy + Eq + std::hash::Hash>(
    symbols: &Symbols,
    shared: &Shared,
    hashes: impl for<'o> Fn(&Object<'o>) -> (u32, &'o [[u8; N]]),
    key: impl Fn([u8; N]) -> K,
    wanted: impl Fn(u8) -> bool,
    shards: usize,
) -> Vec<Merged> {
    // More than half of all hashes come up again.
    let all: usize = symbols.objects.iter().map(|object| hashes(&object.file).1.len()).sum();
    let mut merged = Vec::new();
    // Number and size of the definition with that hash.
    let mut known: FxHashMap<K, (u32, u32)> = FxHashMap::default();
    known.reserve(all / shards / 2);
    for object in &symbols.objects {
        let file = &object.file;
        let (start, hashes) = hashes(file);
        for (hash, nth) in hashes.iter().zip(0..) {
            if !wanted(hash[0]) {
                continue;
            }
            let at = start + nth;
            let number = object.first_other + at - file.package_def_count();
            let size = file.symbol(at).size();
            match known.entry(key(*hash)) {
                Entry::Vacant(new) => drop(new.insert((number, size))),
                Entry::Occupied(mut kept) => {
                    let (kept, kept_size) = kept.get_mut();
                    shared.set(number, SymId(*kept));
                    let plain = symbols.attrs[number as usize].load(Ordering::Relaxed) == 0
                        && symbols.aligns[number as usize] == 0;
                    let larger = size > *kept_size;
                    if !plain || larger {
                        merged.push(Merged { kept: SymId(*kept), dropped: number, larger });
                        *kept_size = size.max(*kept_size);
                    }
                }
            }
        }
    }
    merged
}

/// A definition whose name an earlier one has.
struct Again {
    new: SymId,
    old: SymId,
}

/// The table of names, and the definitions that come up again.
fn gather_names(symbols: &Symbols, surveys: &[Survey]) -> (NameTable, Vec<Again>) {
    let (mut parts, mut again) = (<[NamePart; PARTS]>::default(), Vec::new());
    let found: Vec<_> =
        (0..PARTS).into_par_iter().map(|part| gather_part(symbols, surveys, part)).collect();
    for (part, (names, of_part)) in parts.iter_mut().zip(found) {
        *part = names;
        again.extend(of_part);
    }
    again.sort_unstable_by_key(|again| again.new);
    (NameTable::new(parts), again)
}

fn gather_part(symbols: &Symbols, surveys: &[Survey], part: usize) -> (NamePart, Vec<Again>) {
    let all: usize = surveys.iter().map(|survey| survey.names.len() + 16).sum();
    // The parts are not exactly of one size.
    let mut names = NamePart::with_capacity(all / PARTS * 9 / 8);
    let own = |&&(hash, ..): &&(u64, u32, u32)| part_of(hash) == part;
    for (object, survey) in symbols.objects.iter().zip(surveys) {
        for &(hash, abi, at) in survey.names[..survey.package_names].iter().filter(own) {
            names.insert(hash, abi, SymId(object.first_def + at));
        }
    }
    let mut again = Vec::new();
    for (object, survey) in symbols.objects.iter().zip(surveys) {
        let first = object.first_other - object.file.package_def_count();
        for &(hash, abi, at) in survey.names[survey.package_names..].iter().filter(own) {
            let new = SymId(first + at);
            match names.find(hash, object.file.name(at), abi, |symbol| symbols.name(symbol)) {
                Some(old) => again.push(Again { new, old }),
                None => names.insert(hash, abi, new),
            }
        }
    }
    (names, again)
}

/// One number for each name.
fn merge_named(symbols: &mut Symbols, again: Vec<Again>, shared: &Shared) -> Result<(), Error> {
    for Again { new, old } in again {
        merge_definition(symbols, new, old)?;
        shared.set(new.0, old);
        let (new, old) = (new.index(), old.index());
        let attrs = *symbols.attrs[new].get_mut();
        *symbols.attrs[old].get_mut() |= attrs;
        symbols.aligns[old] = symbols.aligns[old].max(symbols.aligns[new]);
    }
    Ok(())
}

/// Notes exports, and the functions that objects refer to by number: definitions of packages first.
fn note_special(symbols: &mut Symbols, surveys: &[Survey], shared: &Shared) {
    for of_package in [true, false] {
        for (id, survey) in surveys.iter().enumerate() {
            let object = &symbols.objects[id];
            let own = object.file.package_def_count();
            let number = |at: u32| match at.checked_sub(own) {
                None => SymId(object.first_def + at),
                Some(other) => shared.get(object.first_other + other),
            };
            let meant = |at: u32| (at < own) == of_package;
            for &at in survey.exports.iter().filter(|at| meant(**at)) {
                symbols.wasm_exports.push(number(at));
            }
            for &(builtin, at) in survey.builtins.iter().filter(|(_, at)| meant(*at)) {
                symbols.builtins[builtin] = number(at);
            }
        }
    }
}

/// Keeps the right one of two definitions of a name under the number of the earlier one.
fn merge_definition(symbols: &mut Symbols, new: SymId, old: SymId) -> Result<(), Error> {
    let (size, old_size) = (symbols.size(new), symbols.size(old));
    let replace = |symbols: &mut Symbols| {
        symbols.places[old.index()] = symbols.places[new.index()];
        symbols.known[old.index()] = symbols.known[new.index()];
    };
    let old_dupok = symbols.flags(old).dupok();
    if symbols.flags(new).dupok() {
        if old_size < size && (old_dupok || !symbols.version.strong_overrides_dupok) {
            replace(symbols);
        }
        return Ok(());
    }
    if old_dupok {
        if symbols.version.strong_overrides_dupok {
            replace(symbols);
        }
        return Ok(());
    }
    // Neither allows duplicates: one of them must be a mere declaration.
    let (kind, old_kind) = (symbols.kind(new), symbols.kind(old));
    let (content, old_content) = (!symbols.data(new).is_empty(), !symbols.data(old).is_empty());
    let (bss, old_bss) = (kind.is_data() && !content, old_kind.is_data() && !old_content);
    if old_bss && (kind.is_text() || content || (bss && size > old_size)) {
        replace(symbols);
        if old_size > size {
            symbols.edit(old).size = old_size;
        }
    } else if bss {
        if size > old_size {
            symbols.edit(old).size = size;
        }
    } else {
        return Err(crate::report::duplicate_definition(symbols, old, new));
    }
    Ok(())
}

fn number_references(symbols: &mut Symbols, shared: &Shared) -> Result<(), Error> {
    let by_package = objects_by_package(symbols);
    let reader = &*symbols;
    let found: Vec<Result<References, Error>> = (0..reader.objects.len())
        .into_par_iter()
        .map(|id| find_references(reader, ObjId(id as u32), shared, &by_package))
        .collect();
    // Most references that nothing defines have no name: they mean one symbol.
    let mut nameless = SymId::NIL;
    for (id, found) in found.into_iter().enumerate() {
        let mut found = found?;
        let file = symbols.objects[id].file;
        for (slot, at) in found.missing {
            let name = file.name(at);
            found.others[slot] = match abi(file.symbol(at)) {
                Some(abi) if abi != STATIC => {
                    if !name.is_empty() {
                        symbols.lookup_or_make_version(name, abi)
                    } else {
                        if nameless.is_nil() {
                            nameless = symbols.lookup_or_make_version(name, abi);
                        }
                        nameless
                    }
                }
                _ => symbols.make_unnamed(name, STATIC),
            };
        }
        let first = (file.def_count() - file.package_def_count()) as usize;
        for (slot, attrs) in found.attrs {
            symbols.set(found.others[first + slot], attrs);
        }
        symbols.objects[id].others = found.others;
        symbols.objects[id].packages = found.packages;
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

/// An object's references, as far as they lead to definitions.
struct References {
    others: Vec<SymId>,
    /// Places in `others` without a definition, with the number in the object.
    missing: Vec<(usize, u32)>,
    /// What references add to attributes, by their place among the references.
    attrs: Vec<(usize, u8)>,
    packages: Vec<PackageDefs>,
}

fn find_references(
    symbols: &Symbols,
    id: ObjId,
    shared: &Shared,
    by_package: &FxHashMap<Vec<u8>, ObjId>,
) -> Result<References, Error> {
    let object = symbols.object(id);
    let file = object.file;
    let defined = file.def_count() - file.package_def_count();
    let mut others = Vec::with_capacity((file.symbol_count() - file.package_def_count()) as usize);
    others.extend((object.first_other..object.first_other + defined).map(|at| shared.get(at)));
    let (mut missing, mut attrs) = (Vec::new(), Vec::new());
    for (nth, at) in (file.def_count()..file.symbol_count()).enumerate() {
        let def = file.symbol(at);
        let abi = abi(def).ok_or_else(|| {
            symbols.malformed(Some(id), format!("symbol {at} is of an unknown ABI"))
        })?;
        let known = if abi == STATIC { None } else { symbols.lookup_version(file.name(at), abi) };
        if known.is_none() {
            missing.push((others.len(), at));
        }
        others.push(known.unwrap_or_default());
        let flags = def.flags();
        let used = if flags.used_in_iface() { attr::USED_IN_IFACE } else { 0 };
        let added = used | if flags.local() { attr::LOCAL } else { 0 };
        if added != 0 {
            attrs.push((nth, added));
        }
    }
    let mut packages = vec![PackageDefs::default(); file.packages().len()];
    for (slot, package) in packages.iter_mut().zip(file.packages()).skip(1) {
        let Some(&object) = by_package.get(package) else {
            return Err(symbols.malformed(
                Some(id),
                format!(
                    "refers to package {}, which is not part of the link",
                    String::from_utf8_lossy(package)
                ),
            ));
        };
        *slot = symbols.object(object).package_defs();
    }
    Ok(References { others, missing, attrs, packages })
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
