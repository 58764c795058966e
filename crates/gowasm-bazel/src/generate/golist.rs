//! The packages of the user as Go lists them, for each target and set of build tags.

use super::Generate;
use super::comments::Comments;
use super::index::Index;
use super::workspace::Workspace;
use crate::Failure;
use gowasm_build::{List, Progress};
use gowasm_diagnostic::{Diagnostic, Position};
use gowasm_directive::{GoPackage, Goos};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub(super) const TARGETS: [Goos; 2] = [Goos::Wasip1, Goos::Js];

type Names = BTreeSet<String>;

/// A Go package of the workspace.
#[derive(Debug, Default)]
pub(super) struct Package {
    pub(super) name: String,
    /// Below the root of the workspace.
    pub(super) folder: String,
    /// The folder of its go.mod.
    pub(super) go_module: String,
    /// Of the language, such as `go1.24`.
    pub(super) version: String,
    pub(super) sources: Names,
    pub(super) embeds: Names,
    pub(super) tests: Names,
    pub(super) test_embeds: Names,
    /// By target; absent where it cannot be built.
    pub(super) imports: BTreeMap<&'static str, Names>,
    pub(super) test_imports: Names,
    /// Whether a module that it is the main package of has exports.
    pub(super) exports: bool,
}

impl Package {
    pub(super) fn imports(&self, goos: Goos) -> Names {
        let first = self.imports.values().next();
        self.imports.get(goos.as_str()).or(first).cloned().unwrap_or_default()
    }

    pub(super) fn builds_for(&self, goos: Goos) -> bool {
        self.imports.contains_key(goos.as_str())
    }
}

/// All that Go told.
#[derive(Default)]
pub(super) struct Listing {
    /// Those to write rules for, by import path.
    pub(super) packages: BTreeMap<String, Package>,
    /// Where packages are that somebody imports.
    pub(super) places: BTreeMap<String, Place>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl Listing {
    /// The file of a package's rule, as messages name it.
    fn build_file(&self, import_path: &str, workspace: &Workspace) -> Option<String> {
        match self.places.get(import_path)? {
            Place::Here(folder) => Some(workspace.shown(&workspace.build_file_to_be(folder))),
            _ => None,
        }
    }

    /// A package that is here stays, whatever Go makes of another name of it.
    fn put(&mut self, import_path: &str, place: Place) {
        let known = matches!(self.places.get(import_path), Some(Place::Here(_)));
        if !known || matches!(place, Place::Here(_)) {
            self.places.insert(import_path.to_owned(), place);
        }
    }
}

pub(super) enum Place {
    Standard,
    /// In this folder of the workspace.
    Here(String),
    /// In another Go module, which go.mod requires directly or not.
    Elsewhere {
        direct: bool,
    },
    /// Nowhere, for this reason.
    Missing(String),
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    dir: PathBuf,
    import_path: String,
    name: String,
    standard: bool,
    dep_only: bool,
    for_test: String,
    module: Option<Module>,
    go_files: Vec<String>,
    #[serde(rename = "SFiles")]
    s_files: Vec<String>,
    #[serde(rename = "HFiles")]
    h_files: Vec<String>,
    embed_files: Vec<String>,
    imports: Vec<String>,
    deps: Vec<String>,
    test_go_files: Vec<String>,
    test_imports: Vec<String>,
    test_embed_files: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    x_test_go_files: Vec<String>,
    #[serde(rename = "XTestImports")]
    x_test_imports: Vec<String>,
    #[serde(rename = "XTestEmbedFiles")]
    x_test_embed_files: Vec<String>,
    error: Option<ListError>,
    deps_errors: Vec<ListError>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Module {
    dir: PathBuf,
    go_version: String,
    indirect: bool,
}

#[derive(Deserialize, Default, Clone)]
#[serde(rename_all = "PascalCase", default)]
struct ListError {
    pos: String,
    err: String,
}

const FIELDS: &str = "-json=Dir,ImportPath,Name,Standard,DepOnly,ForTest,Module,GoFiles,SFiles,\
    HFiles,EmbedFiles,Imports,Deps,TestGoFiles,TestImports,TestEmbedFiles,\
    XTestGoFiles,XTestImports,XTestEmbedFiles,Error,DepsErrors";

/// What the user looks after.
pub(super) struct Own<'a> {
    /// Folders.
    pub(super) ignored: BTreeSet<String>,
    /// Targets and names of import paths, which Go need not know.
    pub(super) comments: &'a Comments,
    pub(super) index: &'a Index,
    /// Build tags that packages may be compiled with.
    pub(super) tags: &'a [String],
}

impl Own<'_> {
    /// Whether somebody knows what Go does not find.
    fn knows(&self, listed: &Listed, workspace: &Workspace) -> bool {
        let import_path = &listed.import_path;
        let folder = || self.comments.folder(import_path);
        self.comments.name(import_path)
            || listed.missing().is_some()
                && (self.index.get(import_path).is_some()
                    || folder().is_some_and(|folder| workspace.path(&folder).is_dir()))
    }
}

