//! The Bazel workspace: where it begins, what its MODULE.bazel calls things, which files it has.

use super::label::Label;
use super::starlark::{self, File};
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

const MODULE: &str = "MODULE.bazel";
const OWN_NAME: &str = "rules_go_wasm";

pub(super) struct Workspace {
    pub(super) root: PathBuf,
    started_in: PathBuf,
    /// What the rules' repository is called here.
    pub(super) rules: String,
    /// Repositories of third-party Go modules, by the package of their go.mod.
    repositories: Vec<(String, String)>,
    /// Folders that Bazel does not look at.
    ignored: Vec<String>,
}

/// Folders below the root, as Bazel writes them; the root is empty.
pub(super) struct Folders {
    pub(super) build_files: BTreeMap<String, PathBuf>,
    pub(super) go_modules: Vec<String>,
}

impl Workspace {
    pub(super) fn find(started_in: &Path) -> Result<Self, Failure> {
        let root = started_in.ancestors().find(|folder| folder.join(MODULE).is_file());
        let root = root.ok_or_else(|| {
            let message = format!("no folder from {} upwards has a {MODULE}", started_in.display());
            Failure::input(Diagnostic::error(message).hint("run this in a Bazel workspace"))
        })?;
        let mut workspace = Workspace {
            root: root.to_owned(),
            started_in: started_in.to_owned(),
            rules: OWN_NAME.to_owned(),
            repositories: Vec::new(),
            ignored: ignored(root)?,
        };
        let file = workspace.read(&root.join(MODULE))?;
        workspace.learn(&file);
        Ok(workspace)
    }

    /// As messages name it.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.started_in).unwrap_or(path).display().to_string()
    }

    pub(super) fn read(&self, path: &Path) -> Result<File, Failure> {
        let shown = self.shown(path);
        let text = String::from_utf8(files::read(path)?)
            .map_err(|_| Failure::input(Diagnostic::error(format!("{shown} is not UTF-8"))))?;
        starlark::parse(text, &shown).map_err(Failure::input)
    }

    /// All BUILD files that can be read: those that a command is not about may be wrong.
    pub(super) fn read_all(&self) -> Result<BTreeMap<String, File>, Failure> {
        let found = self.walk(&self.root)?.build_files.into_iter();
        Ok(found.filter_map(|(folder, path)| Some((folder, self.read(&path).ok()?))).collect())
    }

    /// What the repositories are called.
    fn learn(&mut self, file: &File) {
        let dep = file
            .calls
            .iter()
            .find(|call| call.function == "bazel_dep" && call.string("name") == Some(OWN_NAME));
        if let Some(name) = dep.and_then(|call| call.string("repo_name")) {
            self.rules = name.to_owned();
        }
        let positional = |call: &starlark::Call, at: usize| {
            let text =
                call.arguments.get(at).filter(|argument| argument.name.is_none())?.string()?;
            Some(text.to_owned())
        };
        for extension in file.calls.iter().filter(|call| call.function == "use_extension") {
            let (Some(variable), Some("go_wasm")) =
                (&extension.variable, positional(extension, 1).as_deref())
            else {
                continue;
            };
            let tags =
                file.calls.iter().filter(|call| call.function == format!("{variable}.modules"));
            for tag in tags {
                let go_mod = Label::parse(tag.string("go_mod").unwrap_or("//:go.mod"), "");
                let name = tag.string("name").unwrap_or("go_modules");
                let uses = file.calls.iter().filter(|call| call.function == "use_repo");
                let renamed = uses.flat_map(|call| &call.arguments).find_map(|argument| {
                    argument.name.clone().filter(|_| argument.string() == Some(name))
                });
                self.repositories
                    .push((go_mod.package, renamed.unwrap_or_else(|| name.to_owned())));
            }
        }
    }

    /// The repository with what the go.mod of this folder requires.
    pub(super) fn repository(&self, go_module: &str) -> Option<&str> {
        let own = self.repositories.iter().find(|(package, _)| package == go_module);
        let only = || self.repositories.first().filter(|_| self.repositories.len() == 1);
        own.or_else(only).map(|(_, name)| name.as_str())
    }

    /// A folder's path below the root; none outside of this workspace.
    pub(super) fn below(&self, folder: &Path) -> Option<String> {
        let below = folder.strip_prefix(&self.root).ok()?;
        let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
        let text = parts.join("/");
        let mut above = folder.ancestors().take_while(|above| *above != self.root);
        let other_workspace = above.any(|above| above.join(MODULE).is_file());
        (!other_workspace && !self.ignores(&text)).then_some(text)
    }

    pub(super) fn path(&self, folder: &str) -> PathBuf {
        if folder.is_empty() { self.root.clone() } else { self.root.join(folder) }
    }

    fn ignores(&self, folder: &str) -> bool {
        self.ignored.iter().any(|ignored| {
            folder
                .strip_prefix(ignored)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// The file of Bazel's package in this folder.
    pub(super) fn build_file(&self, folder: &str) -> Option<PathBuf> {
        let folder = self.path(folder);
        ["BUILD.bazel", "BUILD"]
            .map(|name| folder.join(name))
            .into_iter()
            .find(|file| file.is_file())
    }

    /// The same, or where it will be.
    pub(super) fn build_file_to_be(&self, folder: &str) -> PathBuf {
        self.build_file(folder).unwrap_or_else(|| self.path(folder).join("BUILD.bazel"))
    }

    pub(super) fn walk(&self, from: &Path) -> Result<Folders, Failure> {
        let mut folders = Folders { build_files: BTreeMap::new(), go_modules: Vec::new() };
        let wanted = |entry: &DirEntry| {
            let hidden = entry.depth() > 0 && entry.file_name().to_string_lossy().starts_with('.');
            entry.file_type().is_dir() && !hidden && self.below(entry.path()).is_some()
        };
        for entry in WalkDir::new(from).sort_by_file_name().into_iter().filter_entry(wanted) {
            let entry = entry.map_err(|error| Failure::io("read", from, &error.into()))?;
            let Some(folder) = self.below(entry.path()) else { continue };
            if entry.path().join("go.mod").is_file() {
                folders.go_modules.push(folder.clone());
            }
            if let Some(file) = self.build_file(&folder) {
                folders.build_files.insert(folder, file);
            }
        }
        Ok(folders)
    }
}

fn ignored(root: &Path) -> Result<Vec<String>, Failure> {
    let place = root.join(".bazelignore");
    if !place.is_file() {
        return Ok(Vec::new());
    }
    let text = String::from_utf8_lossy(&files::read(&place)?).into_owned();
    let lines = text.lines().map(|line| line.trim().trim_matches('/').to_owned());
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect())
}
