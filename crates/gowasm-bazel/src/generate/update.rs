//! One BUILD file, brought up to date with the Go package in its folder.

use super::comments::{Comments, MappedKind};
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
pub(super) struct Names<'a> {
    file: &'a File,
    /// The folder.
    path: PathBuf,
    known: Vec<Known<'a>>,
    /// What new rules are made with.
    spelled: Vec<MappedKind>,
}

/// A rule that the file loads.
struct Known<'a> {
    /// As the file calls it.
    called: &'a str,
    rule: MappedKind,
}

impl<'a> Names<'a> {
    pub(super) fn of(
        file: &'a File,
        folder: &str,
        workspace: &Workspace,
        comments: &Comments,
    ) -> Self {
        let bzl = defs(workspace);
        let own =
            |kind: &&'static str| MappedKind { kind, name: (*kind).to_owned(), bzl: bzl.clone() };
        let ours = KINDS.iter().map(own);
        let rules: Vec<MappedKind> = ours.chain(comments.mapped_kinds().cloned()).collect();
        let mut known = Vec::new();
        for load in file.calls.iter().filter(|call| call.function == "load") {
            let Some(from) = load.arguments.first().and_then(Argument::string) else { continue };
            let from = Label::parse(from, folder);
            for argument in &load.arguments[1..] {
                let Some(symbol) = argument.string() else { continue };
                let mut of = rules.iter().filter(|rule| rule.name == symbol);
                let rule = of.find(|rule| Label::parse(&rule.bzl, folder) == from);
                known.extend(rule.map(|rule| Known {
                    called: argument.name.as_deref().unwrap_or(symbol),
                    rule: rule.clone(),
                }));
            }
        }
        let spelled = KINDS
            .iter()
            .map(|kind| comments.mapped(folder, kind).cloned().unwrap_or_else(|| own(kind)));
        Names { file, known, spelled: spelled.collect(), path: workspace.path(folder) }
    }

    fn rule(&self, call: &Call) -> Option<&MappedKind> {
        self.known.iter().find(|known| known.called == call.function).map(|known| &known.rule)
    }

