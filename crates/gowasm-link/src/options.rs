//! The command line of `go tool link`.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::Error;
use crate::response;
use crate::size::Size;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BuildMode {
    #[default]
    Exe,
    CShared,
}

/// What to link, and how. [`Options::parse`] makes it from a command line.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The archive of package main.
    pub main: PathBuf,
    pub output: PathBuf,
    pub importcfg: Option<PathBuf>,
    /// Where to look for archives when there is no import configuration, in this order.
    pub library_dirs: Vec<PathBuf>,
    pub install_suffix: String,
    pub build_mode: BuildMode,
    pub build_id: String,
    /// `importpath.name=value`, in the order given.
    pub definitions: Vec<String>,
    /// How many of them stand before `-importcfg`, which defines something as well.
    pub definitions_before_importcfg: usize,
    /// Leave the function names out (`-s`).
    pub strip: bool,
    /// Check that linknames only go where they are allowed to.
    pub check_linkname: bool,
    pub prune_weak_map: bool,
    /// Not a flag of Go's linker.
    pub size: Size,
    /// The toolchain's root to embed, and to complete file names with; empty with `-trimpath`.
    pub goroot: String,
    /// Print what `-V=full` asks for instead of linking.
    pub version_query: bool,
}

/// What a flag takes.
enum Takes {
    /// Nothing, or `=true` / `=false`.
    Switch,
    Value,
}

/// Flags that cannot change a wasm module: for other machines, file formats or for debugging.
const IGNORED_SWITCHES: &[&str] =
    &["a", "n", "w", "bindnow", "compressdwarf", "aslr", "e", "d", "f", "g", "h"];
const IGNORED_VALUES: &[&str] =
    &["extld", "extldflags", "extar", "libgcc", "tmpdir", "I", "B", "p", "capturehostobjs"];
/// Flags of `go tool link` that a wasm link, or this linker, refuses, with the reason.
const REFUSED: &[(&str, Takes, &str)] = &[
    ("race", Takes::Switch, "the race detector does not exist for wasm"),
    ("msan", Takes::Switch, "the memory sanitizer does not exist for wasm"),
    ("asan", Takes::Switch, "the address sanitizer does not exist for wasm"),
    ("linkshared", Takes::Switch, "there are no shared Go libraries for wasm"),
    ("pluginpath", Takes::Value, "there are no plugins for wasm"),
    ("fipso", Takes::Value, "FIPS modules do not exist for wasm"),
    ("dumpdep", Takes::Switch, "this linker does not print dependency graphs"),
    ("c", Takes::Switch, "this linker does not print call graphs"),
    ("debugnosplit", Takes::Switch, "this linker does not print call graphs"),
    ("k", Takes::Value, "this linker does not track fields"),
    ("H", Takes::Value, "the header type of a wasm module is given by its archives"),
    ("R", Takes::Value, "the layout of a wasm module is fixed"),
    ("T", Takes::Value, "the layout of a wasm module is fixed"),
    ("D", Takes::Value, "the layout of a wasm module is fixed"),
    ("E", Takes::Value, "the entry symbol of a wasm module is fixed"),
    ("funcalign", Takes::Value, "functions of a wasm module have no alignment"),
    ("randlayout", Takes::Value, "this linker does not shuffle functions"),
    ("debugtramp", Takes::Value, "wasm modules have no trampolines"),
    ("debugtextsize", Takes::Value, "wasm modules have no text sections to split"),
    ("strictdups", Takes::Value, "this linker does not compare duplicate symbols"),
    ("cpuprofile", Takes::Value, "this linker does not profile itself"),
    ("memprofile", Takes::Value, "this linker does not profile itself"),
    ("memprofilerate", Takes::Value, "this linker does not profile itself"),
    ("benchmark", Takes::Value, "this linker does not profile itself"),
    ("benchmarkprofile", Takes::Value, "this linker does not profile itself"),
    ("v", Takes::Switch, "this linker prints no trace"),
];

