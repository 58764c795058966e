//! For build scripts: `gowasm_build::module("calc").compile()?`.

use crate::bindings::{self, Bindings};
use crate::settings::{Settings, as_go_names_it};
use crate::{Failure, Level, Outcome, Progress, WasmOpt, process};
use gowasm_diagnostic::{Diagnostic, printable};
use gowasm_directive::{BuildMode, Manifest};
use gowasm_verify::Plan;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use crate::bindings::Engine;

/// What Go heeds besides its files; a change runs the build script again.
const VARIABLES: &[&str] = &[
    "GOWASM_GO",
    "GOWASM_STORE",
    "GOENV",
    "GOEXPERIMENT",
    "GOFLAGS",
    "GOROOT",
    "GOTOOLCHAIN",
    "GOWASM",
    "GOWORK",
];

/// A wasm module that a Rust package is made with. See [`module`].
#[derive(Debug, Clone)]
pub struct Module {
    settings: Result<Settings, Vec<Diagnostic>>,
    engine: Option<Engine>,
    allocator: Option<(String, Option<String>)>,
    calling_back: Vec<String>,
}

/// A module by its name: what `[package.metadata.gowasm.NAME]` in the package's Cargo.toml says of it,
/// or `[workspace.metadata.gowasm.NAME]` in its workspace's. Without such a table it is the Go
/// package in the folder NAME. To be called from a build script.
pub fn module(name: &str) -> Module {
    let folder = env::var_os("CARGO_MANIFEST_DIR").map_or_else(PathBuf::new, PathBuf::from);
    let settings = find(name, &folder);
    Module { settings, engine: None, allocator: None, calling_back: Vec::new() }
}

/// Asks the package first, then the workspaces around it.
fn find(name: &str, folder: &Path) -> Result<Settings, Vec<Diagnostic>> {
    let own = [(folder.join("Cargo.toml"), "package")];
    let around = folder.ancestors().map(|dir| (dir.join("Cargo.toml"), "workspace"));
    for (manifest, section) in own.into_iter().chain(around) {
        if manifest.is_file() {
            let modules = Settings::read(&manifest, &manifest.display().to_string(), section)?;
            if let Some(found) = modules.into_iter().find(|module| module.name == name) {
                return Ok(found);
            }
        }
    }
    Ok(Settings::new(name, folder))
}

/// What a build script gets.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub module: PathBuf,
    pub manifest: PathBuf,
    pub verdict: Option<PathBuf>,
    pub bindings: Option<PathBuf>,
}

impl Module {
    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        if let Ok(settings) = &mut self.settings {
            change(settings);
        }
        self
    }

    /// A folder, seen from the package's own, or an import path.
    pub fn package(self, package: &str) -> Self {
        self.set(|settings| {
            settings.package = as_go_names_it(&settings.folder, package.to_owned());
        })
    }

    /// A module whose exports the host may call, Go's `-buildmode=c-shared`.
    pub fn reactor(self) -> Self {
        self.set(|settings| settings.target.build_mode = BuildMode::CShared)
    }

    pub fn tags(self, tags: &[&str]) -> Self {
        self.set(|settings| settings.tags = tags.iter().map(|&tag| tag.to_owned()).collect())
    }

    pub fn ldflags(self, flags: &str) -> Self {
        self.set(|settings| settings.ldflags = Some(flags.to_owned()))
    }

    /// Have Binaryen's wasm-opt make the module smaller or faster. It runs in a process of the command
    /// `gowasm` on the PATH, built with its cargo feature `wasm-opt` unless the table's
    /// `wasm-opt-program` names an installed one.
    pub fn wasm_opt(self, level: Level) -> Self {
        self.set(|settings| {
            let before = settings.wasm_opt.take().unwrap_or_else(|| WasmOpt::new(level));
            settings.wasm_opt = Some(WasmOpt { level, ..before });
        })
    }

    /// What the module must do before it is taken.
    pub fn plan(self, plan: impl Into<PathBuf>) -> Self {
        self.set(|settings| settings.plan = Some(plan.into()))
    }

    /// Write typed bindings for this engine. They are included with
    /// `mod calc { include!(env!("CALC_BINDINGS")); }`.
    pub fn bindings(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// The exports by which bindings place strings in the module's memory, and free it again. The
    /// plan's `[memory]` says it too.
    pub fn allocator(mut self, allocator: &str, release: Option<&str>) -> Self {
        self.allocator = Some((allocator.to_owned(), release.map(str::to_owned)));
        self
    }

    /// The module imports a function of this name, and what the host has for it calls exports of the
    /// instance that called it. In the bindings it gets the instance, as `&mut Inside<Self>`.
    pub fn calling_back(mut self, import: &str) -> Self {
        self.calling_back.push(import.to_owned());
        self
    }

    /// Builds, verifies, and tells Cargo: the inputs, `NAME_WASM` for `include_bytes!`, and
    /// `NAME_BINDINGS` for `include!`.
    pub fn compile(self) -> Result<Compiled, Error> {
        let settings = self.settings.map_err(Failure::Input)?;
        let out = env::var_os("OUT_DIR").ok_or_else(|| outside("OUT_DIR"))?;
        let place = Path::new(&out).join(format!("{}.wasm", settings.name));
        let mut request = settings.request(place);
        if request.wasm_opt.is_some() {
            request.gowasm = process::on_path(Path::new("gowasm"));
        }
        let outcome = crate::build(&request, &Warnings, &AtomicBool::new(false))?;
        let variable = settings.name.to_uppercase().replace('-', "_");

        let mut lines = inputs(&outcome, Path::new(&out), &settings);
        let module = &outcome.module.path;
        lines.push(format!("cargo::rustc-env={variable}_WASM={}", module.display()));
        let mut bindings = None;
        if let Some(engine) = self.engine {
            let path = Path::new(&out).join(format!("{}.rs", settings.name));
            let allocator = match self.allocator {
                Some(named) => Some(named),
                None => of_plan(&settings),
            };
            let manifest = read_manifest(&outcome.manifest.path)?;
            let wanted = Bindings {
                engine,
                name: &settings.name,
                manifest: &manifest,
                allocator,
                calling_back: &self.calling_back,
                module,
            };
            let text = bindings::write(&wanted).map_err(Failure::input)?;
            write_if_other(&path, &text)
                .map_err(|error| Failure::io("write the bindings", &path, &error))?;
            lines.push(format!("cargo::rustc-env={variable}_BINDINGS={}", path.display()));
            bindings = Some(path);
        }
        lines.iter().for_each(|line| println!("{line}"));
        Ok(Compiled {
            module: outcome.module.path,
            manifest: outcome.manifest.path,
            verdict: outcome.verdict.map(|verdict| verdict.path),
            bindings,
        })
    }
}

