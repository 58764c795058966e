//! Modules that set out to exhaust their host: each ends in a failed verdict, within its limits.

use gowasm_verify::{Engine, Failure, Limits, Plan, Request, Status, Verdict, verify};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Those in this process: what they do to it is what counts.
fn engines() -> &'static [Engine] {
    match cfg!(feature = "wasmtime") {
        true => &[Engine::Wasmi, Engine::Wasmtime, Engine::Winch],
        false => &[Engine::Wasmi],
    }
}

fn verdict_in(engine: Engine, module: &[u8], plan: &str) -> Result<Verdict, Failure> {
    let plan = Plan::parse(plan, "t.plan.toml").map_err(Failure::Input)?;
    let request = Request {
        plan: Some(&plan),
        name: None,
        missing_imports: None,
        limits: Limits { memory_bytes: 16 << 20, steps: 20_000_000, ..Limits::default() },
        engine: Some(engine),
        manifest: None,
        outside: None,
        times: false,
        cancel: &AtomicBool::new(false),
    };
    verify(module, &request)
}

/// Why each step of the plan failed that did, in every engine.
fn reasons(text: &str, plan: &str) -> Vec<(Engine, Vec<String>)> {
    let module = wat::parse_str(text).expect("the text is a module");
    let of_engine = |engine: &Engine| {
        let verdict = verdict_in(*engine, &module, plan).expect("a verdict");
        assert!(!verdict.passed, "{}", verdict.render());
        (*engine, verdict.steps.into_iter().filter_map(|step| step.reason).collect())
    };
    engines().iter().map(of_engine).collect()
}

/// Why the last step of `go` failed, the same in every engine up to the engine's own words for a trap.
fn ends_with(imports: &str, body: &str) -> String {
    let text = format!(
        "(module {imports} (memory (export \"memory\") 1) (func (export \"go\") (local $n i32) {body}))"
    );
    let plan = "[[dir]]\npath = \"/d\"\n[[call]]\nexport = \"go\"";
    let mut all = reasons(&text, plan).into_iter().map(|(engine, mut reasons)| {
        let reason = reasons.pop().expect("a reason");
        (engine, if reason.starts_with("trapped: ") { "trapped: ".to_owned() } else { reason })
    });
    let (_, first) = all.next().expect("wasmi");
    all.for_each(|(engine, reason)| assert_eq!(reason, first, "{}", engine.name()));
    first
}

const CALL: &str = "[[call]]\nexport = \"go\"\n";
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
    assert_eq!(ends_with(&open, body), "trapped: ");
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
fn an_endless_loop_ends() {
    assert_eq!(ends_with("", "(loop $l (br $l))"), STEPS);
    // Not even where a trap is wanted.
    let text = "(module (func (export \"go\") (loop $l (br $l))))";
    for (_, reasons) in reasons(text, &format!("{CALL}traps = \"\"")) {
        assert_eq!(reasons, [STEPS]);
    }
}

/// Valid, and too large for wasmi, which finds that at the first call.
#[test]
fn a_function_that_is_too_large_is_no_trap() {
    let targets = "0 ".repeat(1_000_000);
    let text = format!("(module (func (export \"go\") (br_table {targets} (i32.const 0))))");
    let module = wat::parse_str(text).expect("the text is a module");
    let verdict =
        verdict_in(Engine::Wasmi, &module, &format!("{CALL}traps = \"\"")).expect("a verdict");
    let reason = verdict.steps.last().and_then(|step| step.reason.as_deref()).expect("a reason");
    assert!(reason.starts_with("the engine could not go on: "), "{reason}");
}

#[test]
fn endless_recursion_ends() {
    let small = "(module (func $go (export \"go\") (call $go) (call $go)))";
    // Eight kilobytes of locals in each call, all of them in use.
    let locals = "i64 ".repeat(1000);
    let uses: String = (0..1000).map(|n| format!("(i64.add (local.get {n}) ")).collect();
    let large = format!(
        "(module (func $go (export \"go\") (local {locals}) (call $go) (drop {uses} (i64.const 0) {})))",
        ")".repeat(1000)
    );
    for text in [small, &large] {
        for (engine, reasons) in reasons(text, CALL) {
            let [reason] = &reasons[..] else { panic!("{reasons:?}") };
            let stack = ["call stack exhausted", "stack overflow", "out of bounds"];
            let ended = stack.iter().any(|words| reason.contains(words)) || reason == STEPS;
            assert!(ended, "{}: {reason}", engine.name());
        }
    }
}

