//! Modules that set out to exhaust their host: each ends in a failed verdict, within its limits.

use gowasm_verify::{Failure, Limits, Plan, Request, Verdict, verify};
use std::sync::atomic::AtomicBool;

fn verdict(module: &[u8], plan: &str) -> Result<Verdict, Failure> {
    let plan = Plan::parse(plan, "t.plan.toml").map_err(Failure::Input)?;
    let request = Request {
        plan: Some(&plan),
        limits: Limits { memory_bytes: 16 << 20, steps: 20_000_000 },
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel: &AtomicBool::new(false),
    };
    verify(module, &request)
}

/// Why the last step of `go` failed.
fn ends_with(imports: &str, body: &str) -> String {
    let text = format!(
        "(module {imports} (memory (export \"memory\") 1) (func (export \"go\") (local $n i32) {body}))"
    );
    let module = wat::parse_str(text).expect("the text is a module");
    let plan = "[[dir]]\npath = \"/d\"\n[[call]]\nexport = \"go\"";
    let verdict = verdict(&module, plan).expect("a verdict");
    assert!(!verdict.passed, "{}", verdict.render());
    verdict.steps.last().and_then(|step| step.reason.clone()).expect("a reason")
}

const STEPS: &str = "the step limit was reached";

fn wasi(name: &str, params: &str) -> String {
    format!(
        "(import \"wasi_snapshot_preview1\" \"{name}\" (func $f (param {params}) (result i32)))"
    )
}

#[test]
fn calls_of_the_host_cost_steps() {
    let yields = "(import \"wasi_snapshot_preview1\" \"sched_yield\" (func $f (result i32)))";
    assert_eq!(ends_with(yields, "(loop $l (drop (call $f)) (br $l))"), STEPS);
    // Four thousand million empty buffers in one call.
    let write = wasi("fd_write", "i32 i32 i32 i32");
    let many = "(loop $l (drop (call $f (i32.const 1) (i32.const 0) (i32.const -1) (i32.const 0))) (br $l))";
    assert_eq!(ends_with(&write, many), STEPS);
    let poll = wasi("poll_oneoff", "i32 i32 i32 i32");
    let many = "(loop $l (drop (call $f (i32.const 0) (i32.const 0) (i32.const -1) (i32.const 0))) (br $l))";
    assert_eq!(ends_with(&poll, many), STEPS);
    let random = wasi("random_get", "i32 i32");
    let fill = "(loop $l (drop (call $f (i32.const 0) (i32.const 65536))) (br $l))";
    assert_eq!(ends_with(&random, fill), STEPS);
}

#[test]
fn open_files_and_written_bytes_are_counted() {
    let open = wasi("path_open", "i32 i32 i32 i32 i32 i64 i64 i32 i32");
    // Opens the directory itself until there is an error, and traps on it.
    let body = "(i32.store8 (i32.const 0) (i32.const 46))
        (loop $l (br_if $l (i32.eqz (call $f (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 1)
          (i32.const 0) (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 8))))) unreachable";
    assert!(ends_with(&open, body).starts_with("trapped: "));
    let make = wasi("path_create_directory", "i32 i32 i32");
    // A directory inside of each other, until one cannot be made.
    let body = "(i32.store (i32.const 0) (i32.const 0x30303030))
        (loop $l (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $l (i32.lt_u (local.get $n) (i32.const 200)))
          (drop (call $f (i32.const 3) (i32.const 0) (i32.const 4))) (local.set $n (i32.const 0))
          (br $l))";
    assert_eq!(ends_with(&make, body), STEPS);
}

#[test]
fn tables_and_globals_have_bounds() {
    let module = wat::parse_str(
        "(module (table 1 funcref) (func (export \"go\") (loop $l
           (br_if $l (i32.ge_s (table.grow (ref.null func) (i32.const 1000000)) (i32.const 0)))) unreachable))",
    );
    let call = "[[call]]\nexport = \"go\"";
    let grown = verdict(&module.expect("a module"), call).expect("a verdict");
    assert!(!grown.passed);
    let huge = wat::parse_str("(module (table 4000000000 funcref) (func (export \"go\")))");
    let huge = verdict(&huge.expect("a module"), call).expect("a verdict");
    assert!(!huge.passed);
    let huge = wat::parse_str("(module (memory 65536) (func (export \"go\")))");
    let huge = verdict(&huge.expect("a module"), call).expect("a verdict");
    assert!(!huge.passed);
}

#[test]
fn endless_recursion_ends() {
    let module = "(module (func $go (export \"go\") (call $go) (call $go)))";
    let module = wat::parse_str(module).expect("a module");
    let verdict = verdict(&module, "[[call]]\nexport = \"go\"").expect("a verdict");
    assert!(!verdict.passed);
}

#[test]
fn thousands_of_exports_are_no_trouble() {
    let exports: String =
        (0..20_000).map(|n| format!("(export \"export{n}\" (func $f))")).collect();
    let module = wat::parse_str(format!("(module (func $f) {exports})")).expect("a module");
    let plan = "[[call]]\nexport = \"export19999\"\n[[call]]\nexport = \"export7\"";
    assert!(verdict(&module, plan).expect("a verdict").passed);
    let Err(Failure::Input(faults)) = verdict(&module, "[[call]]\nexport = \"exprt7\"") else {
        panic!("there is no such export");
    };
    assert!(faults[0].hint.as_deref().is_some_and(|hint| hint.len() < 500), "{}", faults[0]);
}

#[test]
fn names_that_are_no_text_are_refused() {
    let module = wat::parse_str("(module (func (export \"name\")))").expect("a module");
    let at = module.windows(4).position(|bytes| bytes == b"name").expect("the name");
    let mut broken = module.clone();
    broken[at] = 0xff;
    let Err(Failure::Input(faults)) = verdict(&broken, "") else { panic!("it is no module") };
    assert!(faults[0].message.contains("not a valid wasm module"), "{}", faults[0]);
}
