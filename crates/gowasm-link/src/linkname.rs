//! Which packages may refer to which names of the standard library with `//go:linkname`.

use gowasm_diagnostic::Diagnostic;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::source;
use crate::symbols::{ObjId, SymId, Symbols};

/// The bit of the second flag byte that marks an entry from one calling convention to the other, in
/// the versions that look at it here.
const ABI_WRAPPER: u8 = 1 << 5;

/// Packages by the names that are theirs alone.
type Reserved = FxHashMap<&'static [u8], Vec<&'static str>>;

/// Refuses references that Go's linker refuses, all of them at once.
pub(crate) fn check(symbols: &Symbols) -> Result<(), Error> {
    let reserved: Reserved = symbols
        .version
        .linknames
        .lines()
        .filter_map(|line| {
            let (name, packages) = line.split_once(' ')?;
            Some((name.as_bytes(), packages.split(' ').collect()))
        })
        .collect();
    let refused: Vec<(ObjId, Vec<SymId>)> = (0..symbols.objects.len() as u32)
        .into_par_iter()
        .map(|object| (ObjId(object), refused(symbols, &reserved, ObjId(object))))
        .collect();
    let diagnostics: Vec<Diagnostic> = refused
        .into_iter()
        .flat_map(|(object, names)| names.into_iter().map(move |name| (object, name)))
        .map(|(object, name)| diagnostic(symbols, object, name))
        .collect();
    if diagnostics.is_empty() { Ok(()) } else { Err(Error::Failed(diagnostics)) }
}

/// What an object refers to and may not.
fn refused(symbols: &Symbols, reserved: &Reserved, id: ObjId) -> Vec<SymId> {
    let object = symbols.object(id);
    let file = object.file;
    let linkname_std = symbols.version.flag_linkname_std;
    let variables = file.def_count() - file.non_package_def_count()..file.def_count();
    let references = file.def_count()..file.symbol_count();
    let mut refused = Vec::new();
    for at in variables.chain(references) {
        let flags = file.symbol(at).flags();
        let std = linkname_std.is_some_and(|bit| flags.second & bit != 0);
        let assembly = linkname_std.is_some() && file.is_from_assembly();
        // A definition refers when it has no content; without a dot it is no name of Go.
        let meant = if at < file.def_count() {
            (flags.linkname() || std) && file.data(at).is_empty() && file.name(at).contains(&b'.')
        } else {
            flags.linkname() || std || assembly
        };
        let symbol = object.definition(at);
        if meant && !may_refer(symbols, reserved, id, file.name(at), symbol) {
            refused.push(symbol);
        }
    }
    refused
}

fn may_refer(
    symbols: &Symbols,
    reserved: &Reserved,
    from: ObjId,
    name: &[u8],
    symbol: SymId,
) -> bool {
    let package = package_of(symbols, from);
    if let Some(packages) = reserved.get(name) {
        return packages.iter().any(|allowed| *allowed == package || *allowed == thawed(package));
    }
    let Some((object, at)) = symbols.origin(symbol) else { return true };
    let defining = symbols.object(object).file;
    if !defining.is_std() || package_of(symbols, object) == package {
        return true;
    }
    let flags = defining.symbol(at).flags();
    match symbols.version.flag_linkname_std {
        None => flags.linkname() || flags.second & ABI_WRAPPER != 0,
        Some(bit) => {
            let std = flags.second & bit != 0;
            let from_std = symbols.object(from).file.is_std();
            // Wasm has one calling convention, so nothing tells who may use assembly functions.
            flags.linkname() || (std && from_std) || (defining.is_from_assembly() && !std)
        }
    }
}

fn package_of<'s>(symbols: &'s Symbols, object: ObjId) -> &'s str {
    &symbols.libraries[symbols.object(object).library.index()].package
}

/// A frozen version of the FIPS packages may refer to what the living one may.
fn thawed(package: &str) -> String {
    const FROZEN: &str = "crypto/internal/fips140/v";
    match package.strip_prefix(FROZEN).map(|rest| rest.split_once('/')) {
        Some(Some((_, rest))) => format!("crypto/internal/fips140/{rest}"),
        Some(None) => "crypto/internal/fips140".to_owned(),
        None => package.to_owned(),
    }
}

fn diagnostic(symbols: &Symbols, object: ObjId, name: SymId) -> Diagnostic {
    let package = package_of(symbols, object);
    let name = String::from_utf8_lossy(symbols.name(name));
    let error = Diagnostic::error(format!("{package}: invalid reference to {name}")).hint(
        "the standard library does not offer it to this package; -checklinkname=0 links it all the same",
    );
    match source::of_linkname(symbols, object, &name) {
        Some(position) => error.at(position),
        None => error,
    }
}
