//! Asks Go for the packages of a build: which files they have, and their archives, compiled.

use crate::build::Session;
use crate::progress::Compiling;
use crate::toolchain::{self, Toolchain};
use crate::{Failure, Progress, Request, flags, process, remote};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use gowasm_scratch::Folder;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// What is read of a package in `go list`'s answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Listed {
    pub(crate) import_path: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) dir: Option<PathBuf>,
    /// The package archive. Only `unsafe` has none.
    pub(crate) export: Option<PathBuf>,
    #[serde(default)]
    pub(crate) standard: bool,
    #[serde(default)]
    pub(crate) dep_only: bool,
    /// All packages it is made of; only asked for by a check.
    #[serde(default)]
    pub(crate) deps: Vec<String>,
    pub(crate) module: Option<GoModule>,
    #[serde(rename = "DefaultGODEBUG")]
    pub(crate) default_godebug: Option<String>,
    #[serde(default)]
    pub(crate) go_files: Vec<String>,
    #[serde(default)]
    ignored_go_files: Vec<String>,
    #[serde(default)]
    ignored_other_files: Vec<String>,
    #[serde(default)]
    invalid_go_files: Vec<String>,
    #[serde(default)]
    s_files: Vec<String>,
    #[serde(default)]
    h_files: Vec<String>,
    #[serde(default)]
    syso_files: Vec<String>,
    #[serde(default)]
    pub(crate) embed_patterns: Vec<String>,
    #[serde(default)]
    pub(crate) embed_files: Vec<String>,
    /// The name of the profile that Go optimises by.
    #[serde(skip)]
    pub(crate) profile: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GoModule {
    pub(crate) path: String,
    pub(crate) version: Option<String>,
    pub(crate) sum: Option<String>,
    pub(crate) replace: Option<Box<GoModule>>,
    #[serde(default)]
    pub(crate) main: bool,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) go_mod: Option<PathBuf>,
}

pub(crate) const FIELDS: &str = "-json=ImportPath,Name,Dir,Export,Standard,DepOnly,Module,DefaultGODEBUG,GoFiles,\
     IgnoredGoFiles,IgnoredOtherFiles,InvalidGoFiles,SFiles,HFiles,SysoFiles,EmbedPatterns,EmbedFiles";

/// The packages of one module, dependencies first, the main package last.
#[derive(Debug)]
pub(crate) struct Packages {
    listed: Vec<Listed>,
    /// How many of them a cluster compiled just now.
    pub(crate) compiled_remotely: u64,
}

impl Packages {
    pub(crate) fn all(&self) -> &[Listed] {
        &self.listed
    }

    pub(crate) fn main(&self) -> &Listed {
        // `list` refuses an empty answer.
        &self.listed[self.listed.len() - 1]
    }

    /// Those that have an archive.
    pub(crate) fn archives(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.listed
            .iter()
            .filter_map(|package| Some((package.import_path.as_str(), package.export.as_deref()?)))
    }
}

impl GoModule {
    /// What stands in for the module, if something does.
    pub(crate) fn effective(&self) -> &GoModule {
        self.replace.as_deref().unwrap_or(self)
    }
}

impl Listed {
    /// All files in the package's folder that can have a say in what Go makes of it.
    pub(crate) fn files(&self) -> impl Iterator<Item = &String> {
        [
            &self.go_files,
            &self.ignored_go_files,
            &self.ignored_other_files,
            &self.invalid_go_files,
            &self.s_files,
            &self.h_files,
            &self.syso_files,
            &self.embed_files,
        ]
        .into_iter()
        .flatten()
    }
}

/// One question to Go about packages.
pub(crate) struct Question<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) goos: Goos,
    pub(crate) tags: &'a [String],
    /// After `go list`.
    pub(crate) flags: &'a [&'a str],
    pub(crate) packages: &'a [String],
    /// Besides what every run of Go has.
    pub(crate) environment: &'a [(&'static str, String)],
}

impl Question<'_> {
    /// Go's answer: packages; with `-deps` all they need too, each after what it imports.
    pub(crate) fn ask(
        &self,
        toolchain: &Toolchain,
        progress: &dyn Progress,
        cancel: &AtomicBool,
    ) -> Result<Vec<Listed>, Failure> {
        let listed = self.ask_for(toolchain, progress, cancel)?;
        if listed.is_empty() {
            let message = format!("`{}` matches no package", self.packages.join(" "));
            return Err(Failure::input(Diagnostic::error(message)));
        }
        Ok(listed)
    }

    /// The same, of the fields that the caller reads; perhaps none.
    pub(crate) fn ask_for<T: DeserializeOwned>(
        &self,
        toolchain: &Toolchain,
        progress: &dyn Progress,
        cancel: &AtomicBool,
    ) -> Result<Vec<T>, Failure> {
        let mut list =
            toolchain::command(&toolchain.go, self.dir, self.goos.as_str(), toolchain.offline);
        list.arg("list").args(self.flags);
        if !self.tags.is_empty() {
            list.arg(format!("-tags={}", self.tags.join(",")));
        }
        list.arg("--").args(self.packages);
        let temporary = temporary_folder()?;
        list.env("GOTMPDIR", temporary.path()).envs(self.environment.iter().cloned());
        let finished = process::run(list, cancel, &|line| progress.go_line(line))?;
        if !finished.status.success() {
            return Err(Failure::tool(once(finished.stderr)));
        }
        if !finished.stderr.is_empty() {
            progress.warn(finished.stderr.trim_end());
        }
        let listed = serde_json::Deserializer::from_slice(&finished.stdout).into_iter();
        listed.collect::<Result<_, _>>().map_err(|error| {
            let go = toolchain.go.display();
            let message = format!("{go} gave a list of packages that is not understood: {error}");
            Failure::Environment(Diagnostic::error(message))
        })
    }
}

