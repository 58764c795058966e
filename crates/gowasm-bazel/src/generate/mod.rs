//! `gowasm bazel generate`: the rules of the user's own Go packages, from their imports.

mod comments;
mod edit;
mod format;
mod golist;
mod index;
mod label;
mod rules;
mod starlark;
mod update;
mod workspace;

use crate::{Failure, files};
use comments::Comments;
use golist::{Listing, Place};
use gowasm_build::Progress;
use gowasm_diagnostic::Diagnostic;
use index::Index;
use label::Label;
use rules::Rules;
use starlark::File;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use update::Names;
use workspace::Workspace;

pub struct Generate {
    /// Where relative paths begin. Absolute.
    pub started_in: PathBuf,
    /// What lies below these is looked at; they are relative.
    pub folders: Vec<PathBuf>,
    /// Build tags that packages may be compiled with, and may be without; those of the last time without.
    pub tags: Option<Vec<String>>,
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
    // What their comments say, and which import paths their rules have.
    let all = workspace.read_all()?;
    let mut comments = Comments::default();
    all.iter().for_each(|(folder, file)| comments.add(folder, file));
    let mut index = Index::of(&all, &workspace, &comments);
    let tags = request.tags.clone().unwrap_or_else(|| comments.tags());
    // 2. The packages.
    let own = golist::Own { ignored, comments: &comments, index: &index, tags: &tags };
    let mut listing = golist::list(request, &workspace, &scope.go_folders, &own, progress, cancel)?;
    // 3. What each of them is called.
    read_files_of_dependencies(&mut build_files, &listing, &workspace)?;
    let targets = targets(&listing, &build_files, &workspace, &comments, &mut index);
    let folders = listing.packages.values().map(|package| package.folder.clone());
    let bazel_packages = folders.chain(build_files.keys().cloned()).collect();
    let mut warnings = std::mem::take(&mut listing.warnings);
    let rules = Rules {
        workspace: &workspace,
        listing: &listing,
        targets,
        comments: &comments,
        index: &index,
        bazel_packages,
    };
    check_imports(&rules, &build_files, &mut warnings)?;
    // 4. The files.
    let nothing = starlark::parse(String::new(), "").map_err(Failure::input)?;
    let mut changes = Vec::new();
    let folders: BTreeSet<&String> = scope
        .build_files
        .keys()
        .chain(listing.packages.values().map(|package| &package.folder))
        .collect();
    for folder in folders {
        let file = match build_files.get(folder) {
            Some(file) if file.ignored => continue,
            Some(file) => file,
            None => &nothing,
        };
        let path = workspace.build_file_to_be(folder);
        let shown = workspace.shown(&path);
        let after = update::update(&rules, folder, file, &shown, &mut warnings);
        if after != file.text {
            let before = build_files.contains_key(folder).then(|| file.text.clone());
            changes.push(Change { path, shown, before, after });
        }
    }
    // 5. The tags, for the next time.
    if let Some(tags) = &request.tags {
        remember_tags(tags, &workspace, &mut changes, &mut warnings)?;
    }
    Ok(Generated { changes, warnings })
}

