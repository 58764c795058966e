//! The rules that a Go package gets.

use super::comments::Comments;
use super::format::Value;
use super::golist::{Listing, Package, Place};
use super::index::Index;
use super::label::{self, Label};
use super::workspace::Workspace;
use gowasm_directive::Goos;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const PACKAGE: &str = "go_wasm_package";
pub(super) const LIBRARY: &str = "go_wasm_library";
pub(super) const BINARY: &str = "go_wasm_binary";
pub(super) const TEST: &str = "go_wasm_test";
pub(super) const KINDS: [&str; 4] = [PACKAGE, LIBRARY, BINARY, TEST];

pub(super) type Attributes = Vec<(&'static str, Value)>;

/// What rules of all packages are made with.
pub(super) struct Rules<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) listing: &'a Listing,
    /// The target of each package of the workspace.
    pub(super) targets: BTreeMap<String, Label>,
    /// What the user says of import paths and kinds of rules.
    pub(super) comments: &'a Comments,
    /// The import paths that rules have.
    pub(super) index: &'a Index,
    /// Folders that are packages to Bazel.
    pub(super) bazel_packages: BTreeSet<String>,
}

impl Rules<'_> {
    /// The kind of rule that a package gets at first.
    pub(super) fn kind(&self, package: &Package) -> &'static str {
        match (package.name.as_str(), package.exports && package.builds_for(Goos::Wasip1)) {
            ("main", true) => LIBRARY,
            ("main", false) => BINARY,
            _ => PACKAGE,
        }
    }

    /// The attributes of a package's rule that follow from its sources. Empty lists stand for none.
    pub(super) fn managed(
        &self,
        import_path: &str,
        package: &Package,
        kind: &str,
        goos: Goos,
    ) -> Attributes {
        let deps = match kind {
            PACKAGE => self.deps_of_all_targets(package),
            _ => Value::List(self.deps(package, &package.imports(goos))),
        };
        let imports = &package.imports;
        vec![
            ("srcs", Value::List(self.files(package, &package.sources))),
            ("embedsrcs", Value::List(self.files(package, &package.embeds))),
            ("importpath", Value::String(import_path.to_owned())),
            ("lang", Value::String(package.version.clone())),
            ("std", self.std(imports.values().flatten())),
            ("deps", deps),
        ]
    }

    /// Which packages of the standard library are imported, for whatever target: one too many costs little.
    fn std<'i>(&self, imports: impl Iterator<Item = &'i String>) -> Value {
        let is_std = |path: &&String| {
            matches!(self.listing.places.get(*path), Some(Place::Standard)) && *path != "unsafe"
        };
        let sorted: BTreeSet<String> = imports.filter(is_std).cloned().collect();
        Value::List(sorted.into_iter().collect())
    }

    /// The other attributes of a new rule: the user's to change.
    pub(super) fn first(&self, package: &Package, kind: &str, name: &str) -> Attributes {
        let mut attributes = vec![("visibility", Value::List(vec![visibility(&package.folder)]))];
        if kind == PACKAGE {
            return attributes;
        }
        if !package.builds_for(Goos::Wasip1) {
            attributes.push(("goos", Value::String(Goos::Js.as_str().to_owned())));
        }
        if let Some(plan) = self.plan(package, name) {
            attributes.push(("plan", Value::String(plan)));
        }
        attributes
    }

    /// The plan of a module, by its usual name.
    pub(super) fn plan(&self, package: &Package, name: &str) -> Option<String> {
        let plan = format!("{name}.plan.toml");
        self.workspace.path(&package.folder).join(&plan).is_file().then_some(plan)
    }

    /// The same of its tests. Without `embed` the sources of the package are among those of the test.
    pub(super) fn managed_of_test(
        &self,
        import_path: &str,
        package: &Package,
        embed: bool,
    ) -> Attributes {
        let (mut sources, mut embeds) = (package.tests.clone(), package.test_embeds.clone());
        let mut imports = package.test_imports.clone();
        let mut attributes = Attributes::new();
        if !embed {
            sources.extend(package.sources.iter().cloned());
            embeds.extend(package.embeds.iter().cloned());
            imports.extend(package.imports(Goos::Wasip1));
            attributes.push(("importpath", Value::String(import_path.to_owned())));
            attributes.push(("lang", Value::String(package.version.clone())));
        }
        imports.remove(import_path);
        attributes.push(("std", self.std(imports.iter())));
        attributes.push(("srcs", Value::List(self.files(package, &sources))));
        attributes.push(("embedsrcs", Value::List(self.files(package, &embeds))));
        attributes.push(("deps", Value::List(self.deps(package, &imports))));
        attributes
    }

    pub(super) fn first_of_test(&self, package: &Package, embedded: &str) -> Attributes {
        let mut attributes = vec![("embed", Value::List(vec![format!(":{embedded}")]))];
        if self.workspace.path(&package.folder).join("testdata").is_dir() {
            attributes.push(("data", Value::Raw("glob([\"testdata/**\"])".to_owned())));
        }
        attributes
    }

    fn deps_of_all_targets(&self, package: &Package) -> Value {
        let of = |goos| self.deps(package, &package.imports(goos));
        let (wasip1, js) = (of(Goos::Wasip1), of(Goos::Js));
        if wasip1 == js {
            return Value::List(wasip1);
        }
        let (common, only_wasip1): (Vec<_>, Vec<_>) =
            wasip1.into_iter().partition(|dep| js.contains(dep));
        let only_js = js.into_iter().filter(|dep| !common.contains(dep)).collect();
        let condition = |name| format!("@{}//toolchains:{name}", self.workspace.rules);
        let branches = vec![(condition("is_js"), only_js), (condition("is_wasip1"), only_wasip1)];
        Value::Selected(common, branches)
    }

    fn deps(&self, package: &Package, imports: &BTreeSet<String>) -> Vec<String> {
        let labels = imports.iter().filter_map(|import| self.label(package, import));
        labels.map(|label| label.spell(&package.folder)).collect()
    }

    pub(super) fn label(&self, importer: &Package, import_path: &str) -> Option<Label> {
        if let Some(label) = self.comments.resolve(&importer.folder, import_path) {
            return Some(label.clone());
        }
        let place = self.listing.places.get(import_path);
        match (place, self.index.get(import_path)) {
            (Some(Place::Standard), _) => None,
            (Some(Place::Here(_)), _) => self.targets.get(import_path).cloned(),
            (_, Some(label)) => Some(label.clone()),
            (Some(Place::Elsewhere { .. }), None) => {
                let repository = self.workspace.repository(&importer.go_module)?;
                Some(Label::new(repository, import_path, label::last(import_path)))
            }
            (Some(Place::Missing(_)) | None, None) => None,
        }
    }

    /// Whether a comment or a rule says which target an import leads to.
    pub(super) fn is_named(&self, importer: &Package, import_path: &str) -> bool {
        self.comments.resolve(&importer.folder, import_path).is_some()
            || self.index.get(import_path).is_some()
    }

    /// Files below the package's folder; one that lies in a package of its own to Bazel has a label there.
    fn files(&self, package: &Package, names: &BTreeSet<String>) -> Vec<String> {
        let place = |name: &String| {
            let path = if package.folder.is_empty() {
                name.clone()
            } else {
                format!("{}/{name}", package.folder)
            };
            let mut folders = path.match_indices('/').map(|(at, _)| &path[..at]);
            let nearest = folders.rfind(|folder| self.bazel_packages.contains(*folder));
            match nearest.filter(|folder| *folder != package.folder) {
                Some(folder) if folder.len() > package.folder.len() => {
                    format!("//{folder}:{}", &path[folder.len() + 1..])
                }
                _ => name.clone(),
            }
        };
        names.iter().map(place).collect()
    }
}

/// As Go has it: a package below `internal` is for what stands beside that.
fn visibility(folder: &str) -> String {
    let parts: Vec<&str> = folder.split('/').collect();
    match parts.iter().rposition(|part| *part == "internal") {
        Some(at) => format!("//{}:__subpackages__", parts[..at].join("/")),
        None => "//visibility:public".to_owned(),
    }
}
