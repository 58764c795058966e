//! Exports whose names are symbols already. To Go's linker an export is a symbol of the export's name;
//! where a package has a function or variable whose symbol is the same, the link fails without a
//! position.

use crate::codes;
use crate::package::GoPackage;
use crate::scan::{Shown, files_of, read_all};
use crate::source::{FileDirectives, Source};
use crate::spelling::Kind;
use gowasm_diagnostic::{Diagnostic, Position};
use std::path::Path;

/// What the linker calls its own symbols.
const OWN: [&str; 3] = ["go:", "type:", "gclocals\u{b7}"];

/// Of package runtime, and made by the linker or written in assembly.
const OF_RUNTIME: [&str; 35] = [
    "bss",
    "covctrs",
    "cutab",
    "data",
    "ebss",
    "ecovctrs",
    "edata",
    "egcbss",
    "egcdata",
    "end",
    "enoptrbss",
    "enoptrdata",
    "epclntab",
    "erodata",
    "etext",
    "etypes",
    "filetab",
    "findfunctab",
    "funcnametab",
    "functab",
    "gcbss",
    "gcdata",
    "itablink",
    "noptrbss",
    "noptrdata",
    "pcheader",
    "pclntab",
    "pctab",
    "rodata",
    "rt0_go",
    "text",
    "textsectionmap",
    "tlsg",
    "typelink",
    "types",
];

fn is_linkers(symbol: &str) -> bool {
    OWN.iter().any(|prefix| symbol.starts_with(prefix))
        || symbol.strip_prefix("runtime.").is_some_and(|name| OF_RUNTIME.contains(&name))
}

/// Who has a symbol already, in words, and where it is declared.
struct Holder {
    words: String,
    at: Option<Position>,
}

/// A finding for each such export, with the import path of its package.
pub(crate) fn taken(
    packages: &[GoPackage],
    parsed: &[(usize, &Path, FileDirectives)],
    shown: Shown<'_>,
) -> Result<Vec<(String, Diagnostic)>, Vec<Diagnostic>> {
    let mut findings = Vec::new();
    for (index, _, file) in parsed {
        for marked in &file.functions {
            let directive = &marked.directive;
            let Some(name) = directive.words.first().filter(|_| directive.kind == Kind::Export)
            else {
                continue;
            };
            let holder = match is_linkers(name) {
                true => Some(Holder { words: "Go's linker".to_owned(), at: None }),
                false => declaring(packages, *index, &file.package_name, name, shown)?,
            };
            let Some(holder) = holder else { continue };
            let message =
                format!("the export `{name}` has the name of a symbol of {}", holder.words);
            let mut finding = Diagnostic::error(message)
                .code(codes::SYMBOL)
                .at(directive.position.clone())
                .hint("export it under another name, such as one without a dot");
            if let Some(at) = holder.at {
                finding = finding.related(at, "the symbol");
            }
            findings.push((packages[*index].import_path.clone(), finding));
        }
    }
    Ok(findings)
}

/// The package that declares a function, method or variable of this symbol.
fn declaring(
    packages: &[GoPackage],
    own: usize,
    own_name: &str,
    symbol: &str,
    shown: Shown<'_>,
) -> Result<Option<Holder>, Vec<Diagnostic>> {
    // The last element of a path has no dot in a symbol.
    let after = symbol.rfind('/').map_or(0, |slash| slash + 1);
    let Some(dot) = symbol[after..].find('.') else { return Ok(None) };
    let (prefix, name) = (&symbol[..after + dot], &symbol[after + dot + 1..]);
    let is_it = |(index, package): &(usize, &GoPackage)| match *index == own && own_name == "main" {
        true => prefix == "main",
        false => symbol_prefix(&package.import_path) == prefix,
    };
    let Some((_, package)) = packages.iter().enumerate().find(is_it) else { return Ok(None) };
    // A parse costs more than a look.
    let method = name.rsplit('.').next().unwrap_or(name);
    let texts = read_all(package, shown)?;
    let at = files_of(package).zip(&texts).find_map(|(path, text)| {
        memchr::memmem::find(text, method.as_bytes())?;
        Source::parse(text, &shown(&path))?.declaration(name)
    });
    let words = format!("package {}", package.import_path);
    Ok(at.map(|at| Holder { words, at: Some(at) }))
}

/// How the linker writes a path before a symbol's name.
fn symbol_prefix(path: &str) -> String {
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    format!("{}{}", &path[..last], path[last..].replace('.', "%2e"))
}
