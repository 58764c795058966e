//! The order of functions, which is their index and so their address.
//!
//! Packages stand after what they import, the runtime and its dependencies before all others; in a
//! package, functions that other packages may define as well come last.

use rustc_hash::FxHashSet;

use crate::error::Error;
use crate::kind::SymKind;
use crate::symbols::{LibId, Place, SymId, Symbols};
use crate::version::Version;

/// The value that a function's index is counted from, so that no function looks like address 0.
pub(crate) const FIRST_FUNCTION: u64 = 0x1000;
/// How much text address space Go's linker counts for a function when it lays out sections.
pub(crate) const FUNCTION_SPACE: u64 = 16;

pub(crate) fn order(symbols: &Symbols) -> Result<Vec<SymId>, Error> {
    let libraries = post_order(symbols)?;
    let mut text = Vec::new();
    let mut seen = FxHashSet::default();
    for runtime in [true, false] {
        for &library in &libraries {
            let package = symbols.libraries[library.index()].package.as_str();
            if symbols.version.is_runtime_package(package) == runtime {
                let [own, shared] = functions(symbols, library);
                text.extend(own.into_iter().chain(shared).filter(|&symbol| seen.insert(symbol)));
            }
        }
    }
    Ok(text)
}

/// A package's reachable functions: those only it defines, then those with other candidates.
fn functions(symbols: &Symbols, library: LibId) -> [Vec<SymId>; 2] {
    let mut lists = [Vec::new(), Vec::new()];
    for &id in &symbols.libraries[library.index()].objects {
        let object = symbols.object(id);
        for at in 0..object.file.def_count() {
            let symbol = object.definition(at);
            if !symbols.is_reachable(symbol) {
                continue;
            }
            let def = object.file.symbol(at);
            if !SymKind::from_object(def.kind(), symbols.version).is_some_and(SymKind::is_text) {
                continue;
            }
            // A function that the linker changed counts as defined elsewhere.
            let own = symbols.place(symbol) == Place::Object(id, at) && !def.flags().dupok();
            lists[usize::from(!own)].push(symbol);
        }
    }
    lists
}

fn post_order(symbols: &Symbols) -> Result<Vec<LibId>, Error> {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    let mut marks = vec![Mark::New; symbols.libraries.len()];
    let mut order = Vec::with_capacity(symbols.libraries.len());
    for start in 0..symbols.libraries.len() {
        // The path from the start, with the next import to look at.
        let mut path = Vec::new();
        if marks[start] == Mark::New {
            marks[start] = Mark::Open;
            path.push((start, 0));
        }
        while let Some((library, next)) = path.last_mut() {
            match symbols.libraries[*library].imports.get(*next) {
                Some(import) => {
                    *next += 1;
                    match marks[import.index()] {
                        Mark::New => {
                            marks[import.index()] = Mark::Open;
                            path.push((import.index(), 0));
                        }
                        Mark::Open => {
                            let package = &symbols.libraries[import.index()].package;
                            return Err(Error::message(format!(
                                "package {package} imports itself"
                            )));
                        }
                        Mark::Done => {}
                    }
                }
                None => {
                    marks[*library] = Mark::Done;
                    order.push(LibId(*library as u32));
                    path.pop();
                }
            }
        }
    }
    Ok(order)
}

/// Gives functions their addresses; `folded` are those that have another's, with that one.
pub(crate) fn assign(symbols: &mut Symbols, text: &[SymId], folded: &[(SymId, SymId)]) {
    for (index, &function) in text.iter().enumerate() {
        symbols.values[function.index()] = (FIRST_FUNCTION + index as u64) << 16;
    }
    for (function, same) in folded {
        symbols.values[function.index()] = symbols.values[same.index()];
    }
}

/// The index among the module's own functions.
pub(crate) fn index(symbols: &Symbols, function: SymId) -> u64 {
    (symbols.value(function) >> 16).wrapping_sub(FIRST_FUNCTION)
}

/// The length of the text as section tables state it.
pub(crate) fn section_length(functions: usize) -> u64 {
    functions as u64 * FUNCTION_SPACE + 1
}

/// Before Go 1.25 the runtime's tables have 32 bits for a function's PC, the upper half of which is its
/// index. One function more, and the runtime finds its table out of order and gives up.
const MOST_BY_PC: usize = (1 << 16) - FIRST_FUNCTION as usize;

/// Refuses a program with more functions than its Go can tell apart.
pub(crate) fn check_count(version: &Version, count: usize, release: &str) -> Result<(), Error> {
    if version.functab_by_index || count <= MOST_BY_PC {
        return Ok(());
    }
    let message = format!(
        "the program has {count} functions, and {release} can address {MOST_BY_PC} on wasm"
    );
    Err(Error::hinted(message, "build it with Go 1.25 or newer, which has room for more"))
}

#[cfg(test)]
mod tests {
    use super::check_count;
    use crate::version::find;

    #[test]
    fn only_old_releases_run_out_of_pcs() {
        let count = |release: &str, count| check_count(find(release).unwrap(), count, release);
        assert!(count("go1.24.11", 61_440).is_ok() && count("go1.25.5", 1 << 20).is_ok());
        let refused = count("go1.24.11", 61_441).unwrap_err().to_string();
        assert!(refused.contains("61441 functions, and go1.24.11 can address 61440"), "{refused}");
        assert!(refused.contains("hint: build it with Go 1.25"), "{refused}");
    }
}
