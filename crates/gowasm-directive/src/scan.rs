//! From packages to directives: read every file, parse the few that matter, resolve their types.

use crate::codes;
use crate::directives::{Directives, Export, Function, GOJS, Import, Main, Parameter};
use crate::gotype::{Crossing, GoType, Types};
use crate::package::GoPackage;
use crate::source::{self, FileDirectives, MarkedFunction, RawParameter, Source};
use crate::spelling::{Kind, Prefilter};
use crate::symbols;
use crate::wasm::WasmType;
use gowasm_diagnostic::{Diagnostic, Position};
use rayon::prelude::*;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Names a file for the user; called from many threads.
pub type Shown<'a> = &'a (dyn Fn(&Path) -> String + Sync);

/// Finds the directives of the packages. The errors are files that cannot be read; what is wrong with
/// a directive is what [`Directives::check`] says.
pub fn scan(packages: &[GoPackage], shown: Shown<'_>) -> Result<Directives, Vec<Diagnostic>> {
    // 1. Every file is read; those that may have a directive stay in memory.
    let candidates = candidates(packages, shown)?;
    // 2. Those are parsed.
    let parsed: Vec<(usize, &Path, FileDirectives)> = candidates
        .par_iter()
        .map(|file| {
            let read = source::read(&file.text, &shown(&file.path));
            (file.package, file.path.as_path(), read.qualified(&packages[file.package].import_path))
        })
        .collect();
    // 3. Types that the signatures name are looked up in the rest of the package.
    let types = types_of_packages(packages, &parsed, shown)?;
    // 4. Names of exports that the linker gives to something else.
    let taken = symbols::taken(packages, &parsed, shown)?;
    // 5. Everything together, in the order of packages, files and lines.
    let one_main_module = has_one_main_module(packages);
    let mut directives = Directives { findings: taken, ..Directives::default() };
    for (index, path, file) in parsed {
        let package = &packages[index];
        let place = package.place_of(path, one_main_module);
        let others = package.module_of_others();
        let findings = file.findings.into_iter().map(|finding| finding.within(others.clone()));
        let findings = findings.map(|finding| (package.import_path.clone(), finding));
        directives.findings.extend(findings);
        if let Some(main) = file.main {
            directives.mains.push(Main {
                package: package.import_path.clone(),
                waits_to_run: main.does_something && !calls_main(package, shown)?,
                position: main.position,
            });
        }
        for marked in file.functions {
            add(&mut directives, package, &file.package_name, &place, &types, marked);
        }
    }
    Ok(directives)
}

struct Candidate {
    package: usize,
    path: PathBuf,
    text: Vec<u8>,
}

fn candidates(packages: &[GoPackage], shown: Shown<'_>) -> Result<Vec<Candidate>, Vec<Diagnostic>> {
    let files: Vec<(usize, PathBuf)> = packages
        .iter()
        .enumerate()
        .flat_map(|(index, package)| files_of(package).map(move |path| (index, path)))
        .collect();
    let prefilter = Prefilter::new();
    let read: Vec<Result<Option<Candidate>, Diagnostic>> = files
        .into_par_iter()
        .map_init(Vec::new, |text, (package, path)| {
            read_into(text, &path, shown)?;
            // A file is kept by copying it, so that the buffer serves the next one.
            let counts = prefilter.may_have_directive(text)
                || (!packages[package].standard && source::may_have_main(text));
            Ok(counts.then(|| Candidate { package, path, text: text.clone() }))
        })
        .collect();
    all_or_errors(read).map(|files| files.into_iter().flatten().collect())
}

pub(crate) fn files_of(package: &GoPackage) -> impl Iterator<Item = PathBuf> + '_ {
    package.go_files.iter().map(|file| package.dir.join(file))
}

fn read_into(text: &mut Vec<u8>, path: &Path, shown: Shown<'_>) -> Result<(), Diagnostic> {
    text.clear();
    File::open(path).and_then(|mut file| file.read_to_end(text)).map(|_| ()).map_err(|error| {
        Diagnostic::error(format!("cannot read {}: {error}", shown(path)))
            .hint("the file is part of a package of this build; make it readable")
    })
}