/// Host and module call each other, and the module fills a stack before each call.
#[test]
fn recursion_through_the_host_ends() {
    let text = "(module (import \"env\" \"again\" (func $again))
        (func $fill (param i32) (if (local.get 0)
          (then (call $fill (i32.sub (local.get 0) (i32.const 1)))) (else (call $again))))
        (func (export \"go\") (call $fill (i32.const 500))))";
    let host = "[[host]]\nmodule = \"env\"\nname = \"again\"\ncalls = \"go\"\n";
    for (engine, reasons) in reasons(text, &format!("{host}{CALL}")) {
        let [reason] = &reasons[..] else { panic!("{reasons:?}") };
        assert!(reason.contains("more than 16 deep"), "{}: {reason}", engine.name());
    }
}

#[test]
fn calls_of_the_plans_functions_cost_steps_and_little_memory() {
    let text = "(module (import \"env\" \"log\" (func $log (param i64)))
        (func (export \"go\") (local $n i64) (loop $l (call $log (local.get $n))
          (local.set $n (i64.add (local.get $n) (i64.const 1))) (br $l))))";
    let host = "[[host]]\nmodule = \"env\"\nname = \"log\"\n";
    // The calls are kept up to a number, whether a plan asks for them or not.
    for wanted in ["", "host_calls = [\"env.log(0)\"]"] {
        for (_, reasons) in reasons(text, &format!("{host}{CALL}{wanted}")) {
            assert_eq!(reasons, [STEPS]);
        }
    }
}

#[test]
fn a_hundred_megabytes_of_stderr_are_counted_and_not_kept() {
    let write = wasi("fd_write", "i32 i32 i32 i32");
    let text = format!(
        "(module {write} (memory (export \"memory\") 2) (data (i32.const 4) \"\\00\\00\\01\\00\")
           (func (export \"go\") (local $n i32) (loop $l
             (drop (call $f (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
             (local.set $n (i32.add (local.get $n) (i32.const 1)))
             (br_if $l (i32.lt_u (local.get $n) (i32.const 1600)))) unreachable))"
    );
    let module = wat::parse_str(&text).expect("the text is a module");
    for &engine in engines() {
        let verdict = verdict_in(engine, &module, CALL).expect("a verdict");
        let stderr = verdict.steps.last().and_then(|step| step.stderr.as_deref());
        let stderr = stderr.expect("stderr");
        let more = format!("\n[{} bytes more were not kept]\n", (1600 << 16) - (1 << 20));
        assert!(!verdict.passed && stderr.ends_with(&more), "{}", engine.name());
        assert!(stderr.len() < 2 << 20);
    }
}

#[test]
fn memory_and_tables_have_bounds() {
    let module = |body: &str| format!("(module {body})");
    let grow = "(memory 1) (func (export \"go\") (loop $l
        (br_if $l (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable)";
    let table = "(table 1 funcref) (func (export \"go\") (loop $l
        (br_if $l (i32.ge_s (table.grow (ref.null func) (i32.const 1000000)) (i32.const 0)))) unreachable)";
    for text in [grow, table] {
        for (engine, reasons) in reasons(&module(text), CALL) {
            let [reason] = &reasons[..] else { panic!("{reasons:?}") };
            // Winch does not compile every instruction.
            let refused = engine == Engine::Winch && reason.contains("Unimplemented");
            assert!(reason.starts_with("trapped: ") || refused, "{}: {reason}", engine.name());
        }
    }
    // At once, before a call could be held to anything.
    let huge = "(func (export \"go\"))";
    for text in ["(table 4000000000 funcref)", "(memory 65536)"] {
        for (engine, reasons) in reasons(&module(&format!("{text} {huge}")), CALL) {
            assert!(!reasons.is_empty(), "{}", engine.name());
        }
    }
}

#[test]
fn thousands_of_exports_are_no_trouble() {
    let exports: String =
        (0..20_000).map(|n| format!("(export \"export{n}\" (func $f))")).collect();
    let module = wat::parse_str(format!("(module (func $f) {exports})")).expect("a module");
    let plan = "[[call]]\nexport = \"export19999\"\n[[call]]\nexport = \"export7\"";
    for &engine in engines() {
        assert!(verdict_in(engine, &module, plan).expect("a verdict").passed, "{}", engine.name());
    }
    let Err(Failure::Input(faults)) =
        verdict_in(Engine::Wasmi, &module, "[[call]]\nexport = \"exprt7\"")
    else {
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
    let Err(Failure::Input(faults)) = verdict_in(Engine::Wasmi, &broken, "") else {
        panic!("it is no module")
    };
    assert!(faults[0].message.contains("not a valid wasm module"), "{}", faults[0]);
}

#[test]
fn a_directory_costs_as_much_as_there_is_in_it() {
    let read = wasi("fd_readdir", "i32 i32 i32 i64 i32");
    let text = format!(
        "(module {read} (memory (export \"memory\") 1) (func (export \"go\")
          (loop $l (br_if $l (i32.eqz (call $f (i32.const 3) (i32.const 0) (i32.const 64) (i64.const 0)
            (i32.const 128)))))))"
    );
    let files: String = (0..3000).map(|n| format!("f{n} = \"\"\n")).collect();
    let plan = format!("[[call]]\nexport = \"go\"\n[[dir]]\npath = \"/d\"\n[dir.files]\n{files}");
    for (engine, reasons) in reasons(&text, &plan) {
        assert_eq!(reasons, [STEPS], "{}", engine.name());
    }
}

#[test]
fn all_tables_together_are_within_the_limit() {
    let tables = "(table 1 funcref) ".repeat(100);
    let grow: String = (0..100)
        .map(|n| format!("(loop $l (br_if $l (i32.ge_s (table.grow {n} (ref.null func) (i32.const 10000)) (i32.const 0))))"))
        .collect();
    let sum: String = (0..100).map(|n| format!("(i32.add (table.size {n}) ")).collect();
    // Sixteen million bytes, of which an element takes four at least.
    let text = format!(
        "(module {tables} (memory 1) (func (export \"go\") {grow}
          (if (i32.gt_u {sum} (i32.const 0){} (i32.const 4000000)) (then unreachable))))",
        ")".repeat(100)
    );
    let module = wat::parse_str(&text).expect("the text is a module");
    for &engine in engines() {
        let verdict = verdict_in(engine, &module, CALL).expect("a verdict");
        // Winch does not compile every instruction.
        let refused = verdict.render().contains("Unimplemented");
        assert!(verdict.passed || refused, "{}: {}", engine.name(), verdict.render());
    }
}