    pub(super) fn kind(&self, call: &Call) -> Option<&'static str> {
        self.rule(call).map(|rule| rule.kind)
    }

    /// What a new rule of this kind is made with, and how the file writes it.
    fn spell(&self, kind: &str) -> Option<(&MappedKind, &str)> {
        let rule = self.spelled.iter().find(|rule| rule.kind == kind)?;
        let known = self.known.iter().find(|known| known.rule == *rule);
        Some((rule, known.map_or(rule.name.as_str(), |known| known.called)))
    }

    /// The rules that compile a package: those of modules are main packages. Without one that says so, it is
    /// that of another import path which has the package's sources: its folder has another name now.
    pub(super) fn of_package(
        &self,
        import_path: &str,
        name: &str,
        package: Option<&Package>,
    ) -> Vec<&'a Call> {
        let is_of = |call: &&Call| {
            let own = match (self.kind(call), call.string("importpath")) {
                (Some(PACKAGE), own) => own == Some(import_path),
                (Some(LIBRARY | BINARY), Some(own)) => own == import_path,
                (Some(LIBRARY | BINARY), None) => call.string("name") == Some(name),
                _ => false,
            };
            own && call.argument("embed").is_none()
        };
        let found: Vec<&Call> = self.file.calls.iter().filter(is_of).collect();
        let Some(package) = package.filter(|_| found.is_empty()) else { return found };
        let moved = |call: &&Call| {
            matches!(self.kind(call), Some(PACKAGE | LIBRARY | BINARY))
                && call.string("importpath").is_some()
                && call.strings("srcs").any(|source| package.sources.contains(source))
        };
        let moved: Vec<&Call> = self.file.calls.iter().filter(moved).collect();
        if moved.len() == 1 { moved } else { found }
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
    names: Option<&Names<'_>>,
    package: Option<&Package>,
) -> String {
    let usual = label::last(if folder.is_empty() { import_path } else { folder }).to_owned();
    let Some(names) = names else { return usual };
    let calls = names.of_package(import_path, &usual, package);
    match calls.first().and_then(|call| call.string("name")) {
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
    let names = Names::of(file, folder, rules.workspace, rules.comments);
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
    /// What new rules are made with.
    added: BTreeSet<MappedKind>,
}

impl Update<'_> {
    fn package(&mut self, import_path: &str, package: &Package) {
        if package.sources.is_empty() {
            return;
        }
        let Some(target) = self.rules.targets.get(import_path) else { return };
        let existing = self.names.of_package(import_path, &target.name, Some(package));
        for call in &existing {
            let kind = self.names.kind(call).unwrap_or(PACKAGE);
            let goos = match call.string("goos") {
                Some("js") => Goos::Js,
                _ => Goos::Wasip1,
            };
            self.manage(call, self.rules.managed(import_path, package, kind, goos));
            self.add_plan(call, kind, package);
        }
        if existing.is_empty() {
            let kind = self.rules.kind(package);
            let goos = if package.builds_for(Goos::Wasip1) { Goos::Wasip1 } else { Goos::Js };
            let mut attributes = self.rules.managed(import_path, package, kind, goos);
            attributes.extend(self.rules.first(package, kind, &target.name));
            self.add(kind, &target.name.clone(), attributes);
        }
    }

    /// A plan that was written after the rule.
    fn add_plan(&mut self, call: &Call, kind: &str, package: &Package) {
        let verify = call.argument("verify").map(|it| &self.names.file.text[it.value.clone()]);
        let names = call.string("name").into_iter().chain([label::last(&package.folder)]);
        let plan = names.filter_map(|name| self.rules.plan(package, name)).next();
        if let (LIBRARY | BINARY, false, None, Some(plan)) =
            (kind, call.keep || verify == Some("False"), call.argument("plan"), plan)
        {
            self.edits.set(call, "plan", &Value::String(plan), &|_| false);
        }
    }

    fn tests(&mut self, import_path: &str, package: &Package) {
        if package.tests.is_empty() {
            return;
        }
        let Some(target) = self.rules.targets.get(import_path) else { return };
        let calls = self.names.of_package(import_path, &target.name, Some(package));
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
                "deps" | "std" => false,
                "srcs" => self.names.is_source(element),
                _ => is_label(element) || self.names.is_generated(element),
            };
            self.edits.set(call, name, value, &retained);
        }
    }

    fn add(&mut self, kind: &'static str, name: &str, mut attributes: Attributes) {
        attributes.retain(|(name, value)| !value.is_default_of(name));
        attributes.push(("name", Value::String(name.to_owned())));
        let Some((rule, called)) = self.names.spell(kind) else { return };
        self.edits.add_rule(format::rule(called, &attributes));
        self.added.insert(rule.clone());
    }

    /// Rules whose sources are all gone, and the names that are loaded for nothing.
    fn remove_stale(&mut self) {
        let mut forget = BTreeSet::new();
        let mut stay = self.added.clone();
        for call in &self.names.file.calls {
            let Some(rule) = self.names.rule(call) else { continue };
            let mut sources = call.strings("srcs").peekable();
            let stale = !self.used.contains(&call.lines.start)
                && !call.keep
                && !call.argument("srcs").is_some_and(|srcs| srcs.keep)
                && sources.peek().is_some()
                && !sources.any(|source| self.names.is_source(source));
            if stale {
                self.edits.remove_call(call);
                forget.insert(rule.clone());
            } else {
                stay.insert(rule.clone());
            }
        }
        // Each file that rules come from has its `load`.
        let all = self.added.iter().chain(&forget);
        let bzls: BTreeSet<&str> = all.map(|rule| rule.bzl.as_str()).collect();
        for bzl in bzls {
            let of = |rules: &'_ BTreeSet<MappedKind>| -> BTreeSet<String> {
                let of = rules.iter().filter(|rule| rule.bzl == bzl);
                of.map(|rule| rule.name.clone()).collect()
            };
            let (added, gone) = (of(&self.added), &of(&forget) - &of(&stay));
            let added = added.iter().map(String::as_str).collect();
            self.edits.load(bzl, &added, &gone.iter().map(String::as_str).collect());
        }
    }
}

fn is_label(text: &str) -> bool {
    text.contains(':') || text.starts_with('@') || text.starts_with("//")
}