/// All values, or all errors: a parallel run reports the same as a serial one.
fn all_or_errors<T>(results: Vec<Result<T, Diagnostic>>) -> Result<Vec<T>, Vec<Diagnostic>> {
    let (values, errors): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    match errors.is_empty() {
        true => Ok(values.into_iter().flatten().collect()),
        false => Err(errors.into_iter().filter_map(Result::err).collect()),
    }
}

fn has_one_main_module(packages: &[GoPackage]) -> bool {
    let modules = packages.iter().filter_map(|package| package.module.as_ref());
    modules.filter(|module| module.main).map(|module| &module.path).collect::<HashSet<_>>().len()
        <= 1
}

/// The declared types, as far as directives name them, of whatever package. The directives of Go's own
/// packages need none: the compiler has seen to them, and their wasm types are in the module.
fn types_of_packages(
    packages: &[GoPackage],
    parsed: &[(usize, &Path, FileDirectives)],
    shown: Shown<'_>,
) -> Result<Types, Vec<Diagnostic>> {
    let own = parsed.iter().filter(|(index, ..)| !packages[*index].standard);
    let functions = own.flat_map(|(_, _, file)| &file.functions);
    let named: Vec<&GoType> = functions
        .flat_map(|marked| marked.params.iter().chain(&marked.results))
        .map(|parameter| &parameter.parsed)
        .collect();
    let mut types = Types::default();
    let mut files: FxHashMap<String, Vec<Vec<u8>>> = FxHashMap::default();
    let by_path: FxHashMap<&str, &GoPackage> =
        packages.iter().map(|package| (package.import_path.as_str(), package)).collect();
    // Files that seem to declare a wanted name are parsed, until no new name comes up.
    loop {
        let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (path, name) in types.missing(&named) {
            wanted.entry(path).or_default().push(name);
        }
        let mut found = false;
        for (path, names) in wanted {
            let Some(package) = by_path.get(path.as_str()) else { continue };
            let unread = match files.remove(&path) {
                Some(files) => files,
                None => read_all(package, shown)?,
            };
            let (declaring, rest): (Vec<_>, Vec<_>) = unread
                .into_iter()
                .partition(|text| names.iter().any(|name| may_declare(text, name)));
            for text in &declaring {
                if let Some(source) = Source::parse(text, "") {
                    types.add(&source, &path);
                    found = true;
                }
            }
            files.insert(path, rest);
        }
        if !found {
            return Ok(types);
        }
    }
}

pub(crate) fn read_all(
    package: &GoPackage,
    shown: Shown<'_>,
) -> Result<Vec<Vec<u8>>, Vec<Diagnostic>> {
    let paths: Vec<PathBuf> = files_of(package).collect();
    let read = paths.par_iter().map(|path| {
        let mut text = Vec::new();
        read_into(&mut text, path, shown).map(|()| text)
    });
    all_or_errors(read.collect())
}

/// Whether the package calls its `main` from somewhere.
fn calls_main(package: &GoPackage, shown: Shown<'_>) -> Result<bool, Vec<Diagnostic>> {
    let calls = |text: &Vec<u8>| {
        memchr::memmem::find_iter(text, b"main()").any(|at| {
            let before = &text[..at];
            let within_a_name = before
                .last()
                .is_some_and(|&b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.'));
            !within_a_name && !before.ends_with(b"func ")
        })
    };
    Ok(read_all(package, shown)?.iter().any(calls))
}

/// Whether `name` starts a line, or follows `type`: cheap, and wrong only towards parsing too much.
fn may_declare(text: &[u8], name: &str) -> bool {
    memchr::memmem::find_iter(text, name).any(|at| {
        let line = memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
        let before = text[line..at].trim_ascii();
        let after = text.get(at + name.len());
        let ends =
            after.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'=' | b'['));
        let starts =
            text[..at].last().is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'(');
        starts && ends && (before.is_empty() || before.starts_with(b"type"))
    })
}