fn outside(variable: &str) -> Failure {
    let message = format!("{variable} is not set: gowasm_build::module is for build scripts");
    Failure::Usage(Diagnostic::error(message).hint("call it from build.rs"))
}

fn of_plan(settings: &Settings) -> Option<(String, Option<String>)> {
    let path = settings.folder.join(settings.plan.as_ref()?);
    // The build has read the plan before: it is sound.
    let plan = Plan::parse(&std::fs::read_to_string(path).ok()?, "").ok()?;
    let (allocator, release) = plan.memory()?;
    Some((allocator.to_owned(), release.map(str::to_owned)))
}

fn read_manifest(path: &Path) -> Result<Manifest, Failure> {
    let text = std::fs::read(path).map_err(|error| Failure::io("read", path, &error))?;
    serde_json::from_slice(&text).map_err(|error| Failure::io("read", path, &error.into()))
}

/// A file that stays as it was does not make Cargo compile again.
fn write_if_other(path: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(());
    }
    std::fs::write(path, text)
}

/// The lines that tell Cargo what the module was made of.
fn inputs(outcome: &Outcome, out: &Path, settings: &Settings) -> Vec<String> {
    let mut lines = vec!["cargo::rerun-if-changed=build.rs".to_owned()];
    let manifest = settings.folder.join("Cargo.toml");
    lines.push(format!("cargo::rerun-if-changed={}", manifest.display()));
    match &outcome.inputs {
        // Cargo looks at a folder with all that lies below: not at one with its own output.
        // A path with a line end would be a line to Cargo, and mean what it says.
        Some(inputs) if !inputs.iter().any(|input| has_line_end(input)) => lines.extend(
            inputs
                .iter()
                .filter(|input| !out.starts_with(input))
                .map(|input| format!("cargo::rerun-if-changed={}", input.display())),
        ),
        // A file that is never there: not everything is known, so Go is asked every time.
        _ => lines.push(format!("cargo::rerun-if-changed={}", out.join("always").display())),
    }
    lines.extend(VARIABLES.iter().map(|name| format!("cargo::rerun-if-env-changed={name}")));
    lines
}

fn has_line_end(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'\n' | b'\r'))
}

/// Cargo shows a build script's warnings, and hides what else it says.
struct Warnings;

impl Progress for Warnings {
    fn phase(&self, what: &str) {
        eprintln!("{}", printable::line(what));
    }

    fn detail(&self, line: &str) {
        eprintln!("{}", printable::line(line));
    }

    fn warn(&self, text: &str) {
        text.lines().for_each(|line| println!("cargo::warning={}", printable::line(line)));
    }

    fn diagnostic(&self, warning: &Diagnostic) {
        self.warn(&warning.to_string());
    }
}

/// Why there is no module. As a build script's `main` shows errors by their `Debug` form, that is the
/// readable one.
pub struct Error(Failure);

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Error(failure)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

impl std::error::Error for Error {}