/// Lists what lies below these folders, each of which belongs to a Go module.
pub(super) fn list(
    request: &Generate,
    workspace: &Workspace,
    folders: &[PathBuf],
    own: &Own<'_>,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Listing, Failure> {
    let mut listing = Listing::default();
    let mut refused = Vec::new();
    let mut tag_sets = vec![Vec::new()];
    if !own.tags.is_empty() {
        tag_sets.push(own.tags.to_vec());
    }
    for folder in folders {
        for goos in TARGETS {
            for tags in &tag_sets {
                progress.detail(&format!("go list for {} in {}", goos.as_str(), folder.display()));
                let question = List {
                    dir: folder,
                    goos,
                    tags,
                    go: request.go.clone(),
                    flags: &["-test", "-e", "-mod=readonly", FIELDS],
                    packages: &["./...".to_owned()],
                };
                let mut listed: Vec<Listed> = gowasm_build::list(&question, progress, cancel)?;
                // What is listed besides for the sake of tests: their programs, packages with tests in them.
                listed.retain(|package| package.for_test.is_empty() && !package.is_test_program());
                let exporting = exporting(&listed)?;
                let expected = listed.iter().filter(|listed| own.knows(listed, workspace));
                let expected: BTreeSet<String> = expected
                    .filter_map(|package| Some(package.error.as_ref()?.err.clone()))
                    .collect();
                for mut package in listed {
                    package.deps_errors.retain(|error| !expected.contains(&error.err));
                    let place = package.place(workspace);
                    let ours = match &place {
                        Place::Here(folder) => !package.dep_only && !own.ignored.contains(folder),
                        _ => false,
                    };
                    let exports = package.exports(&exporting);
                    let mut import_path = package.import_path.clone();
                    listing.put(&import_path, place);
                    // A comment may say that it is called otherwise.
                    if let Some(Place::Here(folder)) = listing.places.get(&import_path)
                        && let Some(own) = own.comments.import_path(folder)
                    {
                        let folder = folder.clone();
                        listing.put(&own, Place::Here(folder));
                        import_path = own;
                    }
                    package.import_path.clone_from(&import_path);
                    if !ours {
                        continue;
                    }
                    match (&package.error, package.deps_errors.as_slice()) {
                        // Not for this target.
                        (Some(error), _) if error.is_of_constraints() => {}
                        (Some(error), _) => refused.push((import_path, vec![error.clone()])),
                        (None, []) => add(&mut listing, package, goos, exports, workspace),
                        (None, errors) => refused.push((import_path, errors.to_vec())),
                    }
                }
            }
        }
    }
    judge(&mut listing, refused, folders, workspace)?;
    Ok(listing)
}

/// A package that one target lacks is there for the other. One that neither has is only worth a warning
/// where it is build constraints that exclude what it imports.
fn judge(
    listing: &mut Listing,
    refused: Vec<(String, Vec<ListError>)>,
    folders: &[PathBuf],
    workspace: &Workspace,
) -> Result<(), Failure> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for (import_path, errors) in refused {
        let (excluded, grave): (Vec<_>, Vec<_>) =
            errors.into_iter().partition(ListError::is_of_constraints);
        let file = listing.build_file(&import_path, workspace);
        found.extend(grave.iter().map(|error| {
            let error = error.diagnostic(&import_path, folders, workspace);
            match &file {
                Some(file) => error.hint(format!(
                    "the rule in {file} cannot be written; `# gowasm:resolve IMPORTPATH LABEL` there names the target of what Go does not find"
                )),
                None => error,
            }
        }));
        if grave.is_empty() && !listing.packages.contains_key(&import_path) {
            let why =
                excluded.first().map(|error| error.err.replace('\n', " ")).unwrap_or_default();
            let message = format!("{import_path} gets no rule: for wasm, {why}");
            let message = match listing.build_file(&import_path, workspace) {
                Some(file) => format!("{file}: {message}"),
                None => message,
            };
            listing.warnings.push(Diagnostic::warning(message));
        }
    }
    listing.warnings.sort_by(|a, b| a.message.cmp(&b.message));
    listing.warnings.dedup();
    found.sort_by(|a, b| (&a.position, &a.message).cmp(&(&b.position, &b.message)));
    found.dedup();
    if found.is_empty() { Ok(()) } else { Err(Failure::Input(found)) }
}

