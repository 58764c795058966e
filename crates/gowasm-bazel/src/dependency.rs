//! A package that another one imports, or that a module is linked of.

use crate::Failure;
use gowasm_diagnostic::Diagnostic;
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

#[derive(Debug, Clone)]
pub struct Dependency {
    pub import_path: String,
    /// Bazel's name for it.
    pub label: String,
    /// The package archive, or the part of it that importers need.
    pub archive: PathBuf,
}

impl Dependency {
    /// Whether it is a package main: a line of the text before the first object says so.
    pub(crate) fn is_main(&self) -> Result<bool, Failure> {
        let failed = |error| Failure::io("read", &self.archive, &error);
        let mut head = Vec::new();
        let file = File::open(&self.archive).map_err(failed)?;
        file.take(4096).read_to_end(&mut head).map_err(failed)?;
        let text = head.get(BEFORE_TEXT..).unwrap_or_default();
        let mut lines = text.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
        Ok(lines.any(|line| line == b"main"))
    }
}

/// Of an archive: its first line, and the header of its first member.
const BEFORE_TEXT: usize = 8 + 60;

/// A program has one package of each import path; a linker that is given two takes either.
pub(crate) fn check_paths(packages: &[Dependency]) -> Result<(), Failure> {
    let mut known: HashMap<&str, &Dependency> = HashMap::new();
    let mut errors = Vec::new();
    for package in packages {
        let Some(before) = known.insert(&package.import_path, package) else { continue };
        let (path, one, other) = (&package.import_path, &before.label, &package.label);
        let message = format!("two targets have the import path \"{path}\": {one} and {other}");
        let hint = "a module has one package of each import path: have all that import it depend on one of \
                    the targets, or give the other one its own importpath";
        errors.push(Diagnostic::error(message).hint(hint));
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::Input(errors)) }
}

/// Nobody imports a package main.
pub(crate) fn check_importable(importer: &str, packages: &[Dependency]) -> Result<(), Failure> {
    let mut errors = Vec::new();
    for package in packages {
        if package.is_main()? {
            let (path, label) = (&package.import_path, &package.label);
            let message = format!(
                "{importer} has {label} among its deps, which is a program: \"{path}\" is a package main"
            );
            let hint = "move what both need into a package of another name";
            errors.push(Diagnostic::error(message).hint(hint));
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(Failure::Input(errors)) }
}
