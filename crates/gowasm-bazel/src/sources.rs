//! A package's sources: their copies in a scratch folder, and which of them belong to the target.

use crate::gobuild::{self, Candidate, Context, Files, Package};
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

/// A file of a package: its path below the package's folder, and where it is.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub path: PathBuf,
}

/// What the compiler makes one archive of.
#[derive(Debug, Default)]
pub(crate) struct Unit {
    /// What the package clauses say.
    pub(crate) name: String,
    pub(crate) files: Files,
    pub(crate) s_files: Vec<String>,
}

impl Unit {
    /// A package of one generated file.
    pub(crate) fn only(file: &str) -> Self {
        let files = Files { go: vec![file.to_owned()], ..Files::default() };
        Unit { files, ..Unit::default() }
    }

    pub(crate) fn package(package: Package) -> Self {
        Unit { name: package.name, files: package.files, s_files: package.s_files }
    }

    /// The package together with the tests that are part of it.
    pub(crate) fn with_tests(mut package: Package) -> Self {
        package.files.go.append(&mut package.tests.go);
        package.files.patterns.append(&mut package.tests.patterns);
        package.files.imports_simd |= package.tests.imports_simd;
        Unit::package(package)
    }

    /// The package of the tests that look at it from outside.
    pub(crate) fn external_tests(package: &Package) -> Self {
        Unit { files: package.external_tests.clone(), ..Unit::default() }
    }
}

/// Copies the files into `stage`, and chooses among them.
pub(crate) fn choose(
    context: &Context,
    sources: &[Source],
    stage: &Path,
) -> Result<Package, Failure> {
    for source in sources {
        files::copy(&source.path, &stage.join(&source.name))?;
    }
    let shown: Vec<String> = sources.iter().map(|it| it.path.display().to_string()).collect();
    // What lies in folders below is there to be embedded.
    let candidates: Vec<Candidate<'_>> = sources
        .iter()
        .zip(&shown)
        .filter(|(source, _)| !source.name.contains('/'))
        .map(|(source, shown)| Candidate { name: &source.name, shown })
        .collect();
    gobuild::choose(context, &candidates, |name| files::read(&stage.join(name)))
}

/// Why a package has no file for the target.
pub(crate) fn nothing(package: &Package, context: &Context, sources: &[Source]) -> Diagnostic {
    if let Some(name) = package.cgo.first() {
        let file = shown(sources, name);
        let hint = "give the package a file for wasm, one with `//go:build !cgo`, or do without it";
        let message = format!("{file} imports \"C\", and Go has no cgo for wasm");
        return Diagnostic::error(message).hint(hint);
    }
    let ignored: Vec<_> = package.ignored.iter().map(|name| shown(sources, name)).collect();
    let hint = match ignored.as_slice() {
        [] => "give the package srcs".to_owned(),
        names => format!("build constraints exclude {}", names.join(", ")),
    };
    let message = format!("no Go file of this package is built for {}/wasm", context.goos);
    Diagnostic::error(message).hint(hint)
}

/// Where the user has a file that is known here by its name below the package's folder.
pub(crate) fn shown(sources: &[Source], name: &str) -> String {
    let source = sources.iter().find(|source| source.name == name);
    source.map_or_else(|| name.to_owned(), |source| source.path.display().to_string())
}

/// The text of a tool that ran in the stage, with the user's paths at the start of its lines.
pub(crate) fn rename(sources: &[Source], said: &str) -> String {
    let line = |line: &str| {
        let bare = line.trim_start_matches("./");
        match bare.split_once(':') {
            Some((name, rest)) if sources.iter().any(|source| source.name == name) => {
                format!("{}:{rest}\n", shown(sources, name))
            }
            _ => format!("{line}\n"),
        }
    };
    said.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_names_the_users_files() {
        let path = PathBuf::from("plugin/calc/main.go");
        let sources = [Source { name: "main.go".to_owned(), path }];
        let said = "./main.go:3:5: undefined: x\nother.go:1:1: y\n\thave (int)\n";
        let expected = "plugin/calc/main.go:3:5: undefined: x\nother.go:1:1: y\n\thave (int)\n";
        assert_eq!(rename(&sources, said), expected);
    }
}
