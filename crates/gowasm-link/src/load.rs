//! Loading: from the archive of package main through everything it imports, then the numbering of
//! all symbols.
//!
//! Archives are mapped and checked in parallel, wherever they stand in the import graph. The walk
//! that gives packages and objects their numbers is sequential, and so is the part of the symbol
//! numbering that depends on names and content hashes: first come, first numbered is what makes
//! the output what it is.

use std::path::{Path, PathBuf};

use gowasm_goobj::{Archive, Fingerprint, MappedFile, Object, ObjectHeader};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::importcfg::ImportCfg;
use crate::options::Options;
use crate::symbols::{LibId, Library, LoadedObject, ObjId};
use crate::version::{self, Experiments, Version};

/// The files of a link, mapped. Everything else borrows from them.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) config: ImportCfg,
    /// Main first, then the packages of the import configuration, in file order.
    files: Vec<(PathBuf, Result<MappedFile, String>)>,
    options: Options,
}

impl Inputs {
    pub(crate) fn open(options: &Options) -> Result<Self, Error> {
        let config = match options.importcfg.as_deref() {
            Some(file) => ImportCfg::read(file)?,
            None => search(options)?,
        };
        let mut paths = vec![options.main.clone()];
        paths.extend(config.packages.iter().map(|(_, file)| file.clone()));
        let files = paths
            .into_par_iter()
            .map(|path| {
                let file = MappedFile::open(&path).map_err(|err| err.to_string());
                (path, file)
            })
            .collect();
        Ok(Inputs { config, files, options: options.clone() })
    }
}

/// Without an import configuration: the archives of all packages, from the folders given with `-L`.
fn search(options: &Options) -> Result<ImportCfg, Error> {
    let mut config = ImportCfg::default();
    let mut queue = vec![options.main.clone()];
    let mut wanted = vec!["runtime".to_owned()];
    while let Some(file) = queue.pop() {
        // What cannot be read is reported when the files are loaded.
        let Ok(map) = MappedFile::open(&file) else { continue };
        for (_, object) in parse(&file, &map)?.objects {
            wanted.extend(
                object.autolibs().map(|import| clean(&String::from_utf8_lossy(import.package))),
            );
        }
        for package in wanted.drain(..) {
            if config.by_package.contains_key(&package) {
                continue;
            }
            let names = [format!("{package}.a"), format!("{package}.o")];
            let mut places = options
                .library_dirs
                .iter()
                .flat_map(|folder| names.iter().map(move |name| folder.join(name)));
            if let Some(found) = places.find(|place| place.exists()) {
                config.by_package.insert(package.clone(), config.packages.len());
                config.packages.push((package, found.clone()));
                queue.push(found);
            }
        }
    }
    Ok(config)
}

/// An archive's Go objects, as far as they could be read.
struct Parsed<'a> {
    main: bool,
    objects: Vec<(ObjectHeader<'a>, Object<'a>)>,
}

/// What the object headers say about the toolchain.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    pub(crate) goos: String,
    /// Such as `go1.26.8`.
    pub(crate) release: String,
    pub(crate) version: &'static Version,
    pub(crate) experiments: Experiments,
}

/// The packages of a link, and their objects, in load order.
pub(crate) struct Loaded<'a> {
    pub(crate) toolchain: Toolchain,
    pub(crate) libraries: Vec<Library<'a>>,
    pub(crate) objects: Vec<LoadedObject<'a>>,
}

pub(crate) fn load(inputs: &Inputs) -> Result<Loaded<'_>, Error> {
    let parsed: Vec<Result<Parsed, Error>> = inputs
        .files
        .par_iter()
        .map(|(path, file)| match file {
            Ok(file) => parse(path, file),
            Err(err) => Err(Error::message(format!("cannot open {}: {err}", path.display()))),
        })
        .collect();
    let mut walk = Walk::new(inputs, parsed);
    walk.add("main", 0, None, "command line")?;
    walk.run()?;
    walk.add_runtime()?;
    walk.run()?;
    walk.finish()
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Parsed<'a>, Error> {
    let fail = |what: gowasm_goobj::Malformed| Error::file(path, what);
    let mut parsed = Parsed { main: false, objects: Vec::new() };
    let whole = [gowasm_goobj::Member { name: b"object.o", bytes }];
    let archive;
    let members: &[gowasm_goobj::Member] = if bytes.starts_with(b"go object ") {
        &whole
    } else {
        archive = Archive::parse(bytes).map_err(fail)?;
        &archive.members
    };
    for member in members {
        let extension =
            member.name.rsplit(|&b| b == b'.').next().filter(|e| e.len() < member.name.len());
        let is_object = matches!(extension, Some(b"o" | b"syso"));
        // Names of sixteen bytes may have lost their extension.
        if member.name == b"__.PKGDEF" || (member.name.len() < 16 && !is_object) {
            continue;
        }
        let Some(header) = ObjectHeader::parse(member.bytes).map_err(fail)? else {
            return Err(Error::file(
                path,
                format!("{} is not a Go object file", String::from_utf8_lossy(member.name)),
            ));
        };
        let object = Object::parse(header.body).map_err(fail)?;
        if object.is_unlinkable() {
            return Err(Error::file(
                path,
                "compiled without a package path (-p), cannot be linked",
            ));
        }
        parsed.main |= header.main;
        parsed.objects.push((header, object));
    }
    Ok(parsed)
}

