//! Package archives to a module and its manifest. The module has no name of its own yet: that is for the
//! verification to give.

use crate::dependency::{self, Dependency};
use crate::directives::Found;
use crate::importcfg::{self, Entry};
use crate::sdk::Sdk;
use crate::stamp::Status;
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Deny, Manifest, Target};
use gowasm_guard::Guard;
use gowasm_link::Options;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub struct Link {
    pub sdk: PathBuf,
    pub target: Target,
    /// Import path of package main.
    pub import_path: String,
    pub main: PathBuf,
    /// Package main and all that it needs, of the standard library too.
    pub packages: Vec<Dependency>,
    /// What the compilations of all these packages found.
    pub directives: Vec<PathBuf>,
    /// `importpath.name=value`; the variables must be there.
    pub definitions: Vec<String>,
    /// The same as packages have it of their own variables; `definitions` come after them.
    pub defaults: Vec<String>,
    /// Files with the workspace's status, which values may refer to.
    pub status: Vec<PathBuf>,
    /// Further flags of `go tool link`, such as `-s`.
    pub flags: Vec<String>,
    /// Which warnings are errors.
    pub deny: Deny,
    /// Whether the module holds the manifest as well.
    pub embed_manifest: bool,
    /// Which guard exports get; modules for js cannot have one.
    pub guard: Guard,
    pub output: PathBuf,
    pub manifest: PathBuf,
    /// For the names of the functions that directives export, one a line.
    pub exports: PathBuf,
}

/// Links; the warnings are for the user.
pub fn link(request: &Link, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let sdk = Sdk::open(&request.sdk)?;
    dependency::check_paths(&request.packages)?;
    check_main(request)?;
    // 1. Directives that do not fit together are told before the linker falls over them.
    let found = Found::read(&request.directives)?;
    let warnings = found.judge(Some(request.target), &request.deny)?;
    // 2. The module.
    let scratch = files::scratch()?;
    let mut entries: Vec<Entry> = Vec::new();
    for package in request.packages.iter().filter(|package| package.archive != request.main) {
        if !importcfg::is_empty(&package.archive)? {
            entries.push((package.import_path.clone(), package.archive.clone()));
        }
    }
    let importcfg = scratch.path().join("importcfg");
    files::write(&importcfg, importcfg::text(&entries).as_bytes())?;
    let refused = Failure::from;
    let status = Status::read(&request.status)?;
    let defaults = definitions(request, &status, &request.defaults)?;
    let own = definitions(request, &status, &request.definitions)?;
    let all = defaults.iter().chain(&own);
    let mut options = Options::parse(arguments(request, importcfg, all)).map_err(refused)?;
    options.goroot = String::new();
    let linked = gowasm_link::link(&options, cancel).map_err(refused)?;
    check_definitions(request, &own, &linked.undefined)?;
    // 3. Calls at the wrong time trap and say why, as with `gowasm build`.
    if request.guard != Guard::None {
        let module = files::read(&request.output)?;
        let module = gowasm_guard::guard(&module, request.guard).map_err(|error| {
            Failure::input(Diagnostic::error(format!("the module cannot get its guard: {error}")))
        })?;
        files::write(&request.output, &module)?;
    }
    // 4. What it has against what the directives say.
    let module = files::read(&request.output)?;
    let path = &request.import_path;
    let manifest = Manifest::build(&found.directives, request.target, path, &sdk.version, &module)
        .map_err(Failure::Input)?;
    let manifest = match request.embed_manifest {
        true => {
            let (manifest, module) = manifest.embed(&module);
            files::write(&request.output, &module)?;
            manifest
        }
        false => manifest,
    };
    files::write(&request.manifest, manifest.to_json().as_bytes())?;
    let mut exports: Vec<&str> = declared(&manifest).collect();
    exports.sort_unstable();
    let exports: String = exports.iter().flat_map(|name| [name, "\n"]).collect();
    files::write(&request.exports, exports.as_bytes())?;
    Ok(warnings)
}

/// What Go's linker exports by itself is not among them.
fn declared(manifest: &Manifest) -> impl Iterator<Item = &str> {
    let exports = manifest.exports.iter().filter(|export| export.go.is_some());
    exports.map(|export| export.name.as_str())
}

fn check_main(request: &Link) -> Result<(), Failure> {
    match request.packages.iter().find(|package| package.archive == request.main) {
        Some(main) if !main.is_main()? => {
            let (label, path) = (&main.label, &main.import_path);
            let message = format!("{label} is not package main, and \"{path}\" cannot be a module");
            let hint = "write `package main` and a func main, or list the target in the deps of one that does";
            Err(Failure::input(Diagnostic::error(message).hint(hint)))
        }
        _ => Ok(()),
    }
}

/// Complete, with `main` for the package's own import path: that is what the linker knows it by.
fn definitions(request: &Link, status: &Status, given: &[String]) -> Result<Vec<String>, Failure> {
    let complete = |definition: &String| {
        let name = definition.split('=').next().unwrap_or_default();
        let own = name.rsplit_once('.').filter(|(package, _)| *package == request.import_path);
        let rest = own.map(|(package, _)| &definition[package.len()..]);
        let definition = rest.map_or_else(|| definition.clone(), |rest| format!("main{rest}"));
        status.complete(&definition).transpose()
    };
    given.iter().filter_map(complete).collect()
}

/// Go's linker sets what is there and says nothing of the rest, which is then a misspelt name.
fn check_definitions(request: &Link, own: &[String], undefined: &[String]) -> Result<(), Failure> {
    let name = |definition: &String| definition.split('=').next().unwrap_or_default().to_owned();
    let unknown = own.iter().map(name).filter(|name| undefined.contains(name));
    let errors: Vec<Diagnostic> = unknown
        .map(|name| {
            let (package, variable) = name.rsplit_once('.').unwrap_or(("", &name));
            let is_there = package == "main"
                || request.packages.iter().any(|known| known.import_path == package);
            let hint = match is_there {
                true => format!(
                    "declare `var {variable} string` in that package, outside of functions, or correct the name"
                ),
                false => format!("no package of the module has the import path \"{package}\""),
            };
            let message = format!("x_defs sets {name}, and the module has no such string variable");
            Diagnostic::error(message).hint(hint)
        })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Failure::Input(errors)) }
}

fn arguments<'a>(
    request: &Link,
    importcfg: PathBuf,
    definitions: impl Iterator<Item = &'a String>,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-o".into(), request.output.clone().into()];
    arguments.extend(["-importcfg".into(), importcfg.into()]);
    arguments.push(format!("-buildmode={}", request.target.build_mode).into());
    arguments.extend(request.flags.iter().map(OsString::from));
    for definition in definitions {
        arguments.extend(["-X".into(), definition.into()]);
    }
    arguments.push(request.main.clone().into());
    arguments
}
