//! One Go package to one package archive and the directives in it: a package of the user's or of the standard
//! library, which go to Go's compiler with the flags that Go's own build gives it.

use crate::dependency::{self, Dependency};
use crate::directives::Found;
use crate::gobuild::{Context, EmbedConfig, Package};
use crate::importcfg::{self, Entry};
use crate::sdk::{self, Sdk};
use crate::sources::{self, Source, Unit};
use crate::{Failure, archive, files, tags};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Finding, GoModule, GoPackage, Goos};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

#[derive(Clone)]
pub struct Compile {
    /// The root of the Go SDK.
    pub sdk: PathBuf,
    /// What [`crate::tags()`] wrote of that SDK.
    pub toolchain_tags: PathBuf,
    /// Packages of the standard library that this one may import, and what each of them exports. The file of a
    /// package that is not for the target is empty.
    pub std: Vec<(String, PathBuf)>,
    /// Whether the package is one of the standard library. Without files for the target, it has empty outputs.
    pub standard: bool,
    pub goos: Goos,
    pub import_path: String,
    /// Bazel's name for the target.
    pub label: String,
    /// The Go module, `path@version`, of a package that is somebody else's.
    pub module: Option<String>,
    /// Such as `go1.24`; the SDK's own without.
    pub language: Option<String>,
    pub tags: Vec<String>,
    pub sources: Vec<Source>,
    /// Whether the tests that are part of the package are compiled with it.
    pub with_tests: bool,
    /// Packages that tests may import and that import this one.
    pub importers: Vec<String>,
    /// The packages that this one may import.
    pub deps: Vec<Dependency>,
    /// What sources import under another path than the package's own.
    pub import_map: Vec<(String, String)>,
    /// Further flags of `go tool compile`.
    pub flags: Vec<String>,
    /// Has the package count what runs, for coverage: the folder that its files are said to be in.
    pub cover: Option<String>,
    pub output: PathBuf,
    /// Where the part goes that importers need: it is the same when only the body of a function changes
    /// that is not inlined. Without, the archive has both.
    pub export: Option<PathBuf>,
    /// Where the directives go, as JSON.
    pub directives: PathBuf,
}

/// One compilation and its folders.
pub(crate) struct Work<'a> {
    pub(crate) request: &'a Compile,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) sdk: &'a Sdk,
    /// The package's files, copied.
    pub(crate) stage: PathBuf,
    /// What the tools tell each other.
    pub(crate) scratch: PathBuf,
    /// The name that the linker knows the package by.
    pub(crate) package_path: String,
    /// Whether it may import what is internal to the standard library.
    pub(crate) sees_internals: bool,
}

/// Packages of the standard library with functions that have no body: the runtime has it. Where the compiler is
/// not told so, such a function is an error. `cmd/go/internal/work.gcToolchain.gc` has the same list.
const WITH_BODIES_ELSEWHERE: [&str; 10] = [
    "bytes",
    "internal/poll",
    "net",
    "os",
    "runtime/metrics",
    "runtime/pprof",
    "runtime/trace",
    "sync",
    "syscall",
    "time",
];

/// The only file of a package that has none.
const EMPTY: &str = "_none.go";

/// Compiles; the warnings are for the user.
pub fn compile(request: &Compile, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    let folder = files::scratch()?;
    let (sdk, tags) = tags::open(&request.sdk, &request.toolchain_tags)?;
    dependency::check_importable(&request.label, &request.deps)?;
    // 1. Which files count.
    let (stage, scratch) = (folder.path().join("src"), folder.path().join("work"));
    let package = choose(request, tags, &stage, &scratch)?;
    if request.standard && package.has_no_go() {
        return leave_empty(request).map(|()| Vec::new());
    }
    let package_path = match package.name.as_str() {
        // Of a test program, another one is the main package.
        "main" if !request.with_tests => "main".to_owned(),
        _ => request.import_path.clone(),
    };
    let mut unit = match request.with_tests {
        true => Unit::with_tests(package),
        false => Unit::package(package),
    };
    // All tests look at it from outside, and there is nothing else of it.
    if unit.files.go.is_empty() {
        files::write(&stage.join(EMPTY), format!("package {}\n", unit.name).as_bytes())?;
        unit.files.go.push(EMPTY.to_owned());
    }
    let sees_internals = request.standard;
    let work = Work { request, cancel, sdk: &sdk, stage, scratch, package_path, sees_internals };
    // 2. Their directives, which a later link checks together.
    let (found, warnings) = work.directives(&unit)?;
    // 3. The archive.
    work.archive(&unit, &request.output)?;
    // 4. The directives are last: an action that failed has left nothing to go on with.
    found.write(&request.directives)?;
    Ok(warnings)
}

