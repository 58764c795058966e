//! `gowasm bazel generate`: the rules of the user's own Go packages, from their imports.

mod edit;
mod format;
mod golist;
mod label;
mod rules;
mod starlark;
mod update;
mod workspace;

use crate::{Failure, files};
use golist::{Listing, Place};
use gowasm_build::Progress;
use gowasm_diagnostic::Diagnostic;
use label::Label;
use rules::Rules;
use starlark::File;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use workspace::Workspace;

pub struct Generate {
    /// Where relative paths begin. Absolute.
    pub started_in: PathBuf,
    /// What lies below these is looked at; they are relative.
    pub folders: Vec<PathBuf>,
    /// Build tags that packages may be compiled with, and may be without.
    pub tags: Vec<String>,
    /// A Go to use instead of the one in `GOWASM_GO` or on the path.
    pub go: Option<PathBuf>,
}

/// A file as it is and as it should be.
#[derive(Debug)]
pub struct Change {
    pub path: PathBuf,
    /// As messages name it.
    pub shown: String,
    pub before: Option<String>,
    pub after: String,
}

#[derive(Debug)]
pub struct Generated {
    /// In the order of their paths.
    pub changes: Vec<Change>,
    pub warnings: Vec<Diagnostic>,
}

/// Says what should be in the BUILD files; writes nothing.
pub fn generate(
    request: &Generate,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Generated, Failure> {
    // 1. The workspace and its files.
    let started_in = std::fs::canonicalize(&request.started_in)
        .map_err(|error| Failure::io("find", &request.started_in, &error))?;
    let workspace = Workspace::find(&started_in)?;
    let scope = Scope::new(request, &workspace, &started_in)?;
    let build_files = scope.build_files.iter();
    let read = |(folder, path): (&String, &PathBuf)| Ok((folder.clone(), workspace.read(path)?));
    let mut build_files: BTreeMap<String, File> =
        build_files.map(read).collect::<Result<_, Failure>>()?;
    let ignored = build_files
        .iter()
        .filter(|(_, file)| file.ignored)
        .map(|(folder, _)| folder.clone())
        .collect();
    let resolved = match workspace.build_file("") {
        Some(path) => workspace.read(&path)?.resolves,
        None => Vec::new(),
    };
    let resolved = resolved.into_iter().map(|(path, label)| (path, Label::parse(&label, "")));
    let resolved: BTreeMap<String, Label> = resolved.collect();
    // 2. The packages.
    let own = golist::Own { ignored, resolved: &resolved };
    let mut listing = golist::list(request, &workspace, &scope.go_folders, &own, progress, cancel)?;
    // 3. What each of them is called.
    read_files_of_dependencies(&mut build_files, &listing, &workspace)?;
    let targets = targets(&listing, &build_files, &workspace);
    let folders = listing.packages.values().map(|package| package.folder.clone());
    let bazel_packages = folders.chain(build_files.keys().cloned()).collect();
    let mut warnings = std::mem::take(&mut listing.warnings);
    let rules =
        Rules { workspace: &workspace, listing: &listing, targets, resolved, bazel_packages };
    check_imports(&rules, &mut warnings)?;
    // 4. The files.
    let nothing = starlark::parse(String::new(), "").map_err(Failure::input)?;
    let mut changes = Vec::new();
    let folders: BTreeSet<&String> = scope
        .build_files
        .keys()
        .chain(listing.packages.values().map(|package| &package.folder))
        .collect();
    for folder in folders {
        let (file, path) = match build_files.get(folder) {
            Some(file) if file.ignored => continue,
            Some(file) => (file, workspace.build_file(folder)),
            None => (&nothing, None),
        };
        let path = path.unwrap_or_else(|| workspace.path(folder).join("BUILD.bazel"));
        let shown = workspace.shown(&path);
        let after = update::update(&rules, folder, file, &shown, &mut warnings);
        if after != file.text {
            let before = build_files.contains_key(folder).then(|| file.text.clone());
            changes.push(Change { path, shown, before, after });
        }
    }
    Ok(Generated { changes, warnings })
}

impl Change {
    /// As `diff -u` shows it.
    pub fn diff(&self) -> String {
        let before = self.before.as_deref().unwrap_or_default();
        let old = if self.before.is_some() {
            format!("a/{}", self.shown)
        } else {
            "/dev/null".to_owned()
        };
        let new = format!("b/{}", self.shown);
        similar::TextDiff::from_lines(before, &self.after)
            .unified_diff()
            .header(&old, &new)
            .to_string()
    }

    pub fn write(&self) -> Result<(), Failure> {
        files::replace(&self.path, self.after.as_bytes())
    }
}

/// What a command is about.
struct Scope {
    build_files: BTreeMap<String, PathBuf>,
    /// Where Go is asked for `./...`.
    go_folders: Vec<PathBuf>,
}

impl Scope {
    fn new(request: &Generate, workspace: &Workspace, started_in: &Path) -> Result<Self, Failure> {
        let mut scope = Scope { build_files: BTreeMap::new(), go_folders: Vec::new() };
        for folder in &request.folders {
            let asked = started_in.join(folder);
            let absolute = std::fs::canonicalize(&asked).map_err(|error| {
                let message = format!("cannot find {}: {error}", folder.display());
                Failure::input(Diagnostic::error(message).hint("name folders of this workspace"))
            })?;
            if !absolute.is_dir() || workspace.below(&absolute).is_none() {
                let message = format!(
                    "{} is no folder of the Bazel workspace in {}",
                    folder.display(),
                    workspace.root.display()
                );
                return Err(Failure::Usage(Diagnostic::error(message)));
            }
            let folders = workspace.walk(&absolute)?;
            let above =
                absolute.ancestors().skip(1).take_while(|above| above.starts_with(&workspace.root));
            if above.clone().any(|above| above.join("go.mod").is_file())
                && !absolute.join("go.mod").is_file()
            {
                scope.go_folders.push(absolute.clone());
            }
            scope.go_folders.extend(folders.go_modules.iter().map(|module| workspace.path(module)));
            scope.build_files.extend(folders.build_files);
        }
        scope.go_folders.sort();
        scope.go_folders.dedup();
        if scope.go_folders.is_empty() {
            let message = "there is no go.mod in or above the folders to look at";
            return Err(Failure::input(Diagnostic::error(message).hint("`go mod init` makes one")));
        }
        Ok(scope)
    }
}

/// Packages outside of the folders that were asked for have targets as well.
fn read_files_of_dependencies(
    build_files: &mut BTreeMap<String, File>,
    listing: &Listing,
    workspace: &Workspace,
) -> Result<(), Failure> {
    for place in listing.places.values() {
        let Place::Here(folder) = place else { continue };
        if !build_files.contains_key(folder)
            && let Some(path) = workspace.build_file(folder)
        {
            build_files.insert(folder.clone(), workspace.read(&path)?);
        }
    }
    Ok(())
}

fn targets(
    listing: &Listing,
    build_files: &BTreeMap<String, File>,
    workspace: &Workspace,
) -> BTreeMap<String, Label> {
    let mut targets = BTreeMap::new();
    for (import_path, place) in &listing.places {
        let Place::Here(folder) = place else { continue };
        let name = update::target_name(import_path, folder, build_files.get(folder), workspace);
        targets.insert(import_path.clone(), Label::new("", folder, &name));
    }
    targets
}

/// Every import has to lead somewhere.
fn check_imports(rules: &Rules<'_>, warnings: &mut Vec<Diagnostic>) -> Result<(), Failure> {
    let mut found = Vec::new();
    let mut indirect = BTreeSet::new();
    for (import_path, package) in &rules.listing.packages {
        let imports: BTreeSet<&String> =
            package.imports.values().flatten().chain(&package.test_imports).collect();
        for import in imports {
            if rules.resolved.contains_key(import) {
                continue;
            }
            match rules.listing.places.get(import) {
                Some(Place::Missing(why)) => {
                    found.push(Diagnostic::error(format!("{import_path} imports {import}: {why}")));
                }
                Some(Place::Elsewhere { direct }) => {
                    if rules.label(package, import).is_none() {
                        found.push(no_repository(import_path, import, package));
                    } else if !direct {
                        indirect.insert(import.as_str());
                    }
                }
                _ => {}
            }
        }
    }
    for import in indirect {
        let message =
            format!("go.mod calls the Go module of {import} indirect, so it may have no target");
        warnings.push(Diagnostic::warning(message).hint("run `go mod tidy`"));
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::Input(found)) }
}

fn no_repository(importer: &str, import: &str, package: &golist::Package) -> Diagnostic {
    let message = format!("{importer} imports {import}, and MODULE.bazel fetches no Go modules");
    let at = &package.go_module;
    Diagnostic::error(message).hint(format!(
        "add `go_wasm.modules(go_mod = \"//{at}:go.mod\", go_sum = \"//{at}:go.sum\")` and `use_repo(go_wasm, \"go_modules\")`"
    ))
}
