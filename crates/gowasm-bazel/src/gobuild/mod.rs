//! Which of a package's files belong to a target, as the package go/build of Go's standard library decides it:
//! by names, by build constraints and by what the files import. `go list` is the oracle (see the test below); here
//! no `go` is started, and nothing but the files themselves is read.

mod constraint;
mod embed;
mod header;
mod names;

use crate::Failure;
use gowasm_diagnostic::{Diagnostic, Position};
use gowasm_directive::Goos;
use header::Header;
use std::collections::BTreeSet;

pub(crate) use embed::EmbedConfig;

/// What build constraints are held against.
#[derive(Debug, Default, Clone)]
pub(crate) struct Context {
    pub(crate) goos: String,
    /// Those of the toolchain: its releases and its experiments; and those of the user.
    pub(crate) tags: BTreeSet<String>,
}

impl Context {
    pub(crate) fn new(goos: Goos, tags: impl IntoIterator<Item = String>) -> Self {
        Context { goos: goos.as_str().to_owned(), tags: tags.into_iter().collect() }
    }

    fn has(&self, tag: &str) -> bool {
        // GOOS, GOARCH and the compiler. Go has no cgo for wasm, and neither system is a Unix to it.
        tag == self.goos || ["wasm", "gc"].contains(&tag) || self.tags.contains(tag)
    }
}

/// The files of one package, chosen: names in the order that Go gives them to its compiler.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) files: Files,
    /// Tests that are part of the package, and those that look at it from outside.
    pub(crate) tests: Files,
    pub(crate) external_tests: Files,
    pub(crate) s_files: Vec<String>,
    /// Go files that constraints exclude.
    pub(crate) ignored: Vec<String>,
    /// Go files that import "C", and are left out as well.
    pub(crate) cgo: Vec<String>,
}

impl Package {
    /// Whether nothing of it is for the target.
    pub(crate) fn has_no_go(&self) -> bool {
        let all = [&self.files, &self.tests, &self.external_tests];
        all.iter().all(|files| files.go.is_empty())
    }
}

/// Go files, what they embed and import.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) go: Vec<String>,
    pub(crate) patterns: Vec<embed::At>,
    /// Whether one of them imports "simd".
    pub(crate) imports_simd: bool,
}

/// A file of the package's folder.
pub(crate) struct Candidate<'a> {
    pub(crate) name: &'a str,
    /// What the user calls it.
    pub(crate) shown: &'a str,
}

/// Chooses among the files that lie in the package's folder itself.
pub(crate) fn choose(
    context: &Context,
    candidates: &[Candidate<'_>],
    read: impl Fn(&str) -> Result<Vec<u8>, Failure>,
) -> Result<Package, Failure> {
    let mut sorted: Vec<_> = candidates.iter().collect();
    sorted.sort_by_key(|candidate| candidate.name);
    let mut package = Package::default();
    let mut named_by: Option<&str> = None;
    for Candidate { name, shown } in sorted {
        let is_go = name.ends_with(".go");
        if name.starts_with(['_', '.']) || !(is_go || name.ends_with(".s")) {
            continue;
        }
        if !names::fits(context, name) {
            if is_go {
                package.ignored.push((*name).to_owned());
            }
            continue;
        }
        let text = read(name)?;
        let fits = constraint::fits(context, &text).map_err(|(line, why)| {
            Failure::input(Diagnostic::error(why).at(Position::new(*shown, line, 1)))
        })?;
        if !fits {
            if is_go {
                package.ignored.push((*name).to_owned());
            }
            continue;
        }
        if !is_go {
            package.s_files.push((*name).to_owned());
            continue;
        }
        let header = Header::read(&text);
        if header.package == "documentation" {
            package.ignored.push((*name).to_owned());
            continue;
        }
        let is_test = name.ends_with("_test.go");
        let outer = header.package.strip_suffix("_test").filter(|_| is_test);
        let outer = outer.filter(|_| package.name != header.package);
        let of = outer.unwrap_or(&header.package);
        match named_by {
            // What has no package clause is for the compiler to refuse.
            _ if of.is_empty() => {}
            None => {
                package.name = of.to_owned();
                named_by = Some(shown);
            }
            Some(first) if of != package.name => {
                return Err(two_packages(first, &package.name, shown, of));
            }
            Some(_) => {}
        }
        if header.imports_c {
            match is_test {
                true => {
                    let message = "use of cgo in a test: Go has no cgo in tests, and none for wasm";
                    return Err(Failure::input(
                        Diagnostic::error(message).at(Position::new(*shown, 1, 1)),
                    ));
                }
                false => package.cgo.push((*name).to_owned()),
            }
            continue;
        }
        let files = match (is_test, outer) {
            (true, Some(_)) => &mut package.external_tests,
            (true, None) => &mut package.tests,
            (false, _) => &mut package.files,
        };
        files.go.push((*name).to_owned());
        files.imports_simd |= header.imports_simd;
        files.patterns.extend(header.embeds.into_iter().map(|(pattern, line, column)| embed::At {
            pattern,
            position: Position::new(*shown, line, column),
        }));
    }
    Ok(package)
}

fn two_packages(first: &str, name: &str, second: &str, other: &str) -> Failure {
    let message =
        format!("srcs has files of two packages: {name} ({first}) and {other} ({second})");
    let hint = "a target is one package: give each its own, and a folder of its own for `go build`";
    Failure::input(Diagnostic::error(message).hint(hint))
}

#[cfg(test)]
mod tests;