/// Among a package's files.
pub(crate) fn choose(
    request: &Compile,
    of_toolchain: Vec<String>,
    stage: &Path,
    scratch: &Path,
) -> Result<Package, Failure> {
    files::write(&scratch.join("go_asm.h"), b"")?;
    let tags = of_toolchain.into_iter().chain(request.tags.iter().cloned());
    let context = Context::new(request.goos, tags);
    let package = sources::choose(&context, &request.sources, stage)?;
    match package.has_no_go() && !request.standard {
        true => Err(Failure::input(sources::nothing(&package, &context, &request.sources))),
        false => Ok(package),
    }
}

/// What stands for a package of the standard library that this target, or these experiments, have not.
fn leave_empty(request: &Compile) -> Result<(), Failure> {
    let files = [Some(&request.output), request.export.as_ref()];
    files.into_iter().flatten().try_for_each(|file| files::write(file, b""))?;
    Found::default().write(&request.directives)
}

impl Work<'_> {
    /// The warnings are for the user, too.
    pub(crate) fn directives(&self, unit: &Unit) -> Result<(Found, Vec<Diagnostic>), Failure> {
        let sources = &self.request.sources;
        let package = GoPackage {
            import_path: self.request.import_path.clone(),
            dir: self.stage.clone(),
            go_files: unit.files.go.iter().map(PathBuf::from).collect(),
            module: self.request.module.as_deref().map(module),
            standard: self.request.standard,
        };
        let shown = |path: &Path| {
            let name = path.strip_prefix(&self.stage).unwrap_or(path).to_string_lossy();
            match self.request.standard {
                true => format!("$GOROOT/src/{}/{name}", self.request.import_path),
                false => sources::shown(sources, &name),
            }
        };
        let mut directives = gowasm_directive::scan(&[package], &shown).map_err(Failure::Input)?;
        if self.request.standard {
            // It is for those who write it to heed them.
            directives.take_findings();
            return Ok((Found { directives, findings: Vec::new() }, Vec::new()));
        }
        if self.request.module.is_none() {
            directives.place_as_shown();
        }
        let (errors, warnings): (Vec<_>, Vec<_>) =
            directives.take_findings().into_iter().partition(Diagnostic::is_error);
        if !errors.is_empty() {
            return Err(Failure::Input(errors));
        }
        let findings = warnings.iter().filter_map(Finding::of).collect();
        Ok((Found { directives, findings }, warnings))
    }

    /// The compiler writes the archive, and the assembler's objects are added to it.
    pub(crate) fn archive(&self, unit: &Unit, output: &Path) -> Result<(), Failure> {
        let output = files::absolute(output)?;
        let symabis = self.symabis(unit)?;
        self.compile(unit, symabis.as_deref(), &output)?;
        archive::append(&output, &self.assemble(unit)?)
    }

    fn compile(&self, unit: &Unit, symabis: Option<&Path>, out: &Path) -> Result<(), Failure> {
        let language = self.request.language.clone().unwrap_or_else(|| self.sdk.language());
        let mut command = self.tool("compile")?;
        match &self.request.export {
            Some(export) => {
                files::write(export, b"")?;
                command.arg("-o").arg(files::absolute(export)?).arg("-linkobj").arg(out)
            }
            None => command.arg("-o").arg(out),
        };
        command.args(["-lang", &language, "-buildid", "", "-c=2", "-dwarf=false", "-pack"]);
        if self.request.standard {
            command.arg("-std");
        }
        command.arg("-importcfg").arg(self.importcfg(unit)?);
        if let Some(symabis) = symabis {
            command.arg("-symabis").arg(symabis);
            command.arg("-asmhdr").arg(self.scratch.join("go_asm.h"));
        } else if !(self.request.standard
            && WITH_BODIES_ELSEWHERE.contains(&self.request.import_path.as_str()))
        {
            command.arg("-complete");
        }
        command.args(&self.request.flags);
        let instrumented = self.instrument(unit)?;
        if let Some(instrumented) = &instrumented {
            command.arg(format!("-coveragecfg={}", instrumented.config.display()));
        }
        if !unit.files.patterns.is_empty() {
            let names = self.request.sources.iter().map(|source| source.name.as_str()).collect();
            let embeds = EmbedConfig::new(&unit.files, &names, &self.stage)?;
            let place = self.scratch.join("embedcfg");
            files::write_json(&place, &embeds)?;
            command.arg("-embedcfg").arg(place);
        }
        match instrumented {
            Some(instrumented) => command.args(instrumented.go_files),
            None => command.args(unit.files.go.iter().map(|name| format!("./{name}"))),
        };
        self.run(command)
    }

    fn importcfg(&self, unit: &Unit) -> Result<PathBuf, Failure> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut import_map = self.request.import_map.clone();
        let is_visible = |import_path: &str| {
            self.sees_internals
                || !importcfg::is_internal(import_path)
                || unit.files.imports_simd && import_path == importcfg::SIMD_BRIDGE
        };
        for (import_path, export) in &self.request.std {
            if !is_visible(import_path) || importcfg::is_empty(export)? {
                continue;
            }
            // The standard library has copies of other modules, which go by their own names in its sources.
            if let Some(own) = import_path.strip_prefix("vendor/")
                && self.request.standard
            {
                import_map.push((own.to_owned(), import_path.clone()));
            }
            entries.push((import_path.clone(), files::absolute(export)?));
        }
        for package in &self.request.deps {
            entries.push((package.import_path.clone(), files::absolute(&package.archive)?));
        }
        let place = self.scratch.join("importcfg");
        let mut text = importcfg::text(&entries);
        text.extend(import_map.iter().map(|(from, to)| format!("importmap {from}={to}\n")));
        files::write(&place, text.as_bytes())?;
        Ok(place)
    }

    /// Which functions are written in assembly, for the compiler to know.
    fn symabis(&self, unit: &Unit) -> Result<Option<PathBuf>, Failure> {
        if unit.s_files.is_empty() {
            return Ok(None);
        }
        let place = self.scratch.join("symabis");
        let mut command = self.assembler()?;
        command.arg("-gensymabis").arg("-o").arg(&place);
        command.args(unit.s_files.iter().map(|name| format!("./{name}")));
        self.run(command)?;
        Ok(Some(place))
    }

    fn assemble(&self, unit: &Unit) -> Result<Vec<PathBuf>, Failure> {
        let one = |name: &String| {
            let object = self.scratch.join(Path::new(name).with_extension("o"));
            let mut command = self.assembler()?;
            command.arg("-o").arg(&object).arg(format!("./{name}"));
            self.run(command)?;
            Ok(object)
        };
        unit.s_files.iter().map(one).collect()
    }

    fn assembler(&self) -> Result<Command, Failure> {
        let mut command = self.tool("asm")?;
        command.arg("-I").arg(&self.scratch);
        command.arg("-I").arg(self.sdk.root.join("pkg").join("include"));
        command.args(["-D", &format!("GOOS_{}", self.request.goos.as_str())]);
        command.args(["-D", "GOARCH_wasm"]);
        if self.request.standard && self.sdk.minor() >= 27 {
            command.arg("-std");
        }
        Ok(command)
    }

    /// A tool that is started among the sources and leaves no path of this machine in what it writes:
    /// like `go build -trimpath` it puts the import path in place of the folder.
    fn tool(&self, name: &str) -> Result<Command, Failure> {
        let mut command = self.sdk.tool(name, self.request.goos)?;
        let trimmed = format!("{}=>{}", self.stage.display(), self.request.import_path);
        command.current_dir(&self.stage).args(["-trimpath", &trimmed]);
        command.args(["-p", &self.package_path]);
        Ok(command)
    }

    fn run(&self, command: Command) -> Result<(), Failure> {
        sdk::run(command, self.cancel, |said| self.explain(&said)).map(drop)
    }

    /// Go's own words, about the user's files; and what to do where Bazel, not Go, lacks something.
    fn explain(&self, said: &str) -> String {
        let mut text = sources::rename(&self.request.sources, said);
        let missing = |line: &str| {
            let (_, rest) = line.split_once("could not import ")?;
            Some(rest.split(' ').next().unwrap_or_default().to_owned())
        };
        for import_path in said.lines().filter_map(missing) {
            text.push_str(&if self.request.importers.contains(&import_path) {
                let own = &self.request.import_path;
                format!(
                    "hint: {import_path} imports {own}: import it in a test of package {own}_test\n"
                )
            } else if import_path.split('/').next().is_some_and(|first| first.contains('.')) {
                format!("hint: add the target of \"{import_path}\" to deps\n")
            } else {
                format!(
                    "hint: add \"{import_path}\" to std if it is of the standard library, else its target to deps; \
                     `gowasm bazel generate` does either\n"
                )
            });
        }
        text
    }
}

fn module(label: &str) -> GoModule {
    let (path, version) = match label.split_once('@') {
        Some((path, version)) => (path, Some(version.to_owned())),
        None => (label, None),
    };
    GoModule { path: path.to_owned(), version, main: false }
}
