//! Functions that do the same share one body, its address and its entries in the runtime's tables.
//!
//! Bodies are compared before their holes are filled. Two are equal when their bytes are, when their
//! holes want the same, and when the runtime unwinds and scans their frames alike. A call of itself
//! wants the same as another's call of itself, and so do calls of functions that were found equal,
//! until nothing more is found. Generics, and the methods that the compiler makes for equality,
//! hashing and embedding, are where they come from.
//!
//! Go compares functions with nil only, so a program can tell two from one by their names alone. A
//! function that is a value of the program (it has a symbol `NAME·f`), and one whose address code takes,
//! stays, and has its own name from `runtime.FuncForPC`; only the compiler's own `type:.eq` and the like go. Calls and
//! method tables go to the one body, and tracebacks then show its name. Functions of the runtime,
//! which looks at the names of its own, and functions that say the name of their type in a panic stay too.
//!
//! Saved, of modules made small otherwise: hello 10 KB of 2.06 MB, a reactor with net/http 110 KB of 7.21 MB,
//! cmd/go 492 KB of 20.86 MB.

use rayon::prelude::*;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHasher};
use std::hash::{BuildHasher, Hash, Hasher};

use crate::error::Error;
use crate::pclntab::Frames;
use crate::size::Size;
use crate::symbols::{R_ADDR, R_CALL, Reloc, SymId, Symbols};

/// What a value of function type points to is named after the function.
const FUNC_VALUE: &[u8] = "·f".as_bytes();

/// Takes the functions that do what an earlier one does out of `text`, and returns them with that one.
pub(crate) fn fold(
    symbols: &Symbols,
    text: &mut Vec<SymId>,
    size: Size,
) -> Result<Vec<(SymId, SymId)>, Error> {
    let mut folder = Folder::new(symbols, text, size)?;
    while folder.round() {}
    let mut folded = Vec::new();
    text.retain(|&function| {
        let same = folder.same(function);
        if same != function {
            folded.push((function, same));
        }
        same == function
    });
    Ok(folded)
}

struct Folder<'s, 'a> {
    symbols: &'s Symbols<'a>,
    /// The functions that may go, in their order, with what the runtime is told about them.
    left: Vec<(SymId, Vec<u32>)>,
    /// For each symbol, which one stands for it.
    same: Vec<SymId>,
}

impl<'s, 'a> Folder<'s, 'a> {
    fn new(symbols: &'s Symbols<'a>, text: &[SymId], size: Size) -> Result<Self, Error> {
        let (stays, (frames, seen)) = rayon::join(
            || stays(symbols, text),
            || (Frames::of(symbols, text, size), seen_twice(symbols, text)),
        );
        let frames = frames?;
        let candidates =
            text.par_iter().zip(seen).enumerate().filter_map(|(at, (&function, twice))| {
                let may_go = twice && !stays[function.index()] && has_no_type(symbols, function);
                Some((function, may_go.then(|| frames.key(at))??))
            });
        let left = candidates.collect();
        Ok(Folder { symbols, left, same: (0..symbols.count() as u32).map(SymId).collect() })
    }

    /// What stands for a symbol. That one has nothing that stands for it.
    fn same(&self, symbol: SymId) -> SymId {
        self.same[symbol.index()]
    }

    /// Folds what is equal by now. False: nothing is.
    fn round(&mut self) -> bool {
        let hashes: Vec<u64> = self.left.par_iter().map(|own| self.hash(own)).collect();
        let mut first: FxHashMap<u64, usize> = FxHashMap::default();
        let mut found = Vec::new();
        for (at, hash) in hashes.into_iter().enumerate() {
            let earlier = *first.entry(hash).or_insert(at);
            if earlier != at && self.equal(earlier, at) {
                found.push((at, self.left[earlier].0));
            }
        }
        for &(at, same) in &found {
            self.same[self.left[at].0.index()] = same;
        }
        // What stood for one of them already stands for more now.
        for symbol in 0..self.same.len() {
            self.same[symbol] = self.same[self.same[symbol].index()];
        }
        let mut at = 0;
        let mut gone = found.iter().map(|(at, _)| *at).peekable();
        self.left.retain(|_| {
            at += 1;
            gone.next_if_eq(&(at - 1)).is_none()
        });
        !found.is_empty()
    }

    fn hash(&self, (function, frame): &(SymId, Vec<u32>)) -> u64 {
        let mut hasher = FxHasher::default();
        self.symbols.data(*function).hash(&mut hasher);
        frame.hash(&mut hasher);
        self.holes(*function).for_each(|hole| hole.hash(&mut hasher));
        hasher.finish()
    }

    fn equal(&self, a: usize, b: usize) -> bool {
        let [(a, a_frame), (b, b_frame)] = [&self.left[a], &self.left[b]];
        self.symbols.data(*a) == self.symbols.data(*b)
            && a_frame == b_frame
            && self.holes(*a).eq(self.holes(*b))
    }

    /// Where the holes of a function are and what they want.
    fn holes(&self, function: SymId) -> impl Iterator<Item = (i32, u8, u16, i64, SymId)> {
        let filled = self.symbols.relocs(function).filter(|reloc| reloc.size != 0);
        filled.map(move |Reloc { offset, size, kind, add, target }| {
            let own = self.same(target) == self.same(function);
            let wanted = match kind {
                R_CALL | R_ADDR if own => SymId::NIL,
                R_CALL => self.same(target),
                _ => target,
            };
            (offset, size, kind, add, wanted)
        })
    }
}

/// For each function, whether another may have the same code. Most are soon told from all others.
fn seen_twice(symbols: &Symbols, text: &[SymId]) -> Vec<bool> {
    let hash = |&function: &SymId| FxBuildHasher.hash_one(symbols.data(function));
    let hashes: Vec<u64> = text.par_iter().map(hash).collect();
    let mut twice: FxHashMap<u64, bool> = FxHashMap::default();
    for &hash in &hashes {
        twice.entry(hash).and_modify(|twice| *twice = true).or_insert(false);
    }
    hashes.iter().map(|hash| twice[hash]).collect()
}

/// The functions that somebody knows by their address or their name.
fn stays(symbols: &Symbols, text: &[SymId]) -> Vec<bool> {
    let mut stays = vec![false; symbols.count()];
    let panics = symbols.lookup(b"runtime.panicwrap");
    for &function in text {
        stays[function.index()] |= symbols.name(function).starts_with(b"runtime.");
        for reloc in symbols.relocs(function) {
            if reloc.base_kind() == R_ADDR && reloc.target != function {
                stays[reloc.target.index()] = true;
            }
            if Some(reloc.target) == panics {
                stays[function.index()] = true;
            }
        }
    }
    for symbol in (1..symbols.count() as u32).map(SymId) {
        let name = symbols.name(symbol);
        if symbols.is_reachable(symbol) && name.ends_with(FUNC_VALUE) && !name.starts_with(b"type:")
        {
            symbols.relocs(symbol).for_each(|reloc| stays[reloc.target.index()] = true);
        }
    }
    symbols.wasm_exports.iter().for_each(|export| stays[export.index()] = true);
    stays
}

/// Whether a function has the type that all Go functions have in wasm.
fn has_no_type(symbols: &Symbols, function: SymId) -> bool {
    use gowasm_goobj::AuxKind::{WasmImport, WasmType};
    crate::signature::known_signature(symbols.name(function)).is_none()
        && [WasmImport, WasmType].iter().all(|&kind| symbols.aux(function, kind).is_none())
}
