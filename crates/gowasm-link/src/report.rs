//! The errors of a link that Go's linker reports with less: who refers to what, and where.

use std::collections::{BTreeMap, BTreeSet};

use gowasm_diagnostic::Diagnostic;

use crate::error::Error;
use crate::kind::SymKind;
use crate::source;
use crate::symbols::{ObjId, SymId, Symbols};

/// Two packages define one symbol, and neither may be dropped.
pub(crate) fn duplicate_definition(symbols: &Symbols, first: SymId, second: SymId) -> Error {
    let name = String::from_utf8_lossy(symbols.name(second)).into_owned();
    let place = |object: Option<ObjId>| match object {
        Some(object) => {
            let library = &symbols.libraries[symbols.object(object).library.index()];
            format!("package {} ({})", library.package, library.file.display())
        }
        None => "the linker".to_owned(),
    };
    let both = [first, second];
    if symbols.flags(second).second & symbols.version.flag_wasm_export != 0 {
        let packages = both.map(|symbol| package(symbols, symbols.object_of(symbol)));
        return duplicate_export(symbols, &name, packages, both.map(|s| symbols.origin(s)));
    }
    let [first, second] = both.map(|symbol| place(symbols.object_of(symbol)));
    Error::hinted(
        format!("symbol {name} is defined twice: in {first} and in {second}"),
        "two packages link the same name; rename one of them",
    )
}

fn package(symbols: &Symbols, object: Option<ObjId>) -> String {
    match object {
        Some(object) => symbols.libraries[symbols.object(object).library.index()].package.clone(),
        None => "the linker".to_owned(),
    }
}

const EXPORT: &str = "//go:wasmexport";

/// Both directives, as far as the compiler says where they are.
fn duplicate_export(
    symbols: &Symbols,
    name: &str,
    [first, second]: [String; 2],
    [at_first, at_second]: [Option<(ObjId, u32)>; 2],
) -> Error {
    let place = |at: Option<(ObjId, u32)>| source::of_directive(symbols, at?, EXPORT);
    let mut error =
        Diagnostic::error(format!("export {name} is defined twice: in {first} and in {second}"))
            .hint("rename one of the exports: the name in //go:wasmexport");
    if let Some(position) = place(at_second) {
        error = error.at(position);
    }
    if let Some(position) = place(at_first) {
        error = error.related(position, format!("{name} is also exported here"));
    }
    Error::Failed(vec![error])
}

/// How many missing symbols, and places that refer to one, are shown.
const SHOWN: usize = 5;

/// Reachable symbols refer to symbols that nothing defines: each of them with who refers to it.
pub(crate) fn undefined(symbols: &Symbols) -> Error {
    let mut missing: BTreeMap<SymId, BTreeSet<SymId>> = BTreeMap::new();
    for symbol in (1..symbols.count() as u32).map(SymId).filter(|&s| symbols.is_reachable(s)) {
        for reloc in symbols.relocs(symbol).filter(|reloc| reloc.size != 0) {
            let target = reloc.target;
            if symbols.kind(target) == SymKind::Undefined && symbols.is_reachable(target) {
                missing.entry(target).or_default().insert(symbol);
            }
        }
    }
    let text = |symbol| String::from_utf8_lossy(symbols.name(symbol)).into_owned();
    let mut diagnostics: Vec<Diagnostic> = missing
        .iter()
        .take(SHOWN)
        .map(|(&symbol, referrers)| {
            let mut places = Vec::new();
            let mut elsewhere = Vec::new();
            for &from in referrers.iter().take(SHOWN) {
                if let Some(position) = source::of_function(symbols, from) {
                    places.push((position, format!("{} refers to it", text(from))));
                    continue;
                }
                let package = match symbols.library_of(from) {
                    Some(library) => symbols.libraries[library.index()].package.as_str(),
                    None => "the linker",
                };
                elsewhere.push(format!("{} in {package} refers to it", text(from)));
            }
            if referrers.len() > SHOWN {
                elsewhere.push(format!("so do {} more", referrers.len() - SHOWN));
            }
            let mut places = places.into_iter();
            let (at, by) = places.next().unzip();
            let said: Vec<String> = by.into_iter().chain(elsewhere).collect();
            let mut error = Diagnostic::error(format!(
                "relocation target {} not defined: {}",
                text(symbol),
                said.join("; ")
            ));
            error.position = at;
            places.fold(error, |error, (position, by)| error.related(position, by))
        })
        .collect();
    if missing.len() > SHOWN {
        diagnostics.push(Diagnostic::error(format!(
            "{} more symbols are not defined",
            missing.len() - SHOWN
        )));
    }
    if diagnostics.is_empty() {
        diagnostics
            .push(Diagnostic::error("a symbol that is not part of the program is referred to"));
    }
    Error::Failed(diagnostics)
}

/// Two functions may not be exported under one name.
pub(crate) fn check_exports(symbols: &Symbols) -> Result<(), Error> {
    let mut seen: BTreeMap<&[u8], SymId> = BTreeMap::new();
    for &symbol in &symbols.wasm_exports {
        let Some(first) = seen.insert(symbols.name(symbol), symbol) else { continue };
        if first == symbol {
            continue;
        }
        let name = String::from_utf8_lossy(symbols.name(symbol));
        let packages = [first, symbol].map(|symbol| package(symbols, symbols.object_of(symbol)));
        let places = [first, symbol].map(|symbol| symbols.origin(symbol));
        return Err(duplicate_export(symbols, &name, packages, places));
    }
    Ok(())
}
