//! Everything on disk that a build depends on.

use super::folder::Names;
use super::gomod;
use crate::packages::Listed;
use crate::stamp::{Moment, Stamp};
use crate::toolchain::Toolchain;
use crate::{flags, process};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Sorted, so that the same build has the same note.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// With true for those whose content is asked for when the stamp is another: the user's own.
    pub(crate) files: BTreeMap<PathBuf, bool>,
    pub(crate) folders: BTreeSet<(PathBuf, Names)>,
}

/// Flags that bring in files which are not followed here, or that want something done in any case.
const UNFOLLOWED: &[&str] = &["modfile", "overlay", "toolexec", "pgo", "a", "x"];

impl Watched {
    /// `None` where not everything can be known: then every build asks Go.
    pub(crate) fn collect(
        started_in: &Path,
        plan: Option<&Path>,
        dir: &Path,
        toolchain: &Toolchain,
        packages: &[Listed],
    ) -> Option<Self> {
        let go_mod = toolchain.go_mod.as_deref()?;
        if UNFOLLOWED.iter().any(|name| flags::of_goflags(&toolchain.goflags, name).is_some()) {
            return None;
        }
        let mut watched = Watched::default();
        watched.toolchain(toolchain);
        for package in packages {
            watched.package(package, toolchain);
        }
        watched.modules(go_mod, toolchain, packages);
        watched.ambiguous(go_mod, toolchain, packages);
        watched.nearer(dir, started_in, toolchain);
        if let Some(plan) = plan {
            watched.own(started_in.join(plan));
        }
        Some(watched)
    }

    /// A file besides Go's that the outcome comes through.
    pub(crate) fn tool(&mut self, file: PathBuf) {
        self.other(file);
    }

    /// A program that is looked for by its name: another one may come before it.
    pub(crate) fn program(&mut self, name: &Path) {
        for place in process::places_on_path(name) {
            let is_it = place.is_file();
            self.other(place);
            if is_it {
                break;
            }
        }
    }

