//! What a comment line says: a directive as Go reads it, one that Go passes over, or neither.
//!
//! Go reads a directive only if the line starts with `//go:wasmexport` and exactly a space follows;
//! anything else is a comment to it, and the export is silently missing.

use memchr::memmem;

/// What every directive begins with, and every word that is near enough to one.
const START: &str = "go:w";

/// Directives of TinyGo's that Go takes for comments. cgo has the first too, but not for wasm.
const TINYGO: [&str; 3] = ["export", "go:export", "go:wasm-module"];

/// By which lines for [`read`] are found.
pub(crate) const STARTS: [&str; 3] = [START, "//export ", "//go:export "];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Export,
    Import,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Kind::Export => "go:wasmexport",
            Kind::Import => "go:wasmimport",
        }
    }

    pub(crate) fn usage(self) -> &'static str {
        match self {
            Kind::Export => "//go:wasmexport NAME",
            Kind::Import => "//go:wasmimport MODULE NAME",
        }
    }

    /// How many words follow the directive's own.
    fn arity(self) -> usize {
        match self {
            Kind::Export => 1,
            Kind::Import => 2,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// `//go:wasmexport NAME` or `//go:wasmimport MODULE NAME`.
    Directive(Kind, Vec<&'a str>),
    /// The directive's word with too few or too many words after it, or no space.
    Malformed(Kind, &'static str),
    /// `//go:wasmexprot NAME`
    Misspelled(Kind, &'a str),
    /// `// go:wasmexport NAME`
    Spaced(Kind),
    /// `//export NAME`, `//go:export NAME` or `//go:wasm-module MODULE`: the word, and the name.
    TinyGo(&'a str, &'a str),
    Other,
}

/// Reads a `//` comment.
pub(crate) fn read(comment: &str) -> Line<'_> {
    let Some(text) = comment.strip_prefix("//") else { return Line::Other };
    let unspaced = text.trim_start_matches([' ', '\t']);
    let (word, _) = unspaced.split_once(char::is_whitespace).unwrap_or((unspaced, ""));
    let words: Vec<&str> = unspaced.split_whitespace().skip(1).collect();
    if text.len() != unspaced.len() {
        let spaced = [Kind::Export, Kind::Import].into_iter().find(|kind| word == kind.word());
        return match spaced {
            Some(kind) if words.len() == kind.arity() => Line::Spaced(kind),
            _ => Line::Other,
        };
    }
    if let (true, [name]) = (TINYGO.contains(&word), words.as_slice()) {
        return Line::TinyGo(word, name);
    }
    for kind in [Kind::Export, Kind::Import] {
        if word == kind.word() {
            let spaced = text.len() == word.len() || text[word.len()..].starts_with(' ');
            return match words.len() {
                _ if !spaced => {
                    Line::Malformed(kind, "is followed by a character that is not a space")
                }
                0 => Line::Malformed(kind, "has no name"),
                count if count < kind.arity() => Line::Malformed(kind, "lacks a name"),
                count if count > kind.arity() => Line::Malformed(kind, "has too many words"),
                _ => Line::Directive(kind, words),
            };
        }
    }
    match nearest(word) {
        Some(kind) => Line::Misspelled(kind, word),
        None => Line::Other,
    }
}

/// The directive that `word` was probably meant to be.
fn nearest(word: &str) -> Option<Kind> {
    if !word.starts_with(START) || word.len() > 20 {
        return None;
    }
    let lower = word.to_ascii_lowercase();
    [Kind::Export, Kind::Import]
        .into_iter()
        .map(|kind| (strsim::damerau_levenshtein(&lower, kind.word()), kind))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, kind)| kind)
}

/// Finds, without parsing, the files that may hold something for [`read`]: a comment that starts with
/// `go:w` and is no other word of Go's.
pub(crate) struct Prefilter {
    finders: [memmem::Finder<'static>; STARTS.len()],
}

impl Prefilter {
    pub(crate) fn new() -> Self {
        Prefilter { finders: STARTS.map(memmem::Finder::new) }
    }

    pub(crate) fn may_have_directive(&self, text: &[u8]) -> bool {
        let [go, tinygo @ ..] = &self.finders;
        let starts_line = |at: usize| at == 0 || text[at - 1] == b'\n';
        if tinygo.iter().any(|finder| finder.find_iter(text).any(starts_line)) {
            return true;
        }
        go.find_iter(text).any(|at| {
            let before = text[..at].trim_ascii_end();
            let line_end =
                memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |length| at + length);
            let end = text[at..line_end]
                .iter()
                .position(u8::is_ascii_whitespace)
                .unwrap_or(line_end - at);
            before.ends_with(b"//")
                && std::str::from_utf8(&text[at..at + end])
                    .is_ok_and(|word| TINYGO.contains(&word) || nearest(word).is_some())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        assert_eq!(read("//go:wasmexport add"), Line::Directive(Kind::Export, vec!["add"]));
        assert_eq!(read("//go:wasmexport   add \t"), Line::Directive(Kind::Export, vec!["add"]));
        assert_eq!(read("//go:wasmimport env f"), Line::Directive(Kind::Import, vec!["env", "f"]));
        assert!(matches!(read("//go:wasmexport\tadd"), Line::Malformed(Kind::Export, _)));
        assert!(matches!(read("//go:wasmexport"), Line::Malformed(Kind::Export, _)));
        assert!(matches!(read("//go:wasmimport env"), Line::Malformed(Kind::Import, _)));
        assert_eq!(read("//go:wasmexprot add"), Line::Misspelled(Kind::Export, "go:wasmexprot"));
        assert_eq!(read("//go:wasmExport add"), Line::Misspelled(Kind::Export, "go:wasmExport"));
        assert_eq!(read("// go:wasmexport add"), Line::Spaced(Kind::Export));
        assert_eq!(read("// go:wasmexport makes a function callable"), Line::Other);
        assert_eq!(read("//go:writebarrierrec"), Line::Other);
        assert_eq!(read("//go:noinline"), Line::Other);
        assert_eq!(read("/*go:wasmexport add*/"), Line::Other);
        assert_eq!(read("//export add"), Line::TinyGo("export", "add"));
        assert_eq!(read("//go:export add"), Line::TinyGo("go:export", "add"));
        assert_eq!(read("//go:wasm-module env"), Line::TinyGo("go:wasm-module", "env"));
        assert_eq!(read("//export add to the list"), Line::Other);
        assert_eq!(read("// export add"), Line::Other);
    }

    #[test]
    fn filters_by_bytes() {
        let may = |text: &str| Prefilter::new().may_have_directive(text.as_bytes());
        assert!(may("package p\n//go:wasmexport add\nfunc"));
        assert!(may("package p\n// go:wasmimport a b"));
        assert!(may("//go:wasmexprot"));
        assert!(may("package p\n\n//export add\nfunc") && may("//go:wasm-module env"));
        assert!(!may("x := 1 //export add") && !may("//exported"));
        assert!(!may("the go:wasmexport directive"));
        assert!(!may("//go:noinline\n//go:will"));
    }
}