/// Where Go keeps what it works on: an interrupted Go may leave it behind, and we do not.
fn temporary_folder() -> Result<Folder, Failure> {
    let asked = env::var_os("GOTMPDIR").filter(|dir| !dir.is_empty());
    let place = asked.map_or_else(env::temp_dir, PathBuf::from);
    Folder::within(&place, "go")
        .map_err(|error| Failure::io("make a temporary folder in", &place, &error))
}

/// `go list -export` loads packages twice, and says twice which it cannot find.
fn once(mut text: String) -> String {
    let half = text.len() / 2;
    if text.is_char_boundary(half) && text[..half] == text[half..] {
        text.truncate(half);
    }
    text
}

/// Compiles the package and all it needs, and lists them.
pub(crate) fn list(
    session: &Session<'_>,
    dir: &Path,
    toolchain: &Toolchain,
) -> Result<Packages, Failure> {
    let request = session.request;
    let build_mode = format!("-buildmode={}", request.target.build_mode);
    let around = remote::AroundGo::new(session, toolchain)?;
    session.progress.phase(&format!("compiling {}", request.package));
    // Go names what it compiles, and not what it has from before.
    let mut flags =
        vec!["-deps", "-export", "-v", FIELDS, "-trimpath", "-buildvcs=false", &build_mode];
    flags.extend(request.go_flags.iter().chain(&around.flags).map(String::as_str));
    let question = Question {
        dir,
        goos: request.target.goos,
        tags: &request.tags,
        flags: &flags,
        packages: &[argument(&request.started_in, &request.package, dir)],
        environment: &around.environment,
    };
    let compiling = Compiling::new(session, toolchain);
    let answer = question.ask(toolchain, &compiling, session.cancel);
    session.stop_if_asked()?;
    // A server that failed is why Go did.
    let compiled_remotely = around.finish(session)?;
    let mut listed = answer?;
    one_main_package(&listed, request)?;
    // Go lists a package after all it imports, so the one that was asked for is the last.
    if let Some(main) = listed.last_mut() {
        main.profile = profile_of(main, &toolchain.goflags);
    }
    Ok(Packages { listed, compiled_remotely })
}

/// What Go is asked for when it runs in `dir`.
pub(crate) fn argument(started_in: &Path, package: &str, dir: &Path) -> String {
    if dir == started_in { package.to_owned() } else { ".".to_owned() }
}

fn one_main_package(listed: &[Listed], request: &Request) -> Result<(), Failure> {
    let named: Vec<&Listed> = listed.iter().filter(|package| !package.dep_only).collect();
    let one = match named.as_slice() {
        [one] => one,
        several => {
            let message = format!("`{}` matches {} packages", request.package, several.len());
            let hint = "a wasm module is made of one main package: name that one";
            return Err(Failure::Usage(Diagnostic::error(message).hint(hint)));
        }
    };
    if one.name != "main" {
        let message = format!("{} is package {}, not a main package", one.import_path, one.name);
        let hint = "write a main package that imports it: its exports become exports of the module";
        return Err(Failure::input(Diagnostic::error(message).hint(hint)));
    }
    Ok(())
}

/// Go takes `default.pgo` beside the main package unless told otherwise.
fn profile_of(main: &Listed, goflags: &[String]) -> Option<String> {
    match flags::of_goflags(goflags, "pgo") {
        Some("off") => None,
        None | Some("auto") => {
            let name = "default.pgo";
            main.dir.as_ref().is_some_and(|dir| dir.join(name).exists()).then(|| name.to_owned())
        }
        Some(path) => Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()),
    }
}

/// The folder Go is run in: where the command was started, as for `go build`. Only a folder of
/// another Go module, which `go build` would refuse, is entered.
pub(crate) fn working_dir(started_in: &Path, package: &str) -> PathBuf {
    let package = Path::new(package);
    let is_local = package.is_absolute() || package.starts_with(".") || package.starts_with("..");
    let target = started_in.join(package);
    if !is_local || !target.is_dir() {
        return started_in.to_owned();
    }
    let target = std::fs::canonicalize(&target).unwrap_or(target);
    let in_workspace = nearest(started_in, "go.work").is_some();
    let module = nearest(&target, "go.mod");
    let here = std::fs::canonicalize(started_in).unwrap_or_else(|_| started_in.to_owned());
    if in_workspace || module.is_none() || module == nearest(&here, "go.mod") {
        started_in.to_owned()
    } else {
        target
    }
}

fn nearest(dir: &Path, name: &str) -> Option<PathBuf> {
    dir.ancestors().map(|ancestor| ancestor.join(name)).find(|file| file.is_file())
}
