//! Directives held against the module that was linked from their packages.
//!
//! Exports must agree both ways: the linker keeps every exported function. Of imports it keeps only
//! what is reachable, so a directive without an import is fine, and an import without a directive is
//! not, except those of Go's own runtime, some of which are assembly.

use crate::codes;
use crate::directives::{Directives, Export, GOJS, Import};
use crate::interface::{Interface, Item, ItemKind, ModuleImport};
use crate::target::Target;
use crate::wasip1;
use gowasm_diagnostic::Diagnostic;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Host modules that Go's own packages import from.
const RUNTIME_MODULES: [&str; 2] = [wasip1::MODULE, GOJS];

pub(crate) fn compare(
    directives: &Directives,
    target: Target,
    interface: &Interface,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    found.extend(directives.exports.iter().filter_map(|export| export_differs(export, interface)));
    found.extend(own_exports_missing(target, interface));
    found.extend(unnamed_exports(directives, target, interface));
    found.extend(repeated_exports(directives, interface));
    let matching = Matching::new(directives);
    found.extend(interface.imports.iter().filter_map(|import| import_differs(&matching, import)));
    found
}

fn export_differs(export: &Export, interface: &Interface) -> Option<Diagnostic> {
    let (name, function) = (&export.name, &export.function);
    let at =
        |message: String, code| Diagnostic::error(message).code(code).at(function.position.clone());
    let Some(found) = interface.export(name) else {
        let message =
            format!("the module has no export `{name}`, which `{}` asks for", function.name);
        return Some(at(message, codes::EXPORT_MISSING).hint(
            "the package archive may be older than its source, or another build tag is in force",
        ));
    };
    let Item::Func(actual) = &found.item else {
        let message = format!(
            "the module's export `{name}` is a {}, not a function",
            word(found.item.kind())
        );
        return Some(at(message, codes::EXPORT_SIGNATURE));
    };
    let expected = export.signature()?;
    (expected != *actual).then(|| {
        let message = format!(
            "the module's export `{name}` is {actual}, but `{}` makes it {expected}",
            function.name
        );
        at(message, codes::EXPORT_SIGNATURE).hint(
            "the package archive may be older than its source, or another build tag is in force",
        )
    })
}

fn own_exports_missing(target: Target, interface: &Interface) -> Vec<Diagnostic> {
    let functions = target.own_functions().iter().map(|name| (*name, ItemKind::Func));
    let all = functions.chain([(target.own_memory(), ItemKind::Memory)]);
    all.filter(|(name, kind)| interface.export(name).is_none_or(|export| export.item.kind() != *kind))
        .map(|(name, kind)| {
            let message = format!(
                "the module does not export the {} `{name}`, which every {} module of build mode {} has",
                word(kind),
                target.goos,
                target.build_mode
            );
            Diagnostic::error(message)
                .code(codes::OWN_EXPORT_MISSING)
                .hint("the module was built for another target, or not by Go")
        })
        .collect()
}

fn unnamed_exports(
    directives: &Directives,
    target: Target,
    interface: &Interface,
) -> Vec<Diagnostic> {
    let names: HashSet<&str> =
        directives.exports.iter().map(|export| export.name.as_str()).collect();
    interface
        .exports
        .iter()
        .filter(|export| !target.owns_export(&export.name) && !names.contains(export.name.as_str()))
        .map(|export| {
            let message = format!("the module exports `{}`, which no directive names", export.name);
            Diagnostic::error(message)
                .code(codes::EXPORT_UNNAMED)
                .hint("its package may be missing from the sources that were scanned")
        })
        .collect()
}

fn repeated_exports(directives: &Directives, interface: &Interface) -> Vec<Diagnostic> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for export in &interface.exports {
        *counts.entry(&export.name).or_default() += 1;
    }
    let repeated = counts.into_iter().filter(|(_, count)| *count > 1);
    repeated
        .map(|(name, count)| {
            let message =
                format!("the module exports `{name}` {count} times, which makes it invalid");
            let mut found = Diagnostic::error(message).code(codes::EXPORT_REPEATED);
            found.position = directives
                .exports
                .iter()
                .find(|export| export.name == name)
                .map(|export| export.function.position.clone());
            found.hint("rename the exported function")
        })
        .collect()
}

fn import_differs(matching: &Matching<'_>, import: &ModuleImport) -> Option<Diagnostic> {
    let full = format!("`{}` `{}`", import.module, import.name);
    let candidates = matching.of(import);
    let Some(first) = candidates.first() else {
        let runtime = RUNTIME_MODULES.contains(&import.module.as_str());
        return (!runtime).then(|| {
            Diagnostic::error(format!("the module imports {full}, which no directive names"))
                .code(codes::IMPORT_UNNAMED)
                .hint("its package may be missing from the sources that were scanned")
        });
    };
    let at = |message: String| {
        let found = Diagnostic::error(message).code(codes::IMPORT_SIGNATURE);
        found.at(first.function.position.clone())
    };
    let Item::Func(actual) = &import.item else {
        return Some(at(format!("the module's import {full} is a {}", word(import.item.kind()))));
    };
    // Several functions may import the same one, each with a type of its own.
    let fits =
        candidates.iter().any(|one| one.signature().is_none_or(|expected| expected == *actual));
    let expected = first.signature()?;
    (!fits).then(|| {
        let function = &first.function.name;
        at(format!("the module's import {full} is {actual}, but `{function}` makes it {expected}"))
            .hint("the package archive may be older than its source, or another build tag is in force")
    })
}

/// The directives of each import.
pub(crate) struct Matching<'d>(HashMap<(&'d str, &'d str), Vec<&'d Import>>);

impl<'d> Matching<'d> {
    pub(crate) fn new(directives: &'d Directives) -> Self {
        let mut all: HashMap<_, Vec<&Import>> = HashMap::new();
        for one in &directives.imports {
            all.entry((one.module.as_str(), one.name.as_str())).or_default().push(one);
        }
        Matching(all)
    }

    pub(crate) fn of<'a>(&'a self, import: &'a ModuleImport) -> &'a [&'a Import] {
        let name = (import.module.as_str(), import.name.as_str());
        self.0.get(&name).map(Vec::as_slice).unwrap_or_default()
    }
}

fn word(kind: ItemKind) -> &'static str {
    match kind {
        ItemKind::Func => "function",
        ItemKind::Memory => "memory",
        ItemKind::Table => "table",
        ItemKind::Global => "global",
        ItemKind::Tag => "tag",
    }
}
