//! Everything on disk that a build depends on.

use super::environment;
use super::folder::Names;
use super::gomod;
use crate::flags;
use crate::packages::Listed;
use crate::toolchain::Toolchain;
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
        watched.nearer(dir, started_in, toolchain);
        if environment::is_launcher(&toolchain.go) {
            watched.version_files(dir);
        }
        if let Some(plan) = plan {
            watched.own(started_in.join(plan));
        }
        Some(watched)
    }

    /// A program besides Go's that the module comes through.
    pub(crate) fn with_tool(mut self, program: Option<PathBuf>) -> Self {
        program.into_iter().for_each(|program| self.other(program));
        self
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
            if is_folder && !never && !entry.path().join("go.mod").exists() {
                self.tree(&entry.path());
            }
        }
    }

    /// go.mod, go.sum, go.work, and what stands beside them or is named in them.
    fn modules(&mut self, go_mod: &Path, toolchain: &Toolchain, packages: &[Listed]) {
        let mut files = vec![go_mod.to_owned()];
        files.extend(toolchain.go_work.clone());
        let modules = packages.iter().filter_map(|package| package.module.as_ref());
        files.extend(modules.filter_map(|module| module.effective().go_mod.clone()));
        let mut pointed: Vec<PathBuf> =
            files.iter().flat_map(|file| gomod::local_folders(file)).collect();
        pointed.sort();
        pointed.dedup();
        files.extend(pointed.iter().map(|folder| folder.join("go.mod")));
        // A used module's own replacements count too.
        files.extend(
            pointed
                .iter()
                .flat_map(|folder| gomod::local_folders(&folder.join("go.mod")))
                .map(|folder| folder.join("go.mod")),
        );
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

    /// Where version managers look for the version to start.
    fn version_files(&mut self, dir: &Path) {
        let home = std::env::home_dir();
        for folder in dir.ancestors().chain(home.as_deref()) {
            for name in [".tool-versions", ".go-version", "mise.toml", ".mise.toml"] {
                self.own(folder.join(name));
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
