//! Package archives to a module and its manifest. The module has no name of its own yet: that is for the
//! verification to give.

use crate::importcfg::{self, Entry};
use crate::sdk::Sdk;
use crate::std::DIRECTIVES;
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Directives, Manifest, Target};
use gowasm_link::Options;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

pub struct Link {
    pub sdk: PathBuf,
    pub std: PathBuf,
    pub target: Target,
    /// Import path of package main.
    pub import_path: String,
    pub main: PathBuf,
    /// Every package that main needs and that is not of the standard library.
    pub archives: Vec<(String, PathBuf)>,
    /// What the compilations of all these packages found.
    pub directives: Vec<PathBuf>,
    /// `importpath.name=value`
    pub definitions: Vec<String>,
    /// Further flags of `go tool link`, such as `-s`.
    pub flags: Vec<String>,
    /// Whether exports get a guard; modules for js cannot have one.
    pub guard: bool,
    pub output: PathBuf,
    pub manifest: PathBuf,
    /// For the names of the functions that directives export, one a line.
    pub exports: PathBuf,
}

/// Links; the warnings are for the user.
pub fn link(request: &Link, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let sdk = Sdk::open(&request.sdk)?;
    // 1. Directives that do not fit together are told before the linker falls over them.
    let directives = directives(request)?;
    let (errors, warnings): (Vec<_>, Vec<_>) =
        directives.check(request.target).into_iter().partition(Diagnostic::is_error);
    if !errors.is_empty() {
        return Err(Failure::Input(errors));
    }
    // 2. The module.
    let scratch = files::scratch()?;
    let mut entries: Vec<Entry> = importcfg::of_std(&request.std)?;
    entries.extend(request.archives.iter().cloned());
    let importcfg = scratch.path().join("importcfg");
    files::write(&importcfg, importcfg::text(&entries).as_bytes())?;
    let refused = Failure::from;
    let mut options = Options::parse(arguments(request, importcfg)).map_err(refused)?;
    options.goroot = String::new();
    gowasm_link::link(&options, cancel).map_err(refused)?;
    // 3. Calls at the wrong time trap and say why, as with `gowasm build`.
    if request.guard {
        let module = gowasm_guard::guard(&files::read(&request.output)?).map_err(|error| {
            Failure::input(Diagnostic::error(format!("the module cannot get its guard: {error}")))
        })?;
        files::write(&request.output, &module)?;
    }
    // 4. What it has against what the directives say.
    let module = files::read(&request.output)?;
    let manifest =
        Manifest::build(&directives, request.target, &request.import_path, &sdk.version, &module)
            .map_err(Failure::Input)?;
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

fn arguments(request: &Link, importcfg: PathBuf) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["-o".into(), request.output.clone().into()];
    arguments.extend(["-importcfg".into(), importcfg.into()]);
    arguments.push(format!("-buildmode={}", request.target.build_mode).into());
    arguments.extend(request.flags.iter().map(OsString::from));
    for definition in &request.definitions {
        arguments.extend(["-X".into(), definition.into()]);
    }
    arguments.push(request.main.clone().into());
    arguments
}

fn directives(request: &Link) -> Result<Directives, Failure> {
    let of_std = request.std.join(DIRECTIVES);
    let mut all = Directives::default();
    for place in request.directives.iter().chain([&of_std]) {
        let read: Directives = serde_json::from_slice(&files::read(place)?).map_err(|error| {
            let message = format!("{} holds no directives: {error}", place.display());
            Failure::input(Diagnostic::error(message).hint("compile the package again"))
        })?;
        all.append(read);
    }
    Ok(all)
}