fn remember_tags(
    tags: &[String],
    workspace: &Workspace,
    changes: &mut Vec<Change>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Failure> {
    let path = workspace.build_file_to_be("");
    let shown = workspace.shown(&path);
    let changed = changes.iter_mut().find(|change| change.path == path);
    let file = if path.is_file() { Some(workspace.read(&path)?) } else { None };
    if file.as_ref().is_some_and(|file| file.ignored) {
        let message = format!("{shown} is left alone, and does not remember the build tags");
        let hint = format!("write the line `# gowasm:tags {}` into it", tags.join(","));
        warnings.push(Diagnostic::warning(message).hint(hint));
        return Ok(());
    }
    let before = file.map(|file| file.text);
    match changed {
        Some(change) => change.after = comments::remember_tags(&change.after, tags),
        None => {
            let text = before.clone().unwrap_or_default();
            let after = comments::remember_tags(&text, tags);
            if after != text {
                changes.insert(0, Change { path, shown, before, after });
            }
        }
    }
    Ok(())
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
    comments: &Comments,
    index: &mut Index,
) -> BTreeMap<String, Label> {
    let mut targets = BTreeMap::new();
    for (import_path, place) in &listing.places {
        let Place::Here(folder) = place else { continue };
        // The name that its rule has, whatever Go calls it.
        let own = comments.import_path(folder).unwrap_or_else(|| import_path.clone());
        let package = listing.packages.get(&own);
        let file = build_files.get(folder);
        let names = file.map(|file| Names::of(file, folder, workspace, comments));
        let name = update::target_name(&own, folder, names.as_ref(), package);
        let label = Label::new("", folder, &name);
        if let (Some(names), Some(package)) = (&names, package) {
            let calls = names.of_package(&own, &name, Some(package)).into_iter();
            for before in calls.filter_map(|call| call.string("importpath")) {
                if before != own {
                    index.forget(before, &label);
                }
            }
        }
        targets.insert(import_path.clone(), label);
    }
    targets
}

/// Every import has to lead somewhere.
fn check_imports(
    rules: &Rules<'_>,
    build_files: &BTreeMap<String, File>,
    warnings: &mut Vec<Diagnostic>,
) -> Result<(), Failure> {
    let mut found = Vec::new();
    // One of the rules that have it is enough.
    let mut indirect = BTreeMap::new();
    for (import_path, package) in &rules.listing.packages {
        let rule = || shown_rule(rules, build_files, import_path, package);
        let imports: BTreeSet<&String> =
            package.imports.values().flatten().chain(&package.test_imports).collect();
        for import in imports {
            if rules.is_named(package, import) {
                continue;
            }
            match rules.listing.places.get(import) {
                Some(Place::Missing(why)) => {
                    let message = format!("{}: {import_path} imports {import}: {why}", rule());
                    found.push(Diagnostic::error(message));
                }
                Some(Place::Elsewhere { direct }) => {
                    if rules.label(package, import).is_none() {
                        found.push(no_repository(&rule(), import_path, import, package));
                    } else if !direct {
                        indirect.entry(import.as_str()).or_insert_with(|| (rule(), package));
                    }
                }
                _ => {}
            }
        }
    }
    for (import, (rule, package)) in indirect {
        let go_mod = rules.workspace.path(&package.go_module).join("go.mod");
        let go_mod = rules.workspace.shown(&go_mod);
        let message = format!(
            "{rule}: {go_mod} calls the Go module of {import} indirect, so it may have no target"
        );
        warnings.push(Diagnostic::warning(message).hint("run `go mod tidy`"));
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::Input(found)) }
}

/// The file and the rule of a package, for messages.
fn shown_rule(
    rules: &Rules<'_>,
    build_files: &BTreeMap<String, File>,
    import_path: &str,
    package: &golist::Package,
) -> String {
    let folder = &package.folder;
    let path = rules.workspace.build_file_to_be(folder);
    let target = rules.targets.get(import_path);
    let name = target.map_or(label::last(folder), |label| label.name.as_str());
    let call = build_files.get(folder).and_then(|file| {
        file.calls.iter().find(|call| call.function != "load" && call.string("name") == Some(name))
    });
    let kind = call.map_or_else(|| rules.kind(package).to_owned(), |call| call.function.clone());
    format!("{}: {kind} `{name}`", rules.workspace.shown(&path))
}

fn no_repository(
    rule: &str,
    importer: &str,
    import: &str,
    package: &golist::Package,
) -> Diagnostic {
    let message =
        format!("{rule}: {importer} imports {import}, and MODULE.bazel fetches no Go modules");
    let at = &package.go_module;
    Diagnostic::error(message).hint(format!(
        "add `go_wasm.modules(go_mod = \"//{at}:go.mod\", go_sum = \"//{at}:go.sum\")` and `use_repo(go_wasm, \"go_modules\")`"
    ))
}
