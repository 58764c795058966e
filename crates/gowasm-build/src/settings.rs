//! `[package.metadata.gowasm.NAME]` and `[workspace.metadata.gowasm.NAME]`: a wasm module that a Rust
//! package wants, as its Cargo.toml tells it. Every fault is gathered, each with its line and column.

use crate::{Level, Limits, Linker, MissingImports, Request, Size, WasmOpt, check_passed};
use gowasm_diagnostic::{Diagnostic, Position};
use gowasm_directive::{BuildMode, Deny, Goos, Target};
use gowasm_guard::Guard;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// One module, by the name of its table.
#[derive(Debug, Clone)]
pub struct Settings {
    pub name: String,
    /// The folder of the Cargo.toml: relative paths begin here.
    pub folder: PathBuf,
    pub package: String,
    pub target: Target,
    pub tags: Vec<String>,
    pub ldflags: Option<String>,
    pub go_flags: Vec<String>,
    pub deny: Deny,
    pub plan: Option<PathBuf>,
    pub verify: bool,
    pub limits: Limits,
    pub missing_imports: Option<MissingImports>,
    pub linker: Linker,
    pub size: Size,
    pub wasm_opt: Option<WasmOpt>,
    /// Which calls at a wrong time trap and say why.
    pub guard: Guard,
}

const KEYS: &[&str] = &[
    "package",
    "buildmode",
    "goos",
    "tags",
    "ldflags",
    "go-flags",
    "deny",
    "plan",
    "verify",
    "memory-limit",
    "step-limit",
    "time-limit",
    "missing-imports",
    "linker",
    "size",
    "wasm-opt",
    "wasm-opt-program",
    "wasm-opt-memory-limit",
    "wasm-opt-time-limit",
    "guard",
];

impl Settings {
    /// What a module is without a table: the Go package in a folder of its name.
    pub fn new(name: &str, folder: &Path) -> Self {
        Settings {
            name: name.to_owned(),
            folder: folder.to_owned(),
            package: format!("./{name}"),
            target: Target { goos: Goos::Wasip1, build_mode: BuildMode::Exe },
            tags: Vec::new(),
            ldflags: None,
            go_flags: Vec::new(),
            deny: Deny::default(),
            plan: None,
            verify: true,
            limits: Limits::default(),
            missing_imports: None,
            linker: Linker::Gowasm,
            size: Size::Safe,
            wasm_opt: None,
            guard: Guard::Full,
        }
    }

    /// The modules of a Cargo.toml, in its order. `section` is `package` or `workspace`; `shown` is
    /// how messages name the file.
    pub fn read(
        manifest: &Path,
        shown: &str,
        section: &str,
    ) -> Result<Vec<Settings>, Vec<Diagnostic>> {
        let text = std::fs::read_to_string(manifest)
            .map_err(|error| vec![Diagnostic::error(format!("cannot read {shown}: {error}"))])?;
        let folder = manifest.parent().unwrap_or(Path::new(""));
        let mut reader = Reader { text: &text, shown, folder, faults: Vec::new() };
        let modules = reader.document(section);
        if reader.faults.is_empty() { Ok(modules) } else { Err(reader.faults) }
    }