    /// Whether anything that Go itself writes, when it fetches modules, is younger than the moment.
    pub(crate) fn was_fetched_after(&self, moment: &Moment, mod_cache: &Path) -> bool {
        let by_go = |path: &Path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            path.starts_with(mod_cache) || matches!(name, "go.mod" | "go.sum" | "go.work.sum")
        };
        let folders = self.folders.iter().map(|(folder, _)| folder);
        let mut written = self.files.keys().chain(folders).filter(|path| by_go(path));
        written.any(|path| Stamp::of(path).is_ok_and(|stamp| !moment.is_after(&stamp)))
    }

    fn own(&mut self, path: PathBuf) {
        self.files.insert(path, true);
    }

    fn other(&mut self, path: PathBuf) {
        self.files.entry(path).or_insert(false);
    }

    fn toolchain(&mut self, toolchain: &Toolchain) {
        self.other(toolchain.go.clone());
        let exe = std::env::consts::EXE_SUFFIX;
        for tool in ["compile", "asm", "link"] {
            self.other(toolchain.tool_dir.join(format!("{tool}{exe}")));
        }
        for file in ["VERSION", "go.env"] {
            self.other(toolchain.goroot.join(file));
        }
        self.other(toolchain.goroot.join("bin").join(format!("go{exe}")));
        if let Some(file) = &toolchain.env_file {
            self.own(file.clone());
        }
        if let Some(go_path) = &toolchain.go_path {
            // With one there, Go does nothing at all.
            self.own(go_path.join("go.mod"));
        }
        // The command may have chosen another Go than its own, which is looked for on the path first.
        let own = toolchain.go.canonicalize().ok();
        let own = own.as_deref().and_then(|go| go.parent()?.parent());
        if let Some(own) = own.filter(|own| **own != toolchain.goroot) {
            for file in ["VERSION", "go.env"] {
                self.other(own.join(file));
            }
            self.program(Path::new(&toolchain.version));
        }
    }

    fn package(&mut self, package: &Listed, toolchain: &Toolchain) {
        let Some(dir) = &package.dir else { return };
        let own = !package.standard && !dir.starts_with(&toolchain.mod_cache);
        self.folders.insert((dir.clone(), Names::Sources));
        for file in package.files() {
            let path = dir.join(file);
            if own { self.own(path) } else { self.other(path) }
        }
        if own {
            if package.name == "main" {
                // Go compiles by it.
                self.own(dir.join("default.pgo"));
            }
            self.embedded(package, dir);
            let root = package.module.as_ref().and_then(|module| module.effective().dir.as_deref());
            for folder in between(dir, root) {
                // One of these would make the package another module's.
                self.own(folder.join("go.mod"));
            }
        }
    }

    /// The folders in which a new file may match one of the package's embed patterns.
    fn embedded(&mut self, package: &Listed, dir: &Path) {
        for file in &package.embed_files {
            for folder in dir
                .join(file)
                .ancestors()
                .skip(1)
                .take_while(|folder| folder.starts_with(dir) && *folder != dir)
            {
                self.folders.insert((folder.to_owned(), Names::All));
            }
        }
        for pattern in &package.embed_patterns {
            let pattern = pattern.strip_prefix("all:").unwrap_or(pattern);
            let fixed = Path::new(pattern).components().take_while(|part| match part {
                Component::Normal(name) => !name.to_string_lossy().contains(['*', '?', '[', '\\']),
                _ => false,
            });
            self.tree(&dir.join(fixed.collect::<PathBuf>()));
        }
    }

    fn tree(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        self.folders.insert((folder.to_owned(), Names::All));
        for entry in entries.flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let name = entry.file_name();
            // Go embeds none of these, and nothing of another module.
            let never = [".git", ".hg", ".bzr", ".svn"].iter().any(|other| name == *other);
            if is_folder && !never {
                let other_module = entry.path().join("go.mod");
                let is_other = other_module.exists();
                // Without it the folder is embedded as well, and with it no longer.
                self.own(other_module);
                if !is_other {
                    self.tree(&entry.path());
                }
            }
        }
    }

    /// go.mod, go.sum, go.work, and what stands beside them or is named in them.
    fn modules(&mut self, go_mod: &Path, toolchain: &Toolchain, packages: &[Listed]) {
        let mut files = vec![go_mod.to_owned()];
        files.extend(toolchain.go_work.clone());
        let modules = packages.iter().filter_map(|package| package.module.as_ref());
        files.extend(modules.filter_map(|module| module.effective().go_mod.clone()));
        let pointed = |file: &PathBuf| {
            gomod::locals(file).into_iter().map(|local| local.folder.join("go.mod"))
        };
        let mut local: Vec<PathBuf> = files.iter().flat_map(pointed).collect();
        local.sort();
        local.dedup();
        // A used module's own replacements count too.
        files.extend(local.iter().flat_map(pointed));
        files.extend(local);
        for file in files {
            if file.starts_with(&toolchain.mod_cache) {
                self.other(file);
                continue;
            }
            let sum = if file.extension().is_some_and(|extension| extension == "work") {
                file.with_extension("work.sum")
            } else {
                file.with_extension("sum")
            };
            if let Some(folder) = file.parent() {
                // Its mere presence changes where Go looks for dependencies.
                self.own(folder.join("vendor"));
                self.own(folder.join("vendor").join("modules.txt"));
            }
            self.own(sum);
            self.own(file);
        }
    }

    /// Folders in which a package would be a second one of the same import path: Go refuses that.
    fn ambiguous(&mut self, go_mod: &Path, toolchain: &Toolchain, packages: &[Listed]) {
        let files = [Some(go_mod), toolchain.go_work.as_deref()];
        let used = files.into_iter().flatten().flat_map(gomod::locals);
        let used = used.flat_map(|local| {
            let of_its_own = gomod::locals(&local.folder.join("go.mod"));
            [local].into_iter().chain(of_its_own)
        });
        let mut modules: BTreeSet<(String, PathBuf)> =
            used.filter_map(|local| Some((local.module_path()?, local.folder))).collect();
        modules.extend(gomod::module_path(go_mod).zip(go_mod.parent().map(Path::to_owned)));
        for package in packages.iter().filter(|package| !package.standard) {
            let first = package.import_path.split('/').next().unwrap_or_default();
            if !first.contains('.') {
                // The standard library has such paths too, and comes first.
                self.own(toolchain.goroot.join("src").join(&package.import_path));
            }
            for (path, folder) in &modules {
                let below = package.import_path.strip_prefix(path.as_str());
                let below = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
                let Some(below) = below else { continue };
                let place = folder.join(below.trim_start_matches('/'));
                let (here, there) = (place.canonicalize().ok(), package.dir.as_ref());
                if here.is_some() && here == there.and_then(|dir| dir.canonicalize().ok()) {
                    continue;
                }
                // With a go.mod in between the folder is no part of the module.
                between(&place, Some(folder)).for_each(|folder| self.own(folder.join("go.mod")));
                if here.is_some() {
                    self.folders.insert((place, Names::All));
                } else {
                    self.own(place);
                }
            }
        }
    }

    /// Places where a go.mod or go.work would come before the one in force.
    fn nearer(&mut self, dir: &Path, started_in: &Path, toolchain: &Toolchain) {
        for start in [dir, started_in] {
            for (name, found) in [("go.mod", &toolchain.go_mod), ("go.work", &toolchain.go_work)] {
                for folder in start.ancestors() {
                    let place = folder.join(name);
                    let is_found = found.as_ref() == Some(&place);
                    self.own(place);
                    if is_found {
                        break;
                    }
                }
            }
        }
    }
}

/// The folders from `dir` up to `root`, without `root`.
fn between<'a>(dir: &'a Path, root: Option<&'a Path>) -> impl Iterator<Item = &'a Path> {
    let root = root.filter(|root| dir.starts_with(root));
    dir.ancestors().take_while(move |folder| root.is_some_and(|root| *folder != root))
}
