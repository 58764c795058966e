//! Which symbols the program can reach.
//!
//! A symbol keeps alive what it refers to, with exceptions for methods: a method of a type that
//! became an interface value is kept only when a reachable call could name it, by interface and
//! method, by method name alone, or by reflection. The set is a fixpoint and does not depend on the
//! order in which it is found: all threads flood at once.

use std::sync::{Mutex, PoisonError};

use gowasm_goobj::{AuxKind, SymFlags};
use rayon::Scope;
use rustc_hash::FxHashSet;

use crate::error::Error;
use crate::options::{BuildMode, Options};
use crate::symbols::{Reloc, SymId, Symbols, attr};
use crate::types::{self, Type};

const R_CALL: u16 = 7;
/// Only recorded, of fields that are tracked.
const R_USE_FIELD: u16 = 21;
const R_USE_TYPE: u16 = 22;
const R_USE_IFACE: u16 = 23;
const R_USE_IFACE_METHOD: u16 = 24;
const R_USE_NAMED_METHOD: u16 = 25;
pub(crate) const R_METHOD_OFF: u16 = 26;

/// A method of a reachable type: its name and type, and the three symbols that reaching it keeps.
struct Method<'s> {
    name: &'s [u8],
    kind: SymId,
    parts: [SymId; 3],
}

/// What else was met on the way.
#[derive(Default)]
struct Found<'s> {
    interface_methods: FxHashSet<(&'s [u8], SymId)>,
    named_methods: FxHashSet<&'s [u8]>,
    methods: Vec<Method<'s>>,
    reflection: bool,
    package_inits: Vec<SymId>,
    errors: Vec<(SymId, Error)>,
}

/// The function that a module starts with.
pub(crate) fn entry_name(goos: &str, mode: BuildMode) -> String {
    let suffix = if mode == BuildMode::CShared { "_lib" } else { "" };
    format!("_rt0_wasm_{goos}{suffix}")
}

/// Marks everything that can be reached.
pub(crate) fn mark(
    symbols: &mut Symbols,
    options: &Options,
    goos: &str,
    main_tasks: Option<SymId>,
) -> Result<(), Error> {
    let entry = entry_name(goos, options.build_mode);
    let names: [&[u8]; 2] = [entry.as_bytes(), b"runtime.unreachableMethod"];
    let roots: Vec<SymId> = names
        .iter()
        .filter_map(|name| symbols.lookup(name))
        .chain(symbols.wasm_exports.iter().copied())
        .chain(main_tasks)
        .collect();
    let inits = flood(symbols, roots)?;
    if options.prune_weak_map { drop_map_inits(symbols, inits) } else { Ok(()) }
}

/// Follows references until nothing new turns up. Returns the functions that initialise packages.
fn flood(symbols: &Symbols, roots: Vec<SymId>) -> Result<Vec<SymId>, Error> {
    let found = Mutex::default();
    let mut walk = Walk::new(symbols);
    roots.into_iter().for_each(|root| walk.mark(root));
    loop {
        rayon::scope(|scope| walk.run(scope, &found));
        let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
        if !found.errors.is_empty() {
            let first = found.errors.drain(..).min_by_key(|(symbol, _)| *symbol);
            return first.map_or(Ok(Vec::new()), |(_, error)| Err(error));
        }
        walk = Walk::new(symbols);
        let methods = std::mem::take(&mut found.methods);
        for method in methods {
            if found.wants(&method) {
                method.parts.into_iter().for_each(|part| walk.mark(part));
            } else {
                found.methods.push(method);
            }
        }
        if walk.queue.is_empty() {
            return Ok(std::mem::take(&mut found.package_inits));
        }
    }
}

impl<'s> Found<'s> {
    fn wants(&self, method: &Method<'s>) -> bool {
        (self.reflection && is_exported(method.name))
            || self.named_methods.contains(method.name)
            || self.interface_methods.contains(&(method.name, method.kind))
    }

    fn add(&mut self, other: Found<'s>) {
        self.interface_methods.extend(other.interface_methods);
        self.named_methods.extend(other.named_methods);
        self.methods.extend(other.methods);
        self.reflection |= other.reflection;
        self.package_inits.extend(other.package_inits);
        self.errors.extend(other.errors);
    }
}

/// A queue this long is shared with whoever has nothing to do. The last symbols found are visited
/// first, so queues stay short.
const SHARE: usize = 32;

/// One worker's part of the flood.
struct Walk<'s> {
    symbols: &'s Symbols<'s>,
    queue: Vec<SymId>,
    found: Found<'s>,
    relocs: Vec<Reloc>,
}

impl<'s> Walk<'s> {
    fn new(symbols: &'s Symbols<'_>) -> Self {
        Walk { symbols, queue: Vec::new(), found: Found::default(), relocs: Vec::new() }
    }

    fn mark(&mut self, symbol: SymId) {
        if symbol.is_nil() || self.symbols.is_reachable(symbol) {
            return;
        }
        if self.symbols.set_shared(symbol, attr::REACHABLE) & attr::REACHABLE == 0 {
            self.queue.push(symbol);
        }
    }

    /// Notes that values of a type become interface values; what the type refers to then counts.
    fn use_in_interface(&mut self, symbol: SymId) {
        if symbol.is_nil() {
            return;
        }
        let before = self.symbols.set_shared(symbol, attr::USED_IN_IFACE);
        if before & attr::USED_IN_IFACE == 0 && before & attr::REACHABLE != 0 {
            self.queue.push(symbol);
        }
    }

