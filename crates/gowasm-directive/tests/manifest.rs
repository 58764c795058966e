//! Manifests, and directives held against modules that are written as text here.

use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{
    BuildMode, Directives, GoModule, GoPackage, Goos, Manifest, Target, interface, scan,
};
use std::path::Path;

const REACTOR: Target = Target { goos: Goos::Wasip1, build_mode: BuildMode::CShared };

const SOURCE: &str = r#"package calc

import "time"

type ID uint64

//go:wasmexport add
func Add(a, b int32) int32 { return log(a + b) }

//go:wasmexport greet
func greet(name string, id ID, wait time.Duration) *byte { return nil }

//go:wasmimport env log
func log(code int32) int32

//go:wasmimport env unused
func unused()
"#;

/// The directives of SOURCE as package `example.com/calc/lib` of a dependency.
fn directives(source: &str) -> Directives {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("calc.go"), source).expect("a file");
    let path = "example.com/calc".to_owned();
    let package = GoPackage {
        import_path: "example.com/calc/lib".to_owned(),
        dir: dir.path().to_owned(),
        go_files: vec!["calc.go".into()],
        module: Some(GoModule { path, version: Some("v1.2.3".to_owned()), main: false }),
        standard: false,
    };
    scan(&[package], &|path: &Path| format!("lib/{}", path.file_name().expect("a name").display()))
        .expect("a readable file")
}

const IMPORTS: &str = r#"
    (import "wasi_snapshot_preview1" "proc_exit" (func (param i32)))
    (import "env" "log" (func (param i32) (result i32)))"#;
const OWN: &str = r#"
    (func $init) (export "_initialize" (func $init))
    (memory 1) (export "memory" (memory 0))"#;
const EXPORTS: &str = r#"
    (func $add (export "add") (param i32 i32) (result i32) local.get 0)
    (func $greet (export "greet") (param i32 i32 i64 i64) (result i32) local.get 0)"#;

fn module(parts: &[&str]) -> Vec<u8> {
    wat::parse_str(format!("(module {})", parts.concat())).expect("a module")
}

fn differences(parts: &[&str]) -> String {
    let found = Manifest::build(
        &directives(SOURCE),
        REACTOR,
        "example.com/calc",
        "go1.26.8",
        &module(parts),
    );
    let text: Vec<String> =
        found.expect_err("differences").iter().map(Diagnostic::to_string).collect();
    text.join("\n")
}

#[test]
fn manifest_of_a_reactor() {
    let module = module(&[IMPORTS, OWN, EXPORTS]);
    let manifest =
        Manifest::build(&directives(SOURCE), REACTOR, "example.com/calc", "go1.26.8", &module)
            .expect("directives and module agree");
    insta::assert_snapshot!(manifest.to_json());
    // What is written can be read.
    let read: Manifest = serde_json::from_str(&manifest.to_json()).expect("a manifest");
    assert_eq!(read, manifest);
}

#[test]
fn manifest_read_from_a_module() {
    let manifest = Manifest::from_module(&module(&[IMPORTS, OWN, EXPORTS])).expect("a module");
    insta::assert_snapshot!(manifest.to_json());
}