    /// The build of this module into `output`.
    pub fn request(&self, output: PathBuf) -> Request {
        Request {
            started_in: self.folder.clone(),
            package: self.package.clone(),
            output: Some(output),
            manifest: None,
            target: self.target,
            tags: self.tags.clone(),
            ldflags: self.ldflags.clone(),
            go_flags: self.go_flags.clone(),
            deny: self.deny.clone(),
            go: None,
            plan: self.plan.clone(),
            verify: self.verify,
            linker: self.linker,
            size: self.size,
            wasm_opt: self.wasm_opt.clone(),
            limits: self.limits,
            missing_imports: self.missing_imports,
            store: None,
            offline: false,
            servers: Arc::default(),
            gowasm: None,
            embed_manifest: false,
            guard: self.guard,
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    shown: &'t str,
    folder: &'t Path,
    faults: Vec<Diagnostic>,
}

impl<'t> Reader<'t> {
    fn document(&mut self, section: &str) -> Vec<Settings> {
        let document = match DeTable::parse(self.text) {
            Ok(document) => document.into_inner(),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                self.fault(offset, format!("not valid TOML: {}", error.message().trim_end()));
                return Vec::new();
            }
        };
        let mut table = document;
        for key in [section, "metadata", "gowasm"] {
            match table.remove(key).map(Spanned::into_inner) {
                Some(DeValue::Table(inner)) => table = inner,
                _ => return Vec::new(),
            }
        }
        let mut modules = Vec::new();
        for (name, value) in table {
            let at = name.span().start;
            let name = name.into_inner().into_owned();
            match value.into_inner() {
                DeValue::Table(keys) => modules.extend(self.module(at, name, keys)),
                _ => self.fault(
                    at,
                    format!("`{name}` must be a table: `[{section}.metadata.gowasm.{name}]`"),
                ),
            }
        }
        modules
    }

    fn module(&mut self, at: usize, name: String, keys: DeTable<'t>) -> Option<Settings> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) || !name.chars().all(plain) {
            let message =
                format!("`{name}` cannot name a module: letters, digits, `-` and `_` can");
            self.fault(at, message);
            return None;
        }
        let mut settings = Settings::new(&name, self.folder);
        let mut has_package = false;
        let mut wasm_opt = OfWasmOpt::default();
        for (key, value) in keys {
            let (key_at, at) = (key.span().start, value.span().start);
            let value = value.into_inner();
            match key.get_ref().as_ref() {
                "package" => {
                    has_package = true;
                    let package = self.string(at, "package", &value).unwrap_or_default();
                    settings.package = as_go_names_it(self.folder, package);
                }
                "buildmode" => {
                    settings.target.build_mode = self.word(at, "buildmode", &value, BuildMode::Exe)
                }
                "goos" => settings.target.goos = self.word(at, "goos", &value, Goos::Wasip1),
                "tags" => settings.tags = self.strings(at, "tags", &value),
                "ldflags" => settings.ldflags = self.string(at, "ldflags", &value),
                "deny" => {
                    let words = self.strings(at, "deny", &value);
                    match Deny::parse(&words) {
                        Ok(deny) => settings.deny = deny,
                        Err(fault) => self.fault(at, fault.message),
                    }
                }
                "go-flags" => {
                    settings.go_flags = self.strings(at, "go-flags", &value);
                    let wrong = settings.go_flags.iter().find_map(|flag| check_passed(flag).err());
                    if let Some(fault) =
                        wrong.as_ref().and_then(|wrong| wrong.diagnostics().first())
                    {
                        self.fault(at, format!("`go-flags`: {}", fault.message));
                    }
                }
                "plan" => settings.plan = self.string(at, "plan", &value).map(PathBuf::from),
                "verify" => settings.verify = self.boolean(at, "verify", &value, true),
                "size" => settings.size = self.word(at, "size", &value, Size::Safe),
                "guard" => {
                    settings.guard = match value {
                        DeValue::Boolean(true) => Guard::Full,
                        DeValue::Boolean(false) => Guard::None,
                        level => self.word(at, "guard", &level, Guard::Full),
                    }
                }
                "memory-limit" => {
                    let size = self.size(at, "memory-limit", &value);
                    settings.limits.memory_bytes = size.unwrap_or(settings.limits.memory_bytes);
                }
                "step-limit" => {
                    let steps = self.count(at, "step-limit", &value);
                    settings.limits.steps = steps.unwrap_or(settings.limits.steps);
                }
                "missing-imports" => {
                    let wanted = self.word(at, "missing-imports", &value, MissingImports::Trap);
                    settings.missing_imports = Some(wanted);
                }
                "time-limit" => {
                    let seconds = self.count(at, "time-limit", &value);
                    settings.limits.seconds = seconds.unwrap_or(settings.limits.seconds);
                }
                "wasm-opt" => {
                    wasm_opt.level = Some(self.word(at, "wasm-opt", &value, Level::Oz));
                }
                "wasm-opt-program" => {
                    wasm_opt.program = self.string(at, "wasm-opt-program", &value);
                    wasm_opt.more = Some(key_at);
                }
                "wasm-opt-memory-limit" => {
                    wasm_opt.memory_bytes = self.size(at, "wasm-opt-memory-limit", &value);
                    wasm_opt.more = Some(key_at);
                }
                "wasm-opt-time-limit" => {
                    wasm_opt.seconds = self.count(at, "wasm-opt-time-limit", &value);
                    wasm_opt.more = Some(key_at);
                }
                "linker" => match self.string(at, "linker", &value).as_deref() {
                    Some("gowasm") | None => {}
                    Some("go") => settings.linker = Linker::Go,
                    Some(other) => {
                        self.fault(at, format!("`linker` is gowasm or go, not `{other}`"))
                    }
                },
                unknown => self.unknown(key_at, unknown),
            }
        }
        settings.wasm_opt = wasm_opt.wanted(self.folder);
        if let (None, Some(at)) = (&settings.wasm_opt, wasm_opt.more) {
            self.fault(at, "this says nothing without `wasm-opt = \"Oz\"`".to_owned());
        }
        if !has_package {
            let message = format!("the module `{name}` names no Go package");
            let hint = "add `package = \"…\"`: a folder beside Cargo.toml, or an import path";
            let fault = Diagnostic::error(message).at(self.position(at)).hint(hint);
            self.faults.push(fault);
        }
        Some(settings)
    }

