//! The main packages that arguments name, such as `./...`: each becomes a module of its own.

use crate::check::by_folder;
use crate::packages::Question;
use crate::toolchain::{self, Asking};
use crate::{CheckRequest, Failure, Progress, publish};
use gowasm_diagnostic::Diagnostic;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainPackage {
    pub import_path: String,
    /// What a [`crate::Request`] in the same folder calls it.
    pub package: String,
    /// The name of its module, without `.wasm`.
    pub name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    import_path: String,
    #[serde(default)]
    name: String,
    dir: Option<PathBuf>,
}

/// In the order in which Go lists them. Packages of other names are no modules, and are left out.
pub fn main_packages(
    asked: &CheckRequest,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Vec<MainPackage>, Failure> {
    let started_in = &asked.started_in;
    let go = toolchain::find(asked.go.as_deref(), started_in)?;
    let mut mains: Vec<MainPackage> = Vec::new();
    for (dir, packages) in by_folder(asked) {
        let goos = asked.target.goos;
        let offline = asked.offline;
        let asking = Asking { go: &go, dir: &dir, goos, offline, progress, cancel };
        let toolchain = asking.toolchain()?;
        let mut flags = vec!["-find", "-json=ImportPath,Name,Dir"];
        flags.extend(asked.go_flags.iter().map(String::as_str));
        let question = Question {
            dir: &dir,
            goos,
            tags: &asked.tags,
            flags: &flags,
            packages: &packages,
            environment: &[],
        };
        let listed: Vec<Listed> = question.ask_for(&toolchain, progress, cancel)?;
        for found in listed.into_iter().filter(|found| found.name == "main") {
            let package = argument(started_in, &dir, &found);
            let name = publish::name_of(&package, &found.import_path);
            let main = MainPackage { import_path: found.import_path, package, name };
            if !mains.contains(&main) {
                mains.push(main);
            }
        }
    }
    if mains.is_empty() {
        let message = format!("`{}` names no main package", asked.packages.join(" "));
        let hint = "a wasm module is made of a main package: `package main`";
        return Err(Failure::input(Diagnostic::error(message).hint(hint)));
    }
    one_of_each_name(&mains)?;
    Ok(mains)
}

/// As a user would name it, so that a build of this package alone knows what was built.
fn argument(started_in: &Path, dir: &Path, found: &Listed) -> String {
    let folder = found.dir.as_deref().unwrap_or(Path::new(""));
    match folder.strip_prefix(started_in) {
        Ok(below) if below.as_os_str().is_empty() => ".".to_owned(),
        Ok(below) => format!("./{}", below.display()),
        Err(_) if dir == started_in => found.import_path.clone(),
        Err(_) => folder.display().to_string(),
    }
}

/// They go to one folder.
fn one_of_each_name(mains: &[MainPackage]) -> Result<(), Failure> {
    for (index, main) in mains.iter().enumerate() {
        if let Some(other) = mains[..index].iter().find(|other| other.name == main.name) {
            let message = format!(
                "{} and {} would both be {}.wasm",
                other.import_path, main.import_path, main.name
            );
            let hint = "build them one by one, each with an -o of its own";
            return Err(Failure::Usage(Diagnostic::error(message).hint(hint)));
        }
    }
    Ok(())
}