fn add(
    directives: &mut Directives,
    package: &GoPackage,
    package_name: &str,
    place: &str,
    types: &Types,
    marked: MarkedFunction,
) {
    let position = marked.directive.position.clone();
    let mut words = marked.directive.words.clone().into_iter();
    let (kind, first) = (marked.directive.kind, words.next().unwrap_or_default());
    // Functions of `gojs` take whatever Go's stack holds.
    let any_type = kind == Kind::Import && first == GOJS;
    if !any_type && !package.standard {
        let findings = type_findings(&marked, types);
        let others = package.module_of_others();
        let findings = findings.into_iter().map(|found| found.within(others.clone()));
        directives.findings.extend(findings.map(|found| (package.import_path.clone(), found)));
    }
    let parameters = |list: &[RawParameter], results: bool| {
        list.iter().map(|raw| parameter(raw, types, results, any_type)).collect()
    };
    let function = Function {
        params: parameters(&marked.params, false),
        results: parameters(&marked.results, true),
        name: marked.name,
        place: Position::new(place, position.line, position.column),
        position,
        package: package.import_path.clone(),
        package_name: package_name.to_owned(),
        module: package.module.as_ref().map(|module| module.label()),
    };
    match kind {
        Kind::Export => directives.exports.push(Export { name: first, function }),
        Kind::Import => {
            let name = words.next().unwrap_or_default();
            directives.imports.push(Import { module: first, name, function });
        }
    }
}

fn parameter(raw: &RawParameter, types: &Types, result: bool, any_type: bool) -> Parameter {
    let wasm = match types.crossing(&raw.parsed) {
        _ if any_type => None,
        Crossing::Values(values) => Some(values),
        Crossing::String if !result => Some(vec![WasmType::I32, WasmType::I32]),
        Crossing::String | Crossing::Refused | Crossing::Unknown => None,
    };
    Parameter { name: raw.name.clone(), go_type: raw.go_type.clone(), wasm }
}

/// Parameters and results that Go's compiler is certain to refuse.
fn type_findings(marked: &MarkedFunction, types: &Types) -> Vec<Diagnostic> {
    const PARAMETERS: &str = "Go passes int32, uint32, int64, uint64, float32, float64, bool, string, \
                              uintptr, unsafe.Pointer, and pointers to fixed-size numbers, bool, arrays \
                              of those, or structs with a structs.HostLayout field";
    const RESULTS: &str = "Go returns what it takes as a parameter, except a string; to return bytes, \
                           return a pointer and offer the length through a second export";
    let subject = match marked.directive.kind {
        Kind::Export => format!("the exported function `{}`", marked.name),
        Kind::Import => format!("the imported function `{}`", marked.name),
    };
    let directive = &marked.directive.position;
    let mut findings = Vec::new();
    for raw in &marked.params {
        if types.crossing(&raw.parsed) == Crossing::Refused {
            let message = format!(
                "{subject} has a parameter of type `{}`, which cannot cross to the host",
                raw.go_type
            );
            let finding =
                Diagnostic::error(message).code(codes::PARAMETER_TYPE).at(raw.position.clone());
            findings.push(finding.related(directive.clone(), "the directive").hint(PARAMETERS));
        }
    }
    if marked.results.len() > 1 {
        let message =
            format!("{subject} has {} results; one is all that can cross", marked.results.len());
        let finding = Diagnostic::error(message)
            .code(codes::TOO_MANY_RESULTS)
            .at(marked.results[0].position.clone());
        findings.push(finding.related(directive.clone(), "the directive").hint(
            "pack small results into one uint64, or return a pointer to a struct with structs.HostLayout",
        ));
        return findings;
    }
    for raw in &marked.results {
        if matches!(types.crossing(&raw.parsed), Crossing::Refused | Crossing::String) {
            let message = format!(
                "{subject} has a result of type `{}`, which cannot cross to the host",
                raw.go_type
            );
            let finding =
                Diagnostic::error(message).code(codes::RESULT_TYPE).at(raw.position.clone());
            findings.push(finding.related(directive.clone(), "the directive").hint(RESULTS));
        }
    }
    findings
}