struct Walk<'a> {
    inputs: &'a Inputs,
    parsed: Vec<Result<Parsed<'a>, Error>>,
    libraries: Vec<Library<'a>>,
    objects: Vec<LoadedObject<'a>>,
    fingerprints: Vec<Fingerprint>,
    /// The file of each library, by its place in the inputs, and who asked for it.
    wanted: Vec<(usize, String)>,
    by_package: FxHashMap<String, LibId>,
    /// How many libraries have been loaded.
    done: usize,
    header: Option<(&'a [u8], PathBuf)>,
    mismatches: Vec<String>,
}

impl<'a> Walk<'a> {
    fn new(inputs: &'a Inputs, parsed: Vec<Result<Parsed<'a>, Error>>) -> Self {
        Walk {
            inputs,
            parsed,
            libraries: Vec::new(),
            objects: Vec::new(),
            fingerprints: Vec::new(),
            wanted: Vec::new(),
            by_package: FxHashMap::default(),
            done: 0,
            header: None,
            mismatches: Vec::new(),
        }
    }

    fn add(
        &mut self,
        package: &str,
        file: usize,
        fingerprint: Option<Fingerprint>,
        importer: &str,
    ) -> Result<LibId, Error> {
        let fingerprint = fingerprint.unwrap_or_default();
        if let Some(&library) = self.by_package.get(package) {
            let known = self.fingerprints[library.index()];
            if known != [0; 8] && importer != "internal" {
                self.check_fingerprint(library, known, fingerprint, importer)?;
            }
            return Ok(library);
        }
        let library = LibId(self.libraries.len() as u32);
        self.libraries.push(Library {
            package: package.to_owned(),
            file: &self.inputs.files[file].0,
            imports: Vec::new(),
            objects: Vec::new(),
        });
        self.fingerprints.push(fingerprint);
        self.wanted.push((file, importer.to_owned()));
        self.by_package.insert(package.to_owned(), library);
        Ok(library)
    }

    fn add_runtime(&mut self) -> Result<(), Error> {
        if let Some(file) = self.find("runtime") {
            self.add("runtime", file, None, "internal")?;
        }
        Ok(())
    }

    fn find(&self, package: &str) -> Option<usize> {
        Some(*self.inputs.config.by_package.get(package)? + 1)
    }

    fn check_fingerprint(
        &self,
        library: LibId,
        has: Fingerprint,
        expected: Fingerprint,
        importer: &str,
    ) -> Result<(), Error> {
        if has == expected {
            return Ok(());
        }
        let library = &self.libraries[library.index()];
        let hex = |fp: Fingerprint| fp.iter().map(|b| format!("{b:02x}")).collect::<String>();
        Err(Error::hinted(
            format!(
                "{}: package {} is not the one {importer} was compiled against (fingerprint {}, expected {})",
                library.file.display(),
                library.package,
                hex(has),
                hex(expected)
            ),
            format!("compile {importer} again"),
        ))
    }

    /// Loads libraries in the order they were found until no new one turns up.
    fn run(&mut self) -> Result<(), Error> {
        while self.done < self.libraries.len() {
            let library = LibId(self.done as u32);
            self.done += 1;
            self.load_library(library)?;
        }
        Ok(())
    }

    fn load_library(&mut self, library: LibId) -> Result<(), Error> {
        let (file, importer) = self.wanted[library.index()].clone();
        let taken = std::mem::replace(
            &mut self.parsed[file],
            Err(Error::message("the same archive is given for two packages")),
        );
        let parsed = taken?;
        let path = self.libraries[library.index()].file;
        if library.0 == 0 && !parsed.main {
            return Err(Error::file(path, "not package main"));
        }
        if parsed.objects.is_empty() {
            return Err(Error::file(path, "the archive holds no Go object file"));
        }
        for (header, object) in &parsed.objects {
            self.check_header(path, header);
            let fingerprint = object.fingerprint();
            if fingerprint != [0; 8] {
                let known = self.fingerprints[library.index()];
                if known == [0; 8] {
                    self.fingerprints[library.index()] = fingerprint;
                } else {
                    self.check_fingerprint(library, fingerprint, known, &importer)?;
                }
            }
            let id = ObjId(self.objects.len() as u32);
            self.libraries[library.index()].objects.push(id);
            self.objects.push(LoadedObject {
                file: *object,
                library,
                first_def: 0,
                first_other: 0,
                others: Vec::new(),
                packages: Vec::new(),
            });
            let package = self.libraries[library.index()].package.clone();
            for autolib in object.autolibs() {
                let import = clean(&String::from_utf8_lossy(autolib.package));
                let known = self.by_package.contains_key(&import);
                let Some(file) = self.find(&import).or(known.then_some(0)) else {
                    return Err(self.without_package(&import, &package));
                };
                let import = self.add(&import, file, Some(autolib.fingerprint), &package)?;
                self.libraries[library.index()].imports.push(import);
            }
        }
        Ok(())
    }

