//! The program of a package's tests, beside the package compiled with those that are part of it: the tests
//! that look at it from outside, and the main package that starts all.

use crate::compile::{Compile, Work, choose};
use crate::dependency::{self, Dependency};
use crate::sources::{Source, Unit};
use crate::testmain;
use crate::{Failure, files, tags};
use gowasm_diagnostic::Diagnostic;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub struct CompileTest {
    /// The package, for its sources. The output is the main package, the directives are those of the tests
    /// from outside.
    pub package: Compile,
    /// The package with the tests that are part of it: its archive, or what it exports.
    pub tested: PathBuf,
    /// Where the tests go that look at it from outside.
    pub external: PathBuf,
    /// Whether the program writes a coverage profile on request.
    pub coverage: bool,
}

const MAIN: &str = "_testmain.go";
const EMPTY: &str = "_none_test.go";

/// Compiles both; the warnings are for the user.
pub fn compile_test(
    request: &CompileTest,
    cancel: &AtomicBool,
) -> Result<Vec<Diagnostic>, Failure> {
    let folder = files::scratch()?;
    let package = &request.package;
    let (sdk, tags) = tags::open(&package.sdk, &package.toolchain_tags)?;
    dependency::check_importable(&package.label, &package.deps)?;
    let (stage, scratch) = (folder.path().join("src"), folder.path().join("work"));
    let chosen = choose(package, tags, &stage, &scratch)?;
    let mut external = Unit::external_tests(&chosen);
    let inner = testmain::find(&stage, &chosen.tests.go)?;
    let outer = testmain::find(&stage, &external.files.go)?;
    if external.files.go.is_empty() {
        files::write(&stage.join(EMPTY), format!("package {}_test\n", chosen.name).as_bytes())?;
        external = Unit::only(EMPTY);
    }
    let work = |request, stage: &Path, package_path: &str| Work {
        request,
        cancel,
        sdk: &sdk,
        stage: stage.to_owned(),
        scratch: scratch.clone(),
        package_path: package_path.to_owned(),
        sees_internals: false,
    };

    // 1. The tests that import the package.
    let path = &package.import_path;
    let outer_path = format!("{path}_test");
    let outer_request = importing(package, &outer_path, &[(path, &request.tested)]);
    let outer_work = work(&outer_request, &stage, &outer_path);
    let (found, warnings) = outer_work.directives(&external)?;
    outer_work.archive(&external, &request.external)?;
    // 2. The program that starts them.
    let main_stage = folder.path().join("main");
    files::write(
        &main_stage.join(MAIN),
        testmain::text(path, &inner, &outer, request.coverage).as_bytes(),
    )?;
    let imports = [(path, &request.tested), (&outer_path, &request.external)];
    let mut main_request = importing(package, &format!("{path}.test"), &imports);
    main_request.language = None;
    main_request.flags.clear();
    main_request.sources = vec![Source { name: MAIN.to_owned(), path: main_stage.join(MAIN) }];
    let main_work = Work { sees_internals: true, ..work(&main_request, &main_stage, "main") };
    main_work.archive(&Unit::only(MAIN), &package.output)?;
    found.write(&package.directives)?;
    Ok(warnings)
}

fn importing(package: &Compile, import_path: &str, more: &[(&String, &PathBuf)]) -> Compile {
    let mut request = package.clone();
    request.import_path = import_path.to_owned();
    // Tests do not count themselves.
    request.cover = None;
    request.deps.extend(more.iter().map(|(path, archive)| Dependency {
        import_path: (*path).clone(),
        label: package.label.clone(),
        archive: (*archive).clone(),
    }));
    request
}
