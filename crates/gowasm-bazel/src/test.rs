//! A package's tests as a program: the package with its own tests, the tests that look at it from
//! outside, and the main package that starts them.

use crate::compile::{Compile, Work, choose};
use crate::sdk::Sdk;
use crate::sources::{self, Chosen, Source};
use crate::testmain;
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

pub struct CompileTest {
    /// The package; its output has the tests that are part of it.
    pub package: Compile,
    /// Where the tests go that look at it from outside.
    pub external: PathBuf,
    /// Where the main package goes.
    pub main: PathBuf,
    /// Packages that tests import and that import the package.
    pub importers: Vec<String>,
}

const MAIN: &str = "_testmain.go";
const EMPTY: &str = "_none_test.go";

/// Compiles all three; the warnings are for the user.
pub fn compile_test(request: &CompileTest) -> Result<Vec<Diagnostic>, Failure> {
    let folder = files::scratch()?;
    let package = &request.package;
    let sdk = Sdk::open(&package.sdk)?;
    let (stage, scratch) = (folder.path().join("src"), folder.path().join("work"));
    let chosen = choose(package, &sdk, &stage, &scratch)?;
    check_importers(request, &chosen)?;
    let mut external = chosen.external_tests();
    let inner = testmain::find(&stage, chosen.test_files())?;
    let outer = testmain::find(&stage, &external.go_files)?;
    if external.go_files.is_empty() {
        files::write(&stage.join(EMPTY), format!("package {}_test\n", chosen.name).as_bytes())?;
        external = Chosen::only(EMPTY);
    }
    let work = |request, stage: &Path, package_path: &str| Work {
        request,
        sdk: &sdk,
        stage: stage.to_owned(),
        scratch: scratch.clone(),
        package_path: package_path.to_owned(),
        sees_internals: false,
    };

    // 1. The package, with the tests that are part of it.
    let path = &package.import_path;
    let inner_work = work(package, &stage, path);
    let with_tests = chosen.with_tests();
    let (directives, warnings) = inner_work.directives(&with_tests)?;
    inner_work.archive(&with_tests, &package.output)?;
    // 2. The tests that import it.
    let outer_path = format!("{path}_test");
    let outer_request = importing(package, &outer_path, &[(path, &package.output)]);
    work(&outer_request, &stage, &outer_path).archive(&external, &request.external)?;
    // 3. The program that starts them.
    let main_stage = folder.path().join("main");
    files::write(&main_stage.join(MAIN), testmain::text(path, &inner, &outer).as_bytes())?;
    let imports = [(path, &package.output), (&outer_path, &request.external)];
    let mut main_request = importing(package, &format!("{path}.test"), &imports);
    main_request.language = None;
    main_request.sources = vec![Source { name: MAIN.to_owned(), path: main_stage.join(MAIN) }];
    let main_work = Work { sees_internals: true, ..work(&main_request, &main_stage, "main") };
    main_work.archive(&Chosen::only(MAIN), &request.main)?;
    files::write_json(&package.directives, &directives)?;
    Ok(warnings)
}

/// Tests that are part of a package make another package of it, which its importers were not compiled
/// against. The linker would say so in its own words.
fn check_importers(request: &CompileTest, chosen: &Chosen) -> Result<(), Failure> {
    let (Some(test), Some(importer)) = (chosen.test_files().first(), request.importers.first())
    else {
        return Ok(());
    };
    let shown = sources::shown(&request.package.sources, test);
    let path = &request.package.import_path;
    let message = format!(
        "{shown} is part of package {path}, and {importer}, which tests here import, is compiled against {path} without it"
    );
    Err(Failure::input(Diagnostic::error(message).hint(format!(
        "put either into a go_wasm_test of its own: the files of package {path} itself, or those that import {importer}"
    ))))
}

fn importing(package: &Compile, import_path: &str, more: &[(&String, &PathBuf)]) -> Compile {
    let mut request = package.clone();
    request.import_path = import_path.to_owned();
    let more = more.iter().map(|(path, archive)| ((*path).clone(), (*archive).clone()));
    request.archives.extend(more);
    request
}