    fn unknown(&mut self, at: usize, key: &str) {
        let fault = Diagnostic::error(format!("`{key}` is no key of a gowasm module"))
            .at(self.position(at));
        let hint = match gowasm_verify::nearest(key, KEYS.iter().copied()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => format!("the keys are {}", KEYS.join(", ")),
        };
        self.faults.push(fault.hint(hint));
    }

    fn string(&mut self, at: usize, key: &str, value: &DeValue<'_>) -> Option<String> {
        match value {
            DeValue::String(text) => Some(text.as_ref().to_owned()),
            _ => {
                self.fault(at, format!("`{key}` must be a string"));
                None
            }
        }
    }

    fn size(&mut self, at: usize, key: &str, value: &DeValue<'_>) -> Option<u64> {
        let text = self.string(at, key, value)?;
        gowasm_store::parse_size(&text)
            .map_err(|why| self.fault(at, format!("`{key}`: {why}")))
            .ok()
    }

    fn count(&mut self, at: usize, key: &str, value: &DeValue<'_>) -> Option<u64> {
        let count = match value {
            DeValue::Integer(number) => number.as_str().replace('_', "").parse().ok(),
            _ => None,
        };
        if count.is_none() {
            self.fault(at, format!("`{key}` must be a count"));
        }
        count
    }

    fn boolean(&mut self, at: usize, key: &str, value: &DeValue<'_>, or: bool) -> bool {
        match value {
            DeValue::Boolean(value) => *value,
            _ => {
                self.fault(at, format!("`{key}` must be true or false"));
                or
            }
        }
    }

    fn strings(&mut self, at: usize, key: &str, value: &DeValue<'_>) -> Vec<String> {
        let DeValue::Array(values) = value else {
            self.fault(at, format!("`{key}` must be a list of strings"));
            return Vec::new();
        };
        let found = values.iter().map(|value| (value.span().start, value.get_ref()));
        found.filter_map(|(at, value)| self.string(at, key, value)).collect()
    }

    fn word<T: std::str::FromStr<Err: Display>>(
        &mut self,
        at: usize,
        key: &str,
        value: &DeValue<'_>,
        or: T,
    ) -> T {
        match self.string(at, key, value).map(|word| word.parse::<T>()) {
            Some(Ok(word)) => word,
            Some(Err(why)) => {
                self.fault(at, format!("`{key}`: {why}"));
                or
            }
            None => or,
        }
    }

    fn position(&self, at: usize) -> Position {
        Position::at_offset(self.shown, self.text.as_bytes(), at)
    }

    fn fault(&mut self, at: usize, message: String) {
        let fault = Diagnostic::error(message).at(self.position(at));
        self.faults.push(fault);
    }
}

/// What several keys say of wasm-opt.
#[derive(Default)]
struct OfWasmOpt {
    level: Option<Level>,
    program: Option<String>,
    memory_bytes: Option<u64>,
    seconds: Option<u64>,
    /// Where the last of those is that need a level.
    more: Option<usize>,
}

impl OfWasmOpt {
    fn wanted(&self, folder: &Path) -> Option<WasmOpt> {
        let mut wanted = WasmOpt::new(self.level?);
        if let Some(program) = &self.program {
            wanted = wanted.with_program(Path::new(program), folder);
        }
        wanted.memory_bytes = self.memory_bytes.unwrap_or(wanted.memory_bytes);
        wanted.time = self.seconds.map_or(wanted.time, Duration::from_secs);
        Some(wanted)
    }
}

