//! Which symbols the program can reach.
//!
//! A symbol keeps alive what it refers to, with exceptions for methods: a method of a type that
//! became an interface value is kept only when a reachable call could name it, by interface and
//! method, by method name alone, or by reflection. The set is a fixpoint and does not depend on the
//! order in which it is found.

use gowasm_goobj::AuxKind;
use rustc_hash::FxHashSet;

use crate::error::Error;
use crate::options::{BuildMode, Options};
use crate::symbols::{Reloc, SymId, Symbols, attr};
use crate::types::{self, Type};

const R_CALL: u16 = 7;
const R_USE_TYPE: u16 = 22;
const R_USE_IFACE: u16 = 23;
const R_USE_IFACE_METHOD: u16 = 24;
const R_USE_NAMED_METHOD: u16 = 25;
pub(crate) const R_METHOD_OFF: u16 = 26;

/// A method of a reachable type: its name and type, and the three symbols that reaching it keeps.
struct Method {
    name: Vec<u8>,
    kind: SymId,
    parts: [SymId; 3],
}

#[derive(Default)]
struct Flood {
    queue: Vec<SymId>,
    interface_methods: FxHashSet<(Vec<u8>, SymId)>,
    named_methods: FxHashSet<Vec<u8>>,
    methods: Vec<Method>,
    reflection: bool,
    package_inits: Vec<SymId>,
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
    let mut flood = Flood::default();
    let entry = entry_name(goos, options.build_mode);
    let names: [&[u8]; 2] = [entry.as_bytes(), b"runtime.unreachableMethod"];
    let roots: Vec<SymId> = names
        .iter()
        .filter_map(|name| symbols.lookup(name))
        .chain(symbols.wasm_exports.clone())
        .chain(main_tasks)
        .collect();
    for root in roots {
        flood.mark(symbols, root);
    }
    flood.run(symbols)?;
    loop {
        let methods = std::mem::take(&mut flood.methods);
        for method in methods {
            if flood.wants(&method) {
                method.parts.into_iter().for_each(|part| flood.mark(symbols, part));
            } else {
                flood.methods.push(method);
            }
        }
        if flood.queue.is_empty() {
            break;
        }
        flood.run(symbols)?;
    }
    if options.prune_weak_map {
        flood.drop_map_inits(symbols)?;
    }
    Ok(())
}

impl Flood {
    fn mark(&mut self, symbols: &mut Symbols, symbol: SymId) {
        if !symbol.is_nil() && !symbols.is_reachable(symbol) {
            symbols.set(symbol, attr::REACHABLE);
            self.queue.push(symbol);
        }
    }

    /// Notes that values of a type become interface values; what the type refers to then counts.
    fn use_in_interface(&mut self, symbols: &mut Symbols, symbol: SymId) {
        if symbol.is_nil() || symbols.has(symbol, attr::USED_IN_IFACE) {
            return;
        }
        symbols.set(symbol, attr::USED_IN_IFACE);
        if symbols.is_reachable(symbol) {
            self.queue.push(symbol);
        }
    }

    fn wants(&self, method: &Method) -> bool {
        (self.reflection && is_exported(&method.name))
            || self.named_methods.contains(&method.name)
            || self.interface_methods.contains(&(method.name.clone(), method.kind))
    }

    fn run(&mut self, symbols: &mut Symbols) -> Result<(), Error> {
        let mut relocs = Vec::new();
        let mut offsets = Vec::new();
        while let Some(symbol) = self.queue.pop() {
            let flags = symbols.flags(symbol);
            self.reflection |= flags.reflect_method();
            let is_type = flags.go_type();
            let in_interface = is_type && symbols.has(symbol, attr::USED_IN_IFACE);
            symbols.relocs_into(symbol, &mut relocs)?;
            offsets.clear();
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
                            self.use_in_interface(symbols, target);
                        }
                    }
                    R_USE_TYPE => {}
                    R_USE_IFACE => {
                        let mut used = target;
                        if symbols.flags(used).itab() {
                            used = types::itab_type(symbols, used);
                        }
                        self.use_in_interface(symbols, used);
                    }
                    R_USE_IFACE_METHOD => {
                        let interface = Type::new(symbols, target)?;
                        let (name, kind) = interface.interface_method(reloc.add)?;
                        self.interface_methods.insert((name.to_vec(), kind));
                    }
                    R_USE_NAMED_METHOD => {
                        self.named_methods.insert(symbols.data(target).to_vec());
                    }
                    kind if kind == symbols.version.r_init_order => {}
                    _ => {
                        if in_interface && symbols.flags(target).go_type() {
                            self.use_in_interface(symbols, target);
                        }
                        self.mark(symbols, target);
                    }
                }
            }
            self.mark_auxiliary(symbols, symbol)?;
            if !offsets.is_empty() {
                self.note_methods(symbols, symbol, &offsets)?;
            }
        }
        Ok(())
    }

    fn mark_auxiliary(&mut self, symbols: &mut Symbols, symbol: SymId) -> Result<(), Error> {
        let Some((object, at)) = symbols.origin(symbol) else { return Ok(()) };
        let file = symbols.object(object).file;
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
                let symbol = symbols.resolve(object, aux.symbol())?;
                self.mark(symbols, symbol);
            }
        }
        if any && symbols.flags(symbol).package_init() {
            self.package_inits.push(symbol);
        }
        Ok(())
    }

    fn note_methods(
        &mut self,
        symbols: &Symbols,
        symbol: SymId,
        offsets: &[[SymId; 3]],
    ) -> Result<(), Error> {
        let signatures = Type::new(symbols, symbol)?.methods()?;
        if signatures.len() != offsets.len() {
            return Err(malformed(symbols, symbol, "a method table that does not fit its type"));
        }
        for (&parts, (name, kind)) in offsets.iter().zip(signatures) {
            self.methods.push(Method { name: name.to_vec(), kind, parts });
        }
        Ok(())
    }

    /// Map variables that nothing reaches are not filled: their init functions are called through
    /// weak references, which now lead to a function that does nothing.
    fn drop_map_inits(&mut self, symbols: &mut Symbols) -> Result<(), Error> {
        let nothing =
            symbols.lookup(b"runtime.mapinitnoop").ok_or_else(|| without_map_init(symbols))?;
        let mut seen = FxHashSet::default();
        for init in std::mem::take(&mut self.package_inits) {
            let dead = |symbols: &Symbols, reloc: &Reloc| {
                reloc.is_weak()
                    && reloc.base_kind() == R_CALL
                    && !symbols.is_reachable(reloc.target)
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
