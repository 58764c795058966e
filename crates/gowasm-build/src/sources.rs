//! The sources of packages as Go chooses them for a target, with nothing compiled.

use crate::packages::{self, Listed, Question};
use crate::request::check_target;
use crate::toolchain;
use crate::{Failure, Progress, manifest};
use gowasm_directive::{GoPackage, Target};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

#[derive(Debug, Clone)]
pub struct SourcesRequest {
    /// Where relative paths begin and where Go is run. Absolute.
    pub started_in: PathBuf,
    /// Folders, import paths or patterns, as `go list` takes them.
    pub packages: Vec<String>,
    pub target: Target,
    pub tags: Vec<String>,
    /// A Go to use instead of the one in `GOWASM_GO` or on the path.
    pub go: Option<PathBuf>,
    /// Go may load no modules from the network.
    pub offline: bool,
}

/// The packages that one run of Go knows, dependencies first.
#[derive(Debug)]
pub struct Sources {
    pub packages: Vec<GoPackage>,
    /// Those that were asked for.
    pub roots: Vec<Root>,
}

/// A package that was asked for.
#[derive(Debug)]
pub struct Root {
    pub import_path: String,
    /// The import paths of all it is made of, its own too.
    pub closure: Vec<String>,
}

/// Lists the packages, once for each folder that Go has to be run in.
pub fn sources(
    request: &SourcesRequest,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Vec<Sources>, Failure> {
    check_target(request.target)?;
    let go = toolchain::find(request.go.as_deref(), &request.started_in)?;
    let mut found = Vec::new();
    for (dir, arguments) in by_folder(request) {
        let goos = request.target.goos.as_str();
        let toolchain = toolchain::ask(go.clone(), &dir, goos, request.offline, progress, cancel)?;
        progress.detail(&format!("using {} at {}", toolchain.version, toolchain.go.display()));
        let question = Question {
            dir: &dir,
            goos: request.target.goos,
            tags: &request.tags,
            flags: &["-json=ImportPath,Name,Dir,Standard,DepOnly,Module,GoFiles,Deps"],
            packages: &arguments,
            environment: &[],
        };
        let listed = question.ask(&toolchain, progress, cancel)?;
        found.push(Sources {
            packages: listed.iter().filter_map(manifest::go_package).collect(),
            roots: listed.into_iter().filter(|package| !package.dep_only).map(root).collect(),
        });
    }
    Ok(found)
}

/// The arguments by the folder that they have to be asked in, in the order given.
fn by_folder(request: &SourcesRequest) -> Vec<(PathBuf, Vec<String>)> {
    let mut folders: Vec<(PathBuf, Vec<String>)> = Vec::new();
    for package in &request.packages {
        let dir = packages::working_dir(&request.started_in, package);
        let argument = packages::argument(&request.started_in, package, &dir);
        match folders.iter_mut().find(|(known, _)| *known == dir) {
            Some((_, arguments)) => arguments.push(argument),
            None => folders.push((dir, vec![argument])),
        }
    }
    folders
}

fn root(package: Listed) -> Root {
    let mut closure = package.deps;
    closure.push(package.import_path.clone());
    Root { import_path: package.import_path, closure }
}
