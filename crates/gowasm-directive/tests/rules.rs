//! Every diagnostic, from Go files that say in `// want CODE "text"` lines what must be found on the
//! next line that is no such line itself. Whatever else is found fails the test.

use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Deny, GoModule, GoPackage, Goos, Target, scan};
use std::path::{Path, PathBuf};

const REACTOR: Target = Target { goos: Goos::Wasip1, build_mode: BuildMode::CShared };
const COMMAND: Target = Target { goos: Goos::Wasip1, build_mode: BuildMode::Exe };
const JS: Target = Target { goos: Goos::Js, build_mode: BuildMode::Exe };

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(folder)
}

fn go_files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).expect("the folder of fixtures");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "go"));
    files.sort();
    files
}

fn package(import_path: &str, dir: &Path, go_files: Vec<PathBuf>) -> GoPackage {
    let (import_path, dir) = (import_path.to_owned(), dir.to_owned());
    GoPackage { import_path, dir, go_files, module: None, standard: false }
}

fn file_name(path: &Path) -> String {
    path.file_name().expect("a file").to_string_lossy().into_owned()
}

fn check(packages: &[GoPackage], target: Target) -> Vec<Diagnostic> {
    scan(packages, &|path| file_name(path)).expect("readable fixtures").check(target)
}

/// `file:line CODE text` of every expectation.
fn wanted(files: &[PathBuf]) -> Vec<(String, u32, String, String)> {
    let mut wanted = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(path).expect("a fixture");
        let mut pending = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if let Some(want) = line.trim_start().strip_prefix("// want ") {
                let (code, text) = want.split_once(' ').expect("a code and a text");
                pending.push((code.to_owned(), text.trim_matches('"').to_owned()));
                continue;
            }
            let here = pending.drain(..).map(|(code, text)| (file_name(path), number, code, text));
            wanted.extend(here);
        }
        assert!(pending.is_empty(), "{}: a want line with nothing under it", path.display());
    }
    wanted
}

fn compare(packages: &[GoPackage], target: Target) {
    let files: Vec<PathBuf> =
        packages.iter().flat_map(|package| package.go_files.clone()).collect();
    let mut wanted = wanted(&files);
    let mut unexpected = Vec::new();
    for found in check(packages, target) {
        let position = found.position.clone().expect("a directive's diagnostic has a position");
        let fits = |(file, line, code, text): &(String, u32, String, String)| {
            *file == position.path
                && *line == position.line
                && Some(code.as_str()) == found.code
                && found.message.contains(text)
        };
        match wanted.iter().position(fits) {
            Some(index) => drop(wanted.remove(index)),
            None => unexpected.push(found.to_string()),
        }
    }
    assert!(unexpected.is_empty(), "not wanted:\n{}", unexpected.join("\n"));
    assert!(wanted.is_empty(), "wanted but not found: {wanted:#?}");
}

/// Each file is a package of its own.
fn compare_files(folder: &str, target: Target) {
    let dir = fixtures(folder);
    let files = go_files(&dir);
    assert!(!files.is_empty());
    for file in files {
        compare(&[package("example.com/fixture", &dir, vec![file])], target);
    }
}

#[test]
fn rules_of_a_reactor() {
    compare_files("rules", REACTOR);
}

#[test]
fn rules_of_a_command() {
    compare_files("rules_exe", COMMAND);
}

#[test]
fn rules_of_js() {
    compare_files("rules_js", JS);
}

#[test]
fn rules_across_packages() {
    let of = |name: &str| {
        let dir = fixtures("packages").join(name);
        let files = go_files(&dir);
        package(&format!("example.com/{name}"), &dir, files)
    };
    compare(&[of("a"), of("b")], COMMAND);
    // Each alone has no conflict.
    let both = scan(&[of("a"), of("b")], &|path| file_name(path)).expect("readable fixtures");
    assert!(both.of_packages(&["example.com/a"].into()).check(COMMAND).is_empty());
    assert_eq!(both.of_packages(&["example.com/b"].into()).exports.len(), 1);
}

#[test]
fn types_and_symbols_of_other_packages() {
    let of = |name: &str| {
        let dir = fixtures("types").join(name);
        let files = go_files(&dir);
        package(&format!("example.com/{name}"), &dir, files)
    };
    compare(&[of("lib"), of("user")], REACTOR);
    compare(&[of("lib.v2"), of("symbols")], REACTOR);
    let both = [of("lib"), of("user")];
    let found = scan(&both, &|path| file_name(path)).expect("readable fixtures");
    let of_a = found.exports.iter().find(|export| export.name == "a").expect("an export");
    let wasm = of_a.signature().map(|signature| signature.to_string());
    assert_eq!(wasm.as_deref(), Some("(i32, i32, i32, i32, i32, i32, i32) -> i32"));
}