#[test]
fn the_target_shows_in_a_module() {
    let deduced = |text: &str| {
        let manifest = Manifest::from_module(&module(&[text])).expect("a module");
        manifest.goos.zip(manifest.build_mode)
    };
    let func = |name: &str| format!(r#"(func (export "{name}"))"#);
    let memory = |name: &str| format!(r#"(memory 1) (export "{name}" (memory 0))"#);
    assert_eq!(
        deduced(&(memory("memory") + &func("_start"))),
        Some((Goos::Wasip1, BuildMode::Exe))
    );
    assert_eq!(
        deduced(&(memory("memory") + &func("_initialize"))),
        Some((Goos::Wasip1, BuildMode::CShared))
    );
    let js = memory("mem") + &func("run") + &func("resume") + &func("getsp");
    assert_eq!(deduced(&js), Some((Goos::Js, BuildMode::Exe)));
    assert_eq!(deduced(&(memory("memory") + &func("_start") + &func("_initialize"))), None);
    assert_eq!(deduced(&func("_start")), None);
}

#[test]
fn an_export_that_the_module_lacks() {
    let only_add = r#"(func $add (export "add") (param i32 i32) (result i32) local.get 0)"#;
    insta::assert_snapshot!(differences(&[IMPORTS, OWN, only_add]));
}

#[test]
fn an_export_of_another_type() {
    let changed = EXPORTS.replace("(param i32 i32) (result i32)", "(param i32 i64) (result i32)");
    insta::assert_snapshot!(differences(&[IMPORTS, OWN, &changed]));
}

#[test]
fn an_export_that_is_no_function() {
    let changed = EXPORTS.replace(r#"(export "add")"#, "");
    let global = r#"(global (export "add") i32 (i32.const 1))"#;
    insta::assert_snapshot!(differences(&[IMPORTS, OWN, &changed, global]));
}

#[test]
fn exports_that_no_directive_names() {
    let more = r#"(func (export "surprise"))"#;
    insta::assert_snapshot!(differences(&[IMPORTS, OWN, EXPORTS, more]));
}

#[test]
fn imports_that_differ() {
    let changed = IMPORTS.replace("(param i32) (result i32)", "(param f64)");
    let more = r#"(import "env" "unknown" (func)) (import "env" "log" (global i32))"#;
    insta::assert_snapshot!(differences(&[&changed, more, OWN, EXPORTS]));
}

#[test]
fn a_module_of_another_target() {
    let command = OWN.replace("_initialize", "_start");
    insta::assert_snapshot!(differences(&[IMPORTS, &command, EXPORTS]));
}

#[test]
fn a_name_exported_twice() {
    // No tool writes such a module from text, so one name is overwritten with the other.
    let mut module = module(&[IMPORTS, OWN, EXPORTS, r#"(func (export "AAA"))"#]);
    let at = module.windows(3).position(|bytes| bytes == b"AAA").expect("the name");
    module[at..at + 3].copy_from_slice(b"add");
    let found = Manifest::build(&directives(SOURCE), REACTOR, "p", "go1.26.8", &module);
    let text: Vec<String> =
        found.expect_err("a repeated name").iter().map(Diagnostic::to_string).collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn functions_may_share_an_import() {
    // The same host function under two Go types: the linker writes an import for each.
    let source = "package p\n\n//go:wasmimport env f\nfunc f(int32)\n\n//go:wasmimport env f\nfunc g(string)\n";
    let both = r#"(import "env" "f" (func (param i32 i32))) (import "env" "f" (func (param i32)))"#;
    let manifest =
        Manifest::build(&directives(source), REACTOR, "p", "go1.26.8", &module(&[both, OWN]))
            .expect("each import has its directive");
    let functions: Vec<_> =
        manifest.imports.iter().filter_map(|import| import.go.as_ref()).collect();
    assert_eq!(functions[0].function, "g");
    assert_eq!(functions[1].function, "f");
}

#[test]
fn what_is_no_module() {
    let say = |bytes: &[u8]| interface::read(bytes).expect_err("no module").to_string();
    let component = wat::parse_str("(component)").expect("a component");
    let mut wrong_type = module(&[r#"(func (export "f"))"#]);
    wrong_type[10] = 0xff;
    let cut = module(&[OWN]);
    let said = [
        say(b""),
        say(b"\x7fELF\x02\x01\x01\x00"),
        say(b"\0asm"),
        say(&cut[..cut.len() - 3]),
        say(&component),
        say(&wrong_type),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

/// What was quadratic takes minutes.
#[test]
fn interfaces_may_be_large() {
    let of = |names: std::ops::Range<usize>| {
        let imports: String =
            names.clone().map(|n| format!("(import \"env\" \"host{n}\" (func))")).collect();
        let exports: String = names.map(|n| format!("(export \"export{n}\" (func 0))")).collect();
        let module = wat::parse_str(format!("(module {imports} {exports})")).unwrap();
        Manifest::from_module(&module).unwrap()
    };
    let (old, new) = (of(0..100_000), of(1..100_001));
    let begun = std::time::Instant::now();
    assert_eq!(gowasm_directive::diff(&old, &new).len(), 4);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}