impl Options {
    /// Reads the arguments of `go tool link` (without the tool's name). The toolchain's root is
    /// taken from the environment's GOROOT, as Go's linker does; cmd/go sets it.
    pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Options, Error> {
        let mut options = Options {
            check_linkname: true,
            prune_weak_map: true,
            goroot: std::env::var("GOROOT").unwrap_or_default(),
            ..Options::default()
        };
        let args = args.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let mut args = response::expand(args)?.into_iter().map(Ok);
        let mut rest = Vec::new();
        while let Some(arg) = args.next() {
            let arg = arg?;
            if arg == "--" {
                break;
            }
            let Some(flag) = arg.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
                rest.push(arg);
                break;
            };
            options.flag(flag.strip_prefix('-').unwrap_or(flag), &mut args)?;
            if options.version_query {
                return Ok(options);
            }
        }
        for arg in args {
            rest.push(arg?);
        }
        let [main] = &rest[..] else {
            return Err(Error::Usage(format!(
                "expected one archive to link, got {} (usage: link [options] main.a)",
                rest.len()
            )));
        };
        options.main = main.into();
        options.add_standard_library();
        if options.output.as_os_str().is_empty() {
            options.output = "a.out".into();
        }
        Ok(options)
    }

    /// Where Go installed the packages of the standard library, when it still did.
    fn add_standard_library(&mut self) {
        if !self.goroot.is_empty()
            && let Ok(goos) = std::env::var("GOOS")
        {
            let suffix = match self.install_suffix.as_str() {
                "" => String::new(),
                suffix => format!("_{suffix}"),
            };
            let folder = format!("{goos}_wasm{suffix}");
            self.library_dirs.push(PathBuf::from(&self.goroot).join("pkg").join(folder));
        }
    }

    fn flag(
        &mut self,
        flag: &str,
        args: &mut impl Iterator<Item = Result<String, Error>>,
    ) -> Result<(), Error> {
        let (name, given) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        let mut value = |given: Option<String>| match given {
            Some(value) => Ok(value),
            None => args
                .next()
                .unwrap_or_else(|| Err(Error::Usage(format!("flag needs an argument: -{name}")))),
        };
        match name {
            "o" => self.output = value(given)?.into(),
            "importcfg" => {
                self.importcfg = Some(value(given)?.into());
                self.definitions_before_importcfg = self.definitions.len();
            }
            "L" => self.library_dirs.push(value(given)?.into()),
            "installsuffix" => self.install_suffix = value(given)?,
            "buildid" => self.build_id = value(given)?,
            "X" => self.definitions.push(value(given)?),
            "buildmode" => self.build_mode = build_mode(&value(given)?)?,
            "linkmode" => link_mode(&value(given)?)?,
            "size" => {
                let level = value(given)?.parse();
                self.size = level.map_err(|why| Error::Usage(format!("-size: {why}")))?;
            }
            "s" => self.strip = switch(name, given)?,
            "checklinkname" => self.check_linkname = switch(name, given)?,
            "pruneweakmap" => self.prune_weak_map = switch(name, given)?,
            "V" => self.version_query = true,
            _ if IGNORED_SWITCHES.contains(&name) => {
                switch(name, given)?;
            }
            _ if IGNORED_VALUES.contains(&name) => {
                value(given)?;
            }
            _ => return refused(name, given),
        }
        Ok(())
    }
}

fn text(arg: OsString) -> Result<String, Error> {
    arg.into_string()
        .map_err(|arg| Error::Usage(format!("argument is not UTF-8: {}", arg.to_string_lossy())))
}

fn switch(name: &str, given: Option<String>) -> Result<bool, Error> {
    match given.as_deref() {
        None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Ok(true),
        Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Ok(false),
        Some(other) => Err(Error::Usage(format!("invalid boolean value {other:?} for -{name}"))),
    }
}

fn build_mode(mode: &str) -> Result<BuildMode, Error> {
    match mode {
        "exe" => Ok(BuildMode::Exe),
        "c-shared" => Ok(BuildMode::CShared),
        "pie" | "c-archive" | "shared" | "plugin" => {
            Err(Error::Usage(format!("-buildmode={mode} is not supported for wasm")))
        }
        _ => Err(Error::Usage(format!(
            "invalid value {mode:?} for flag -buildmode: known are exe and c-shared"
        ))),
    }
}

fn link_mode(mode: &str) -> Result<(), Error> {
    match mode {
        "auto" | "internal" => Ok(()),
        "external" => Err(Error::Usage("-linkmode=external is not supported for wasm".into())),
        _ => Err(Error::Usage(format!("invalid value {mode:?} for flag -linkmode"))),
    }
}

fn refused(name: &str, given: Option<String>) -> Result<(), Error> {
    match REFUSED.iter().find(|(refused, ..)| *refused == name) {
        // Switched off explicitly, it asks for nothing.
        Some((_, Takes::Switch, _)) if given.is_some() && !switch(name, given.clone())? => Ok(()),
        Some((_, _, reason)) => Err(Error::Usage(format!("flag -{name} cannot be used: {reason}"))),
        None => Err(Error::Usage(format!("flag provided but not defined: -{name}"))),
    }
}