#[test]
fn a_conflict_shows_both_places() {
    let dir = fixtures("packages");
    let files = vec![dir.join("a/a.go"), dir.join("b/b.go")];
    let found = check(&[package("example.com/p", &dir, files)], REACTOR);
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(text.join("\n\n"));
}

/// Each half of a conflict has its place.
#[test]
fn a_symbol_that_is_taken_shows_where_it_is_declared() {
    let of = |name: &str| {
        let dir = fixtures("types").join(name);
        let files = go_files(&dir);
        package(&format!("example.com/{name}"), &dir, files)
    };
    let found = check(&[of("lib.v2"), of("symbols")], REACTOR);
    let places: Vec<String> = found
        .iter()
        .flat_map(|one| one.related.iter().map(|related| related.position.to_string()))
        .collect();
    let wanted = ["main.go:54:6", "main.go:5:12", "lib.go:3:6", "main.go:58:12", "main.go:60:13"];
    assert_eq!(places, wanted);
}

#[test]
fn every_finding_has_a_place_a_code_and_a_hint() {
    for (folder, target) in [("rules", REACTOR), ("rules_exe", COMMAND), ("rules_js", JS)] {
        let dir = fixtures(folder);
        for file in go_files(&dir) {
            for found in check(&[package("example.com/fixture", &dir, vec![file])], target) {
                let whole = found.position.is_some() && found.code.is_some();
                assert!(whole && found.hint.is_some(), "{found}");
            }
        }
    }
}

#[test]
fn names_that_wasi_lacks_are_slips_or_of_other_hosts() {
    let dir = fixtures("rules");
    let found = check(&[package("example.com/fixture", &dir, vec![dir.join("wasi.go")])], REACTOR);
    let hint = |name: &str| {
        let found = found.iter().find(|found| found.message.ends_with(&format!("`{name}`")));
        found.and_then(|found| found.hint.clone()).expect("a hint")
    };
    assert_eq!(hint("fd_wriet"), "did you mean `fd_write`?");
    for extended in ["sock_open", "sock_bind", "clock_time_set"] {
        assert!(hint(extended).starts_with("only a host that extends WASI"), "{extended}");
    }
}

#[test]
fn signatures_as_written_and_as_wasm() {
    let dir = fixtures("rules");
    let files = vec![dir.join("clean.go"), dir.join("types.go")];
    let found =
        scan(&[package("example.com/p", &dir, files)], &|path| file_name(path)).expect("readable");
    let line = |name: String, signature: Option<gowasm_directive::FuncType>, position: String| {
        let wasm =
            signature.map_or_else(|| "unknown".to_owned(), |signature| signature.to_string());
        format!("{position} {name}: {wasm}")
    };
    let exports = found.exports.iter().map(|export| {
        line(export.name.clone(), export.signature(), export.function.position.to_string())
    });
    let imports = found.imports.iter().map(|import| {
        let name = format!("{}.{}", import.module, import.name);
        line(name, import.signature(), import.function.position.to_string())
    });
    insta::assert_snapshot!(exports.chain(imports).collect::<Vec<_>>().join("\n"));
}

/// Who builds cannot mend what others wrote.
#[test]
fn what_is_denied_is_an_error_but_for_modules_of_others() {
    let dir = fixtures("rules");
    let own = package("example.com/own", &dir, vec![dir.join("spelling.go")]);
    let module = GoModule {
        path: "example.com/other".to_owned(),
        version: Some("v1.0.0".to_owned()),
        main: false,
    };
    let other = GoPackage {
        module: Some(module),
        ..package("example.com/other", &dir, vec![dir.join("wasi.go")])
    };
    let found = check(&[own, other], REACTOR);
    let count = |words: &[&str], code: &str| {
        let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
        let found = Deny::parse(&words).expect("known words").apply(found.clone());
        found.iter().filter(|one| one.code == Some(code) && one.is_error()).count()
    };
    assert_eq!((count(&[], "GW017"), count(&[], "GW018")), (0, 0));
    assert_eq!((count(&["GW018"], "GW017"), count(&["GW018"], "GW018")), (0, 2));
    assert!(count(&["warnings"], "GW017") > 0 && count(&["warnings"], "GW018") > 0);
    assert!(found.iter().any(|one| one.code == Some("GW027")));
    assert_eq!(count(&["warnings", "GW027"], "GW027"), 0);
    assert!(Deny::parse(&["GW999".to_owned()]).is_err());
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = fixtures("rules");
    let packages =
        [package("example.com/p", &dir, vec![dir.join("missing.go"), dir.join("gone.go")])];
    let errors = scan(&packages, &|path| file_name(path)).expect_err("two files are missing");
    let text: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
    assert!(text[0].starts_with("cannot read missing.go: "), "{text:?}");
    assert!(text[1].starts_with("cannot read gone.go: "), "{text:?}");
}