/// Go takes `plugins/calc` for an import path. Here it is a folder where there is one of that name.
pub(crate) fn as_go_names_it(folder: &Path, package: String) -> String {
    let is_folder = folder.join(&package).is_dir();
    if is_folder && !package.starts_with('.') && !Path::new(&package).is_absolute() {
        return format!("./{package}");
    }
    package
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Settings>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("plugins/calc")).unwrap();
        let manifest = folder.path().join("Cargo.toml");
        std::fs::write(&manifest, text).unwrap();
        Settings::read(&manifest, "Cargo.toml", "package").map_err(|faults| {
            faults.iter().map(|fault| format!("{fault}\n")).collect::<Vec<_>>().concat()
        })
    }

    #[test]
    fn reads_modules_in_order() {
        let modules = read(
            "[package]\nname = \"host\"\n[package.metadata.gowasm.calc]\npackage = \"plugins/calc\"\n\
             buildmode = \"c-shared\"\ntags = [\"a\", \"b\"]\nplan = \"p.toml\"\nmemory-limit = \"64M\"\ntime-limit = 60\nmissing-imports = \"stop\"\n\
             wasm-opt = \"O3\"\nwasm-opt-program = \"bin/opt\"\nwasm-opt-time-limit = 1_000\n\
             guard = \"allow-exit\"\n\
             [package.metadata.gowasm.other]\npackage = \"example.com/other\"\nverify = false\n\
             guard = false\n",
        )
        .unwrap();
        let [calc, other] = modules.as_slice() else { panic!("{modules:?}") };
        assert_eq!((calc.name.as_str(), calc.package.as_str()), ("calc", "./plugins/calc"));
        assert_eq!(calc.target.build_mode, BuildMode::CShared);
        assert_eq!(calc.tags, ["a", "b"]);
        assert_eq!((calc.limits.memory_bytes, calc.limits.seconds), (64 << 20, 60));
        assert_eq!(calc.missing_imports, Some(MissingImports::Stop));
        let wasm_opt = calc.wasm_opt.as_ref().unwrap();
        assert_eq!(wasm_opt.level, Level::O3);
        assert_eq!(wasm_opt.program, Some(calc.folder.join("bin/opt")));
        assert_eq!((wasm_opt.memory_bytes, wasm_opt.time.as_secs()), (4 << 30, 1000));
        assert!(other.wasm_opt.is_none());
        assert_eq!((calc.guard, other.guard), (Guard::AllowExit, Guard::None));
        assert_eq!((other.package.as_str(), other.verify), ("example.com/other", false));
        assert!(read("[package]\nname = \"host\"\n").unwrap().is_empty());
    }

    #[test]
    fn tells_every_fault_with_its_place() {
        let faults = read(
            "[package.metadata.gowasm.calc]\npakage = \"plugins/calc\"\nbuildmode = \"shared\"\n\
             tags = [1]\nverify = \"yes\"\nstep-limit = -1\nlinker = \"mold\"\n\
             wasm-opt-memory-limit = \"much\"\nwasm-opt-time-limit = \"1\"\nmissing-imports = \"halt\"\n\
             guard = \"half\"\n",
        )
        .unwrap_err();
        for line in [
            "Cargo.toml:2:1: error: `pakage` is no key of a gowasm module\n  hint: did you mean `package`?",
            "Cargo.toml:3:13: error: `buildmode`: ",
            "Cargo.toml:4:9: error: `tags` must be a string",
            "Cargo.toml:5:10: error: `verify` must be true or false",
            "Cargo.toml:6:14: error: `step-limit` must be a count",
            "Cargo.toml:7:10: error: `linker` is gowasm or go, not `mold`",
            "Cargo.toml:8:25: error: `wasm-opt-memory-limit`: ",
            "Cargo.toml:9:23: error: `wasm-opt-time-limit` must be a count",
            "Cargo.toml:9:1: error: this says nothing without `wasm-opt = ",
            "Cargo.toml:11:9: error: `guard`: a guard is full, allow-exit or none, not `half`",
            "Cargo.toml:10:19: error: `missing-imports`: must be trap, refuse or stop, not `halt`",
            "the module `calc` names no Go package",
        ] {
            assert!(faults.contains(line), "`{line}` is not in:\n{faults}");
        }
        assert!(read("x = [").unwrap_err().contains("not valid TOML"));
    }
}
