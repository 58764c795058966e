//! One BUILD file, brought up to date with the Go package in its folder.

use super::edit::Edits;
use super::format::{self, Value};
use super::golist::Package;
use super::label::{self, Label};
use super::rules::{Attributes, BINARY, KINDS, LIBRARY, PACKAGE, Rules, TEST};
use super::starlark::{Argument, Call, File};
use super::workspace::Workspace;
use gowasm_diagnostic::{Diagnostic, Position};
use gowasm_directive::Goos;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A file and the names that our rules have in it.
struct Names<'a> {
    file: &'a File,
    /// The folder.
    path: PathBuf,
    /// As the file calls it, and what it is.
    kinds: Vec<(&'a str, &'a str)>,
}

impl<'a> Names<'a> {
    fn of(file: &'a File, folder: &str, workspace: &Workspace) -> Self {
        let bzl = Label::parse(&defs(workspace), folder);
        let mut kinds = Vec::new();
        for load in file.calls.iter().filter(|call| call.function == "load") {
            let from = load.arguments.first().and_then(Argument::string);
            if from.is_none_or(|text| Label::parse(text, folder) != bzl) {
                continue;
            }
            for argument in &load.arguments[1..] {
                let Some(kind) = argument.string() else { continue };
                kinds.push((argument.name.as_deref().unwrap_or(kind), kind));
            }
        }
        Names { file, kinds, path: workspace.path(folder) }
    }

    fn kind(&self, call: &Call) -> Option<&'a str> {
        self.kinds.iter().find(|(name, _)| *name == call.function).map(|(_, kind)| *kind)
    }

    /// What a new rule of this kind is written as.
    fn spell<'k>(&self, kind: &'k str) -> &'k str
    where
        'a: 'k,
    {
        self.kinds.iter().find(|(_, known)| *known == kind).map_or(kind, |(name, _)| name)
    }

    /// The rules that compile a package: those of modules are main packages.
    fn of_package(&self, import_path: &str, name: &str) -> Vec<&'a Call> {
        let is_of = |call: &&Call| {
            let own = match (self.kind(call), call.string("importpath")) {
                (Some(PACKAGE), own) => own == Some(import_path),
                (Some(LIBRARY | BINARY), Some(own)) => own == import_path,
                (Some(LIBRARY | BINARY), None) => call.string("name") == Some(name),
                _ => false,
            };
            own && call.argument("embed").is_none()
        };
        self.file.calls.iter().filter(is_of).collect()
    }

    /// The rule of its tests: that of the usual name, or the only one that embeds the package.
    fn of_tests(&self, folder: &str, name: &str, embedded: &[&str]) -> Option<&'a Call> {
        let tests: Vec<&Call> =
            self.file.calls.iter().filter(|call| self.kind(call) == Some(TEST)).collect();
        let embeds = |call: &&&Call| {
            let mut of = call.strings("embed").map(|text| Label::parse(text, folder));
            of.any(|label| label.package == folder && embedded.contains(&label.name.as_str()))
        };
        let named = tests.iter().find(|call| call.string("name") == Some(name));
        let embedding: Vec<&&Call> = tests.iter().filter(embeds).collect();
        named.copied().or(match embedding.as_slice() {
            [only] => Some(**only),
            _ => None,
        })
    }

    /// A file that is there, though not for the targets and tags that Go was asked about, or one that
    /// another rule makes.
    fn is_source(&self, element: &str) -> bool {
        is_label(element) || self.is_generated(element) || self.path.join(element).is_file()
    }

    fn is_generated(&self, element: &str) -> bool {
        self.file.calls.iter().any(|call| {
            call.string("out") == Some(element) || call.strings("outs").any(|out| out == element)
        })
    }

    /// Whether a name is free for a rule of ours.
    fn is_free(&self, name: &str) -> bool {
        !self
            .file
            .calls
            .iter()
            .any(|call| call.function != "load" && call.string("name") == Some(name))
    }
}

fn defs(workspace: &Workspace) -> String {
    format!("@{}//rules:defs.bzl", workspace.rules)
}

/// What the rule of a package is called, or will be.
pub(super) fn target_name(
    import_path: &str,
    folder: &str,
    file: Option<&File>,
    workspace: &Workspace,
) -> String {
    let usual = label::last(if folder.is_empty() { import_path } else { folder }).to_owned();
    let Some(file) = file else { return usual };
    let names = Names::of(file, folder, workspace);
    match names.of_package(import_path, &usual).first().and_then(|call| call.string("name")) {
        Some(name) => name.to_owned(),
        None if names.is_free(&usual) => usual,
        None => format!("{usual}_wasm"),
    }
}