#[test]
fn time_stands_behind_all_other_limits() {
    let text = "(module (func (export \"go\") (loop $l (br $l))) (func (export \"next\")))";
    let module = wat::parse_str(text).expect("the text is a module");
    let plan = "[[call]]\nexport = \"go\"\ntraps = \"\"\n[[call]]\nexport = \"next\"\n";
    let plan = Plan::parse(plan, "t.plan.toml").expect("a plan");
    for &engine in engines() {
        let begun = Instant::now();
        let request = Request {
            plan: Some(&plan),
            limits: Limits { steps: u64::MAX, seconds: 1, ..Limits::default() },
            engine: Some(engine),
            manifest: None,
            outside: None,
            times: false,
            name: None,
            missing_imports: None,
            cancel: &AtomicBool::new(false),
        };
        let verdict = verify(&module, &request).expect("a verdict");
        let steps: Vec<_> = verdict.steps.iter().rev().take(2).map(|step| step.status).collect();
        assert_eq!(steps, [Status::Skipped, Status::Failed], "{}", verdict.render());
        let reason = verdict.failures().find_map(|step| step.reason.as_deref()).expect("a reason");
        assert_eq!(reason, "the time limit of 1 s for all steps was reached (--time-limit)");
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", engine.name());
    }
}

/// What was quadratic takes minutes.
#[test]
fn plans_may_be_long() {
    const COUNT: usize = 20_000;
    let imports: String =
        (0..COUNT).map(|n| format!("(import \"env\" \"host{n}\" (func))")).collect();
    let exports: String = (0..COUNT).map(|n| format!("(export \"export{n}\" (func $f))")).collect();
    let module =
        wat::parse_str(format!("(module {imports} (func $f) {exports})")).expect("a module");
    let hosts: String =
        (0..COUNT).map(|n| format!("[[host]]\nmodule = \"env\"\nname = \"host{n}\"\n")).collect();
    let calls: String = (0..COUNT).map(|n| format!("[[call]]\nexport = \"export{n}\"\n")).collect();
    let begun = Instant::now();
    let verdict =
        verdict_in(Engine::Wasmi, &module, &format!("{hosts}{calls}")).expect("a verdict");
    assert!(verdict.passed && verdict.steps.len() > COUNT, "{}", verdict.render());
    let wrong = calls.replace("export = \"export", "export = \"exprot");
    let Err(Failure::Input(faults)) = verdict_in(Engine::Wasmi, &module, &wrong) else {
        panic!("there are no such exports");
    };
    assert_eq!(faults.len(), COUNT);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}
