//! Which functions never come back to who called them, so that calls of them can share a stub.

use crate::options::Options;
use crate::symbols::{SymId, Symbols};

/// Functions of package runtime that panic, or that unwind to grow the stack.
const NEVER_BACK: &[&str] = &[
    "fatalpanic",
    "gopanic",
    "morestack",
    "morestack_noctxt",
    "panicdivide",
    "panicdottypeE",
    "panicdottypeI",
    "panicmem",
    "panicnildottype",
    "panicoverflow",
    "panicrangestate",
    "panicshift",
    "panicwrap",
    "sigpanic",
    "throw",
];
/// And those that begin like this: one for each kind of index or slice.
const NEVER_BACK_KINDS: &[&str] =
    &["goPanicIndex", "goPanicSlice", "panicIndex", "panicSlice", "panicunsafe"];

/// Those of the module's functions, in their order.
pub(crate) fn functions(symbols: &Symbols, options: &Options, text: &[SymId]) -> Vec<SymId> {
    if !options.size.shrinks() {
        return Vec::new();
    }
    let never_back = |function: &&SymId| {
        let name = symbols.name(**function).strip_prefix(b"runtime.");
        let name = name.and_then(|name| std::str::from_utf8(name).ok());
        name.is_some_and(|name| {
            NEVER_BACK.contains(&name) || NEVER_BACK_KINDS.iter().any(|kind| name.starts_with(kind))
        })
    };
    text.iter().filter(never_back).copied().collect()
}

/// Whether the goroutine goes on where it called the function: with a larger stack.
pub(crate) fn resumes(symbols: &Symbols, function: SymId) -> bool {
    symbols.name(function).starts_with(b"runtime.morestack")
}