    fn without_package(&self, import: &str, package: &str) -> Error {
        let (why, hint) = match self.inputs.options.importcfg {
            Some(_) => (
                "the import configuration does not list it",
                format!("add `packagefile {import}=…` to the file given to -importcfg"),
            ),
            None => (
                "it is in none of the folders given with -L",
                format!("pass -importcfg, or the folder in which {import}.a is with -L"),
            ),
        };
        Error::hinted(format!("cannot find package {import}, imported by {package}: {why}"), hint)
    }

    /// All objects must come from one toolchain.
    fn check_header(&mut self, path: &Path, header: &ObjectHeader<'a>) {
        match &self.header {
            None => self.header = Some((header.line, path.to_owned())),
            Some((line, _)) if *line == header.line => {}
            Some((line, first)) => self.mismatches.push(format!(
                "{}: built by {:?}, but {} by {:?}",
                path.display(),
                String::from_utf8_lossy(header.line),
                first.display(),
                String::from_utf8_lossy(line)
            )),
        }
    }

    fn finish(self) -> Result<Loaded<'a>, Error> {
        let Some((line, path)) = &self.header else {
            return Err(Error::file(&self.inputs.options.main, "holds no Go object file"));
        };
        if let Some(first) = self.mismatches.first() {
            let more = match self.mismatches.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            return Err(Error::hinted(
                format!("{first}{more}"),
                "compile all packages with one toolchain and one GOOS",
            ));
        }
        let toolchain = Toolchain::read(path, line)?;
        toolchain.check_root(path, &self.inputs.options.goroot)?;
        Ok(Loaded { toolchain, libraries: self.libraries, objects: self.objects })
    }
}

impl Toolchain {
    fn read(path: &Path, line: &[u8]) -> Result<Self, Error> {
        let shown = String::from_utf8_lossy(line).into_owned();
        let broken = || Error::file(path, format!("strange object header {shown:?}"));
        let rest = shown.strip_prefix("go object ").ok_or_else(broken)?;
        let (goos, rest) = rest.split_once(' ').ok_or_else(broken)?;
        let (goarch, rest) = rest.split_once(' ').ok_or_else(broken)?;
        let (release, experiments) = rest.split_once(" X:").ok_or_else(broken)?;
        // A GOWASM setting changes code generation, not linking.
        let release = release.split(" GOWASM=").next().unwrap_or(release);
        if goarch != "wasm" || !matches!(goos, "wasip1" | "js") {
            return Err(Error::hinted(
                format!("{}: compiled for {goos}/{goarch}, not for wasm", path.display()),
                "this linker links wasip1/wasm and js/wasm",
            ));
        }
        let version = version::find(release)?;
        let experiments = Experiments::read(version, release, experiments).ok_or_else(|| {
            Error::UnknownVersion { found: format!("{release} with GOEXPERIMENT {experiments}") }
        })?;
        Ok(Toolchain { goos: goos.to_owned(), release: release.to_owned(), version, experiments })
    }

    /// Archives must come from the toolchain that is named. One without a VERSION file was built from
    /// its repository and cannot be compared.
    fn check_root(&self, archive: &Path, goroot: &str) -> Result<(), Error> {
        if goroot.is_empty() {
            return Ok(());
        }
        let file = Path::new(goroot).join("VERSION");
        let Ok(version) = std::fs::read_to_string(file) else { return Ok(()) };
        match version.lines().next().map(str::trim) {
            Some(named) if named.starts_with("go1.") && named != self.release => {
                Err(Error::hinted(
                    format!(
                        "{}: built by {}, but the toolchain in {goroot} is {named}",
                        archive.display(),
                        self.release
                    ),
                    "compile the packages with the toolchain that GOROOT names, or set GOROOT to \
                     the one that compiled them",
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Import paths are slash-separated and compared in their shortest form.
fn clean(path: &str) -> String {
    if !path.contains("//")
        && !path.contains("/.")
        && !path.starts_with('.')
        && !path.ends_with('/')
    {
        return path.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