    fn run<'scope>(mut self, scope: &Scope<'scope>, found: &'scope Mutex<Found<'s>>)
    where
        's: 'scope,
    {
        while let Some(symbol) = self.queue.pop() {
            if let Err(error) = self.visit(symbol) {
                self.found.errors.push((symbol, error));
            }
            if self.queue.len() >= SHARE {
                let mut other = Walk::new(self.symbols);
                other.queue.extend(self.queue.drain(..SHARE / 2));
                scope.spawn(|scope| other.run(scope, found));
            }
        }
        found.lock().unwrap_or_else(PoisonError::into_inner).add(self.found);
    }

    fn visit(&mut self, symbol: SymId) -> Result<(), Error> {
        let symbols = self.symbols;
        let flags = symbols.flags(symbol);
        self.found.reflection |= flags.reflect_method();
        let in_interface = flags.go_type() && symbols.has(symbol, attr::USED_IN_IFACE);
        let mut relocs = std::mem::take(&mut self.relocs);
        symbols.relocs_into(symbol, &mut relocs)?;
        let mut offsets = Vec::new();
        let mut next = 0;
        while let Some(&reloc) = relocs.get(next) {
            next += 1;
            if reloc.is_weak() {
                continue;
            }
            let target = reloc.target;
            match reloc.base_kind() {
                R_METHOD_OFF => {
                    // Three in a row: function type, and the two entry points.
                    let Some(&[second, third]) = relocs.get(next..next + 2) else {
                        return Err(malformed(symbols, symbol, "an incomplete method entry"));
                    };
                    next += 2;
                    if in_interface {
                        offsets.push([target, second.target, third.target]);
                        self.use_in_interface(target);
                    }
                }
                R_USE_FIELD | R_USE_TYPE => {}
                R_USE_IFACE => {
                    let mut used = target;
                    if symbols.flags(used).itab() {
                        used = types::itab_type(symbols, used);
                    }
                    self.use_in_interface(used);
                }
                R_USE_IFACE_METHOD => {
                    let interface = Type::new(symbols, target)?;
                    self.found.interface_methods.insert(interface.interface_method(reloc.add)?);
                }
                R_USE_NAMED_METHOD => {
                    self.found.named_methods.insert(symbols.data(target));
                }
                kind if kind == symbols.version.r_init_order => {}
                _ => {
                    if in_interface && symbols.flags(target).go_type() {
                        self.use_in_interface(target);
                    }
                    self.mark(target);
                }
            }
        }
        self.relocs = relocs;
        self.mark_auxiliary(symbol, flags)?;
        if offsets.is_empty() { Ok(()) } else { self.note_methods(symbol, &offsets) }
    }

    fn mark_auxiliary(&mut self, symbol: SymId, flags: SymFlags) -> Result<(), Error> {
        let Some((object, at)) = self.symbols.origin(symbol) else { return Ok(()) };
        let file = self.symbols.object(object).file;
        let mut any = false;
        for aux in file.auxs(at) {
            any = true;
            // Types of variables are not needed to run; debugging information is not linked, and
            // refers to nothing but itself and its owner.
            let unneeded = [
                AuxKind::GoType,
                AuxKind::DwarfInfo,
                AuxKind::DwarfLoc,
                AuxKind::DwarfRanges,
                AuxKind::DwarfLines,
            ];
            if !unneeded.iter().any(|&kind| aux.is(kind)) {
                self.mark(self.symbols.resolve(object, aux.symbol())?);
            }
        }
        if any && flags.package_init() {
            self.found.package_inits.push(symbol);
        }
        Ok(())
    }

    fn note_methods(&mut self, symbol: SymId, offsets: &[[SymId; 3]]) -> Result<(), Error> {
        let signatures = Type::new(self.symbols, symbol)?.methods()?;
        if signatures.len() != offsets.len() {
            let what = "a method table that does not fit its type";
            return Err(malformed(self.symbols, symbol, what));
        }
        for (&parts, (name, kind)) in offsets.iter().zip(signatures) {
            self.found.methods.push(Method { name, kind, parts });
        }
        Ok(())
    }
}

/// Map variables that nothing reaches are not filled: their init functions are called through
/// weak references, which now lead to a function that does nothing.
fn drop_map_inits(symbols: &mut Symbols, inits: Vec<SymId>) -> Result<(), Error> {
    let nothing =
        symbols.lookup(b"runtime.mapinitnoop").ok_or_else(|| without_map_init(symbols))?;
    let mut seen = FxHashSet::default();
    for init in inits {
        let dead = |symbols: &Symbols, reloc: &Reloc| {
            reloc.is_weak() && reloc.base_kind() == R_CALL && !symbols.is_reachable(reloc.target)
        };
        if !seen.insert(init) {
            continue;
        }
        let places: Vec<usize> = symbols
            .relocs(init)
            .enumerate()
            .filter(|(_, reloc)| dead(symbols, reloc))
            .map(|(at, _)| at)
            .collect();
        if places.is_empty() {
            continue;
        }
        symbols.set(nothing, attr::REACHABLE);
        let payload = symbols.edit(init);
        for at in places {
            payload.relocs[at].target = nothing;
        }
    }
    Ok(())
}

/// What was given as the runtime is something else.
fn without_map_init(symbols: &Symbols) -> Error {
    let what = "package runtime does not define runtime.mapinitnoop";
    match symbols.libraries.iter().find(|library| library.package == "runtime") {
        Some(runtime) => Error::file(runtime.file, what),
        None => Error::message(what),
    }
}

fn is_exported(name: &[u8]) -> bool {
    String::from_utf8_lossy(name).chars().next().is_some_and(char::is_uppercase)
}

fn malformed(symbols: &Symbols, symbol: SymId, what: &str) -> Error {
    let name = String::from_utf8_lossy(symbols.name(symbol)).into_owned();
    symbols.malformed(symbols.object_of(symbol), format!("{name} has {what}"))
}
