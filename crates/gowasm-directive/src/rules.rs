//! What can be said about directives once the target is known.

use crate::codes;
use crate::directives::{Directives, Export, GOJS, Import};
use crate::target::{BuildMode, Goos, Target};
use crate::wasip1;
use gowasm_diagnostic::Diagnostic;
use std::collections::BTreeMap;

impl Directives {
    /// Everything that is wrong, in the order of places.
    pub fn check(&self, target: Target) -> Vec<Diagnostic> {
        let mut found: Vec<Diagnostic> =
            self.findings.iter().map(|(_, finding)| finding.clone()).collect();
        found.extend(self.exports.iter().filter_map(|export| taken_name(export, target)));
        found.extend(self.exports.iter().filter_map(|export| main_in_command(export, target)));
        found.extend(duplicates(&self.exports));
        if target.goos == Goos::Wasip1 {
            found.extend(self.imports.iter().filter_map(of_wasi));
            match target.build_mode {
                BuildMode::Exe => found.extend(self.never_called()),
                BuildMode::CShared => found.extend(self.main_never_runs()),
            }
        }
        found.sort_by(|a, b| (&a.position, a.code).cmp(&(&b.position, b.code)));
        found
    }
}

impl Directives {
    /// A command runs `main` and ends with it: a host can call its exports out of a function that it
    /// imports, and at no other time.
    fn never_called(&self) -> Option<Diagnostic> {
        let calls_out = |import: &Import| ![wasip1::MODULE, GOJS].contains(&import.module.as_str());
        if self.mains.is_empty() || self.imports.iter().any(calls_out) {
            return None;
        }
        // The user's own first. That of main is an error anyway.
        let exports = self.exports.iter().filter(|export| !export.is_main());
        let exports: Vec<&Export> = exports.collect();
        let order = |export: &Export| {
            (export.function.module_of_others(), export.function.position.clone())
        };
        let first = exports.iter().min_by_key(|export| order(export))?;
        let more = match exports.len() {
            1 => format!("the export `{}` of a command", first.name),
            count => format!("the export `{}` and {} more of a command", first.name, count - 1),
        };
        let message = format!(
            "{more} can be called only while main runs, and this one imports nothing that could call back"
        );
        let found = Diagnostic::warning(message).code(codes::NEVER_CALLED);
        Some(found.at(first.function.position.clone()).hint(
            "for exports that a host may call at any time build a reactor: --buildmode c-shared",
        ))
    }

    fn main_never_runs(&self) -> Vec<Diagnostic> {
        let exported = |package: &str| {
            let function =
                |export: &Export| (export.function.name.clone(), export.function.package.clone());
            self.exports.iter().map(function).any(|(name, of)| name == "main" && of == package)
        };
        let idle = self.mains.iter().filter(|main| main.waits_to_run && !exported(&main.package));
        idle.map(|main| {
            let message = "`main` has a body that never runs: a reactor's host calls `_initialize`, which \
                           runs the init functions and not main";
            let found = Diagnostic::warning(message).code(codes::MAIN_NEVER_RUNS);
            found.at(main.position.clone()).hint(
                "move what is in it to an init function, or build a command: --buildmode exe",
            )
        })
        .collect()
    }
}

/// A name that Go's linker gives to an export of its own, or that a host gives a meaning.
fn taken_name(export: &Export, target: Target) -> Option<Diagnostic> {
    let name = export.name.as_str();
    let at = |diagnostic: Diagnostic| diagnostic.at(export.function.position.clone());
    if target.goos == Goos::Wasip1 && matches!(name, "_start" | "_initialize") {
        let message = format!("`{name}` is reserved: it is how a host starts a module");
        let diagnostic = Diagnostic::error(message).code(codes::RESERVED);
        return Some(at(diagnostic.hint(
            "export it under another name; what must run first belongs in an init function or in main",
        )));
    }
    if target.start_symbols().contains(&name) {
        let message = format!("the export `{name}` has the name of a symbol of Go's start code");
        let diagnostic = Diagnostic::error(message).code(codes::SYMBOL);
        return Some(at(diagnostic.hint("export it under another name")));
    }
    target.owns_export(name).then(|| {
        let message = format!(
            "on {} Go exports `{name}` from every module; a second export of that name makes it invalid",
            target.goos
        );
        at(Diagnostic::error(message).code(codes::OWN_EXPORT).hint("export it under another name"))
    })
}

fn main_in_command(export: &Export, target: Target) -> Option<Diagnostic> {
    let function = &export.function;
    (export.is_main() && target.build_mode == BuildMode::Exe).then(|| {
        let message = format!("`main` is exported as `{}`, but a command runs it by itself", export.name);
        Diagnostic::error(message)
            .code(codes::MAIN_IN_COMMAND)
            .at(function.position.clone())
            .hint("remove the directive, or build with --buildmode c-shared, where main runs only when called")
    })
}

fn duplicates(exports: &[Export]) -> Vec<Diagnostic> {
    let mut by_name: BTreeMap<&str, Vec<&Export>> = BTreeMap::new();
    for export in exports {
        by_name.entry(&export.name).or_default().push(export);
    }
    let mut found = Vec::new();
    for (name, mut group) in by_name {
        group.sort_by_key(|export| &export.function.position);
        let Some((first, others)) = group.split_first() else { continue };
        for other in others {
            let across = match other.function.package == first.function.package {
                true => String::new(),
                false => {
                    format!(" (packages {} and {})", first.function.package, other.function.package)
                }
            };
            found.push(
                Diagnostic::error(format!("two functions export `{name}`{across}"))
                    .code(codes::DUPLICATE_EXPORT)
                    .at(other.function.position.clone())
                    .related(first.function.position.clone(), "the other one")
                    .hint("rename one of them"),
            );
        }
    }
    found
}

/// Whether a name is another one with a slip in it. Names of WASI are made of short words: `sock_bind` and
/// `clock_time_set`, which hosts extend WASI with, are near to `sock_send` and `clock_time_get` by their
/// letters alone.
fn is_slip_of(name: &str, other: &str) -> bool {
    let bare = |text: &str| text.replace('_', "").to_lowercase();
    let slip = |(one, other): (&str, &str)| {
        strsim::damerau_levenshtein(one, other) <= one.len().max(other.len()) / 4
    };
    bare(name) == bare(other)
        || name.split('_').count() == other.split('_').count()
            && name.split('_').zip(other.split('_')).all(slip)
}

/// What a host with WASI cannot supply: a function that WASI lacks, or one of another type.
fn of_wasi(import: &Import) -> Option<Diagnostic> {
    if import.module != wasip1::MODULE {
        return None;
    }
    let (name, at) = (&import.name, import.function.position.clone());
    let Some(wanted) = wasip1::signature(name) else {
        let message = format!("WASI preview 1 has no function `{name}`");
        let hint = match wasip1::names().find(|near| is_slip_of(name, near)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "only a host that extends WASI with it can run the module".to_owned(),
        };
        let found = Diagnostic::warning(message).code(codes::NOT_IN_WASI).at(at).hint(hint);
        return Some(found.within(import.function.module_of_others()));
    };
    let found = import.signature().filter(|found| *found != wanted)?;
    let function = &import.function.name;
    let message = format!("`{function}` imports `{name}` as {found}; WASI has it as {wanted}");
    let hint = "give the Go function these types; no host with WASI takes the module otherwise";
    let found = Diagnostic::error(message).code(codes::OTHER_THAN_WASI).at(at).hint(hint);
    Some(found.within(import.function.module_of_others()))
}