fn add(listing: &mut Listing, listed: Listed, goos: Goos, exports: bool, workspace: &Workspace) {
    let Some(Place::Here(folder)) = listing.places.get(&listed.import_path) else { return };
    if listed.go_files.is_empty()
        && listed.test_go_files.is_empty()
        && listed.x_test_go_files.is_empty()
    {
        return;
    }
    let folder = folder.clone();
    let package = listing.packages.entry(listed.import_path).or_default();
    let module = listed.module.unwrap_or_default();
    package.name = listed.name;
    package.folder = folder;
    package.go_module = workspace.below(&module.dir).unwrap_or_default();
    package.version = language(&module.go_version);
    package.exports |= exports;
    package.sources.extend(listed.go_files.into_iter().chain(listed.s_files).chain(listed.h_files));
    package.embeds.extend(listed.embed_files);
    package.imports.entry(goos.as_str()).or_default().extend(listed.imports);
    // Tests run in the engine, which is one for wasip1.
    if goos == Goos::Wasip1 {
        package.tests.extend(listed.test_go_files.into_iter().chain(listed.x_test_go_files));
        package
            .test_embeds
            .extend(listed.test_embed_files.into_iter().chain(listed.x_test_embed_files));
        package.test_imports.extend(listed.test_imports.into_iter().chain(listed.x_test_imports));
    }
}

/// `1.24.3` of a go.mod as the compiler's `-lang`. A go.mod without a version means Go 1.16.
fn language(version: &str) -> String {
    let version = if version.is_empty() { "1.16" } else { version };
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    format!("go{}.{}", parts.next().unwrap_or("1"), parts.next().unwrap_or("16"))
}

/// The packages with a `//go:wasmexport`.
fn exporting(listed: &[Listed]) -> Result<BTreeSet<String>, Failure> {
    let packages = listed.iter().filter(|package| !package.standard && package.error.is_none());
    let packages: Vec<GoPackage> = packages
        .map(|package| GoPackage {
            import_path: package.import_path.clone(),
            dir: package.dir.clone(),
            go_files: package.go_files.iter().map(PathBuf::from).collect(),
            module: None,
            standard: false,
        })
        .collect();
    let directives = gowasm_directive::scan(&packages, &|path: &Path| path.display().to_string());
    let exports = directives.map_err(Failure::Input)?.exports;
    Ok(exports.into_iter().map(|export| export.function.package).collect())
}

impl Listed {
    fn is_test_program(&self) -> bool {
        self.name == "main"
            && self.import_path.ends_with(".test")
            && self.go_files.iter().any(|file| file.ends_with("_testmain.go"))
    }

    /// Whether a module that it is the main package of has exports.
    fn exports(&self, exporting: &BTreeSet<String>) -> bool {
        self.deps.iter().chain([&self.import_path]).any(|path| exporting.contains(path))
    }

    /// Why there is nothing where Go looks.
    fn missing(&self) -> Option<&str> {
        let error = self.error.as_ref()?;
        let nothing = self.dir.as_os_str().is_empty() || error.err.contains("no Go files in ");
        nothing.then_some(error.err.as_str())
    }

    fn place(&self, workspace: &Workspace) -> Place {
        if self.standard {
            return Place::Standard;
        }
        if let Some(why) = self.missing() {
            return Place::Missing(why.to_owned());
        }
        match workspace.below(&self.dir) {
            Some(folder) => Place::Here(folder),
            None => {
                Place::Elsewhere { direct: !self.module.as_ref().is_some_and(|it| it.indirect) }
            }
        }
    }
}

impl ListError {
    fn is_of_constraints(&self) -> bool {
        self.err.contains("build constraints exclude all Go files")
    }

    /// Go names places as seen from where it ran.
    fn diagnostic(
        &self,
        import_path: &str,
        folders: &[PathBuf],
        workspace: &Workspace,
    ) -> Diagnostic {
        let error = Diagnostic::error(self.err.clone());
        let mut parts = self.pos.rsplitn(3, ':');
        let (column, line, path) = (parts.next(), parts.next(), parts.next());
        let number = |text: Option<&str>| text?.parse::<u32>().ok();
        match (path, number(line), number(column)) {
            (Some(path), Some(line), Some(column)) => {
                let absolute =
                    folders.iter().map(|folder| folder.join(path)).find(|file| file.is_file());
                let shown = absolute.map_or_else(|| path.to_owned(), |file| workspace.shown(&file));
                error.at(Position::new(shown, line, column))
            }
            _ => Diagnostic::error(format!("{import_path}: {}", self.err)),
        }
    }
}
