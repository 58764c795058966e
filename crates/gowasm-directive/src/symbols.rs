//! Exports whose names are symbols already. To Go's linker an export is a symbol of the export's name;
//! where a package has a function or variable whose symbol is the same, the link fails without a
//! position.

use crate::codes;
use crate::package::GoPackage;
use crate::scan::{Shown, read_all};
use crate::source::{FileDirectives, Source};
use crate::spelling::Kind;
use gowasm_diagnostic::Diagnostic;
use std::path::Path;

/// What the linker calls its own symbols.
const OWN: [&str; 3] = ["go:", "type:", "gclocals\u{b7}"];

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
            let whose = match OWN.iter().find(|prefix| name.starts_with(*prefix)) {
                Some(_) => Some("Go's linker".to_owned()),
                None => declaring(packages, *index, &file.package_name, name, shown)?,
            };
            let Some(whose) = whose else { continue };
            let message = format!("the export `{name}` has the name of a symbol of {whose}");
            let finding = Diagnostic::error(message)
                .code(codes::SYMBOL)
                .at(directive.position.clone())
                .hint("export it under another name, such as one without a dot");
            findings.push((packages[*index].import_path.clone(), finding));
        }
    }
    Ok(findings)
}

/// The package that declares a function or variable of this symbol, in words.
fn declaring(
    packages: &[GoPackage],
    own: usize,
    own_name: &str,
    symbol: &str,
    shown: Shown<'_>,
) -> Result<Option<String>, Vec<Diagnostic>> {
    // The last element of a path has no dot in a symbol.
    let after = symbol.rfind('/').map_or(0, |slash| slash + 1);
    let Some(dot) = symbol[after..].find('.') else { return Ok(None) };
    let (prefix, name) = (&symbol[..after + dot], &symbol[after + dot + 1..]);
    let is_it = |(index, package): &(usize, &GoPackage)| match *index == own && own_name == "main" {
        true => prefix == "main",
        false => symbol_prefix(&package.import_path) == prefix,
    };
    let Some((_, package)) = packages.iter().enumerate().find(is_it) else { return Ok(None) };
    let declares = read_all(package, shown)?.iter().any(|text| {
        // A parse costs more than a look.
        memchr::memmem::find(text, name.as_bytes()).is_some()
            && Source::parse(text, "").is_some_and(|source| source.declares(name))
    });
    Ok(declares.then(|| format!("package {}", package.import_path)))
}

/// How the linker writes a path before a symbol's name.
fn symbol_prefix(path: &str) -> String {
    let last = path.rfind('/').map_or(0, |slash| slash + 1);
    format!("{}{}", &path[..last], path[last..].replace('.', "%2e"))
}