pub(super) fn update(
    rules: &Rules<'_>,
    folder: &str,
    file: &File,
    shown: &str,
    warnings: &mut Vec<Diagnostic>,
) -> String {
    let names = Names::of(file, folder, rules.workspace);
    let mut updated = Update {
        rules,
        folder,
        names,
        edits: Edits::new(file, folder),
        used: Vec::new(),
        added: BTreeSet::new(),
    };
    let own = rules.listing.packages.iter().find(|(_, package)| package.folder == folder);
    if let Some((import_path, package)) = own {
        updated.package(import_path, package);
        updated.tests(import_path, package);
    }
    updated.remove_stale();
    let notes = std::mem::take(&mut updated.edits.notes);
    warnings.extend(notes.into_iter().map(|(offset, message)| {
        Diagnostic::warning(message).at(Position::at_offset(shown, file.text.as_bytes(), offset))
    }));
    updated.edits.apply()
}

struct Update<'a> {
    rules: &'a Rules<'a>,
    folder: &'a str,
    names: Names<'a>,
    edits: Edits<'a>,
    /// Rules that a package has, by where they stand.
    used: Vec<usize>,
    /// Kinds of new rules.
    added: BTreeSet<&'static str>,
}

impl Update<'_> {
    fn package(&mut self, import_path: &str, package: &Package) {
        if package.sources.is_empty() {
            return;
        }
        let Some(target) = self.rules.targets.get(import_path) else { return };
        let existing = self.names.of_package(import_path, &target.name);
        for call in &existing {
            let kind = self.names.kind(call).unwrap_or(PACKAGE);
            let goos = match call.string("goos") {
                Some("js") => Goos::Js,
                _ => Goos::Wasip1,
            };
            self.manage(call, self.rules.managed(import_path, package, kind, goos));
        }
        if existing.is_empty() {
            let kind = self.rules.kind(package);
            let goos = if package.builds_for(Goos::Wasip1) { Goos::Wasip1 } else { Goos::Js };
            let mut attributes = self.rules.managed(import_path, package, kind, goos);
            attributes.extend(self.rules.first(package, kind, &target.name));
            self.add(kind, &target.name.clone(), attributes);
        }
    }

    fn tests(&mut self, import_path: &str, package: &Package) {
        if package.tests.is_empty() {
            return;
        }
        let Some(target) = self.rules.targets.get(import_path) else { return };
        let calls = self.names.of_package(import_path, &target.name);
        let mut embedded: Vec<&str> = calls.iter().filter_map(|call| call.string("name")).collect();
        embedded.push(&target.name);
        let usual = format!("{}_test", target.name);
        match self.names.of_tests(self.folder, &usual, &embedded) {
            Some(call) => {
                let embeds = call.argument("embed").is_some();
                self.manage(call, self.rules.managed_of_test(import_path, package, embeds));
            }
            None if self.names.is_free(&usual) => {
                // Tests of a folder without a package have nothing to embed.
                let embeds = !package.sources.is_empty();
                let mut attributes = self.rules.managed_of_test(import_path, package, embeds);
                attributes.extend(
                    self.rules
                        .first_of_test(package, &target.name)
                        .into_iter()
                        .filter(|(name, _)| embeds || *name != "embed"),
                );
                self.add(TEST, &usual, attributes);
            }
            None => {}
        }
    }

    fn manage(&mut self, call: &Call, attributes: Attributes) {
        self.used.push(call.lines.start);
        if call.keep {
            return;
        }
        for (name, value) in &attributes {
            let retained = |element: &str| match *name {
                "deps" => false,
                "srcs" => self.names.is_source(element),
                _ => is_label(element) || self.names.is_generated(element),
            };
            self.edits.set(call, name, value, &retained);
        }
    }

    fn add(&mut self, kind: &'static str, name: &str, mut attributes: Attributes) {
        attributes.retain(|(_, value)| *value != Value::List(Vec::new()));
        attributes.push(("name", Value::String(name.to_owned())));
        self.added.insert(kind);
        self.edits.add_rule(format::rule(self.names.spell(kind), &attributes));
    }

    /// Rules whose sources are all gone, and the names that are loaded for nothing.
    fn remove_stale(&mut self) {
        let mut forget = BTreeSet::new();
        let mut stay = BTreeSet::new();
        for call in &self.names.file.calls {
            let Some(kind) = self.names.kind(call) else { continue };
            let mut sources = call.strings("srcs").peekable();
            let stale = !self.used.contains(&call.lines.start)
                && !call.keep
                && !call.argument("srcs").is_some_and(|srcs| srcs.keep)
                && KINDS.contains(&kind)
                && sources.peek().is_some()
                && !sources.any(|source| self.names.is_source(source));
            if stale {
                self.edits.remove_call(call);
                forget.insert(kind);
            } else {
                stay.insert(kind);
            }
        }
        let forget = forget.difference(&stay).copied().collect();
        self.edits.load(&defs(self.rules.workspace), &self.added, &forget);
    }
}

fn is_label(text: &str) -> bool {
    text.contains(':') || text.starts_with('@') || text.starts_with("//")
}
