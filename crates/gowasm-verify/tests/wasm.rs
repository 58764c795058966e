//! Modules written as text: how calls end, and what a module cannot do to its host.

use gowasm_verify::{
    Failure, Limits, MissingImports, Plan, Request, Status, StepKind, Verdict, verify,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const MODULE: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "nonsense" (func $nonsense))
  (import "env" "absent" (func $absent))
  (import "env" "ask" (func $ask (param i32 i32) (result i32)))
  (memory (export "memory") 2)
  (global $count (mut i32) (i32.const 0))
  (global $top (mut i32) (i32.const 4096))
  (data (i32.const 16) "hello\n\00")
  (func (export "_initialize"))
  (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
  (func (export "same") (param i64) (result i64) (local.get 0))
  (func (export "half") (param f32) (result f32) (f32.mul (local.get 0) (f32.const 0.5)))
  (func (export "next") (result i32)
    (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))
  (func (export "trap") unreachable)
  (func (export "forever") (loop $again (br $again)))
  (func $deeper (export "deeper") (param i32) (result i32)
    (i32.add (call $deeper (local.get 0)) (local.get 0)))
  (func (export "eat") (loop $again
    (br_if $again (i32.ge_s (memory.grow (i32.const 16)) (i32.const 0)))) unreachable)
  (func (export "leave") (call $exit (i32.const 7)))
  (func (export "absent") (call $absent))
  (func (export "nonsense") (call $nonsense))
  (func (export "random") (result i64)
    (drop (call $random (i32.const 512) (i32.const 8))) (i64.load (i32.const 512)))
  (func (export "shout") (param i32) (loop $again
    (i32.store (i32.const 256) (i32.const 0)) (i32.store (i32.const 260) (i32.const 65536))
    (drop (call $write (i32.const 2) (i32.const 256) (i32.const 1) (i32.const 264)))
    (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
    (br_if $again (local.get 0))) unreachable)
  (func (export "outside") (result i32)
    (call $write (i32.const 1) (i32.const -4) (i32.const 1) (i32.const 264)))
  (func (export "place") (param i32) (result i32)
    (global.get $top) (global.set $top (i32.add (global.get $top) (local.get 0))))
  (func (export "echo") (param i32 i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
            (i64.extend_i32_u (local.get 1))))
  (func (export "text") (result i32) (i32.const 16))
  (func (export "asks") (result i32)
    (drop (call $ask (i32.const 300) (i32.const 304)))
    (i32.load8_u (i32.load (i32.const 300))))
  (func (export "asks_status") (result i32) (call $ask (i32.const 300) (i32.const 304))))"#;

fn limits() -> Limits {
    Limits { memory_bytes: 16 << 20, steps: 30_000_000, ..Limits::default() }
}

fn check_with(
    wat: &str,
    plan: &str,
    limits: Limits,
    cancel: &AtomicBool,
) -> Result<Verdict, Failure> {
    let module = wat::parse_str(wat).expect("the text is a module");
    let plan = Plan::parse(plan, "t.plan.toml").map_err(Failure::Input)?;
    let request = Request {
        plan: Some(&plan),
        name: None,
        missing_imports: None,
        limits,
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel,
    };
    verify(&module, &request)
}

fn run(plan: &str) -> Verdict {
    let verdict = check_with(MODULE, plan, limits(), &AtomicBool::new(false));
    verdict.expect("the plan fits the module")
}

fn faults(plan: &str) -> String {
    match check_with(MODULE, plan, limits(), &AtomicBool::new(false)) {
        Err(Failure::Input(faults)) => faults.iter().map(|fault| format!("{fault}\n")).collect(),
        other => panic!("{other:?}"),
    }
}

fn passes(plan: &str) {
    let verdict = run(plan);
    assert!(verdict.passed, "{}", verdict.render());
}

/// The reason of the last step, which must have failed.
fn fails(plan: &str) -> String {
    let verdict = run(plan);
    assert!(!verdict.passed, "{}", verdict.render());
    verdict.steps.last().and_then(|step| step.reason.clone()).expect("a reason")
}

fn call(export: &str, rest: &str) -> String {
    format!("[[call]]\nexport = \"{export}\"\n{rest}\n")
}

#[test]
fn numbers_come_back_without_loss() {
    passes(&call("add", "args = [2, 3]\nreturns = 5"));
    passes(&call("add", "args = [0xffff_ffff, 0]\nreturns = -1"));
    passes(&call("same", "args = [18446744073709551615]\nreturns = -1"));
    passes(&call("same", "args = [-9223372036854775808]\nreturns = 9223372036854775808"));
    passes(&call("half", "args = [3]\nreturns = 1.5"));
    passes(&call("half", "args = [nan]\nreturns = nan"));
    assert_eq!(fails(&call("add", "args = [2, 3]\nreturns = 6")), "returned 5, 6 was wanted");
}

#[test]
fn instances_live_on_until_a_trap_or_an_exit() {
    let next = |value: i32| call("next", &format!("returns = {value}"));
    let trap = call("trap", "traps = \"unreachable\"");
    let leave = call("leave", "exits = 7");
    passes(&[next(1), next(2), trap, next(1), leave, next(1)].concat());
    passes(&[next(1), call("next", "fresh = true\nreturns = 1")].concat());
}

#[test]
fn endings_that_were_not_wanted() {
    assert!(fails(&call("trap", "")).contains("unreachable"));
    assert_eq!(fails(&call("leave", "")), "exited with 7");
    assert_eq!(fails(&call("leave", "exits = 8")), "exited with 7, 8 was wanted");
    assert_eq!(fails(&call("next", "traps = \"\"")), "returned, a trap was wanted");
    assert!(fails(&call("trap", "traps = \"divide\"")).starts_with("trapped, but \"divide\""));
}

#[test]
fn nothing_runs_or_grows_for_ever() {
    // A wanted trap is not what the step limit is.
    assert_eq!(fails(&call("forever", "traps = \"\"")), "the step limit was reached");
    passes(&call("deeper", "args = [1]\ntraps = \"call stack exhausted\""));
    assert!(fails(&call("eat", "")).ends_with("(the memory limit was reached)"));
}

#[test]
fn imports_that_nobody_supplies_say_their_names() {
    assert!(fails(&call("absent", "")).contains("`env.absent`"));
    assert!(fails(&call("nonsense", "")).contains("`wasi_snapshot_preview1.nonsense`"));
}

#[test]
fn stderr_is_kept_up_to_a_megabyte() {
    let verdict = run(&call("shout", "args = [40]"));
    let stderr = verdict.steps.last().and_then(|step| step.stderr.clone()).expect("stderr");
    assert!(stderr.ends_with("\n[1572864 bytes more were not kept]\n"), "{}", stderr.len());
    assert!(stderr.contains("hello"));
}

#[test]
fn addresses_outside_of_memory_are_refused() {
    passes(&call("outside", "returns = 21"));
}

#[test]
fn verdicts_are_the_same_bytes_every_time() {
    let plan =
        [call("random", ""), call("next", "returns = 2"), call("shout", "args = [3]")].concat();
    assert_eq!(run(&plan).to_json(), run(&plan).to_json());
}

const MEMORY: &str = "[memory]\nallocator = \"place\"\n";

#[test]
fn bytes_go_in_and_come_out() {
    let echo = |arg: &str, back: &str| {
        format!("{MEMORY}{}", call("echo", &format!("args = [{arg}]\nreturns = {back}")))
    };
    passes(&echo("{ string = \"grüß\" }", "{ packed_string = \"grüß\" }"));
    passes(&echo("{ bytes = \"00 ff 7f\" }", "{ packed_bytes = \"00ff7f\" }"));
    passes(&echo("{ string = \"\" }", "{ packed_string = \"\" }"));
    passes(&echo("{ string = \"abc\", pass = \"pointer\" }, 2", "{ packed_string = \"ab\" }"));
    assert_eq!(
        fails(&echo("{ string = \"a\" }", "{ packed_string = \"b\" }")),
        "returned \"a\", \"b\" was wanted"
    );
    passes(&call("text", "returns = { c_string = \"hello\\n\" }"));
    passes(&call("text", "returns = { string_at = \"hell\" }"));
    assert!(
        fails(&call("same", "args = [-1]\nreturns = { packed_string = \"\" }")).contains("outside")
    );
}

#[test]
fn host_functions_write_return_and_call_back() {
    let host = |rest: &str| format!("[[host]]\nmodule = \"env\"\nname = \"ask\"\n{rest}\n");
    let written = "returns = 0\nwrites = [{ at = 0, size_at = 1, string = \"A\" }]";
    passes(&[MEMORY, &call("asks", "returns = 65"), &host(written)].concat());
    passes(&[call("asks_status", "returns = 304"), host("returns = { arg = 1 }")].concat());
    let sum = host("calls = \"add\"");
    passes(&[call("asks_status", "returns = 604"), sum].concat());
    let wrong = host("calls = \"add\"\nargs = [1, { arg = 0 }]\ncall_returns = 5");
    let reason = fails(&[call("asks_status", ""), wrong].concat());
    assert!(reason.contains("`add`, called by `env.ask`, returned 301, 5 was wanted"), "{reason}");
    // The export asks the host, which calls the export, and so on.
    let endless = host("calls = \"asks_status\"\nargs = []");
    assert!(fails(&[call("asks_status", ""), endless].concat()).contains("16 deep"));
}

#[test]
fn plans_that_do_not_fit_the_module() {
    let plan = [
        call("ad", "args = []"),
        call("add", "args = [1]"),
        call("add", "args = [1, 1.5]"),
        call("add", "args = [1, 4294967296]\nreturns = true"),
        call("trap", "returns = 1"),
        call("memory", ""),
        call("echo", "args = [{ string = \"x\" }]"),
        call("add", "args = [{ arg = 0 }, 1]"),
        "[[host]]\nmodule = \"env\"\nname = \"asks\"\n".to_owned(),
        "[[host]]\nmodule = \"env\"\nname = \"ask\"\nwrites = [{ at = 2, u32 = 1 }]\n".to_owned(),
        "[start]\nexits = 0\n".to_owned(),
    ];
    insta::assert_snapshot!(faults(&plan.concat()));
}

#[test]
fn commands_run_once() {
    let command = r#"(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      (func (export "answer") (result i32) (i32.const 42))
      (func (export "_start") (call $exit (i32.const 3))))"#;
    let cancel = AtomicBool::new(false);
    let check = |plan: &str| check_with(command, plan, limits(), &cancel);
    assert!(check("[start]\nexits = 3").expect("a verdict").passed);
    let verdict = check("[start]\nstdout = \"\"").expect("a verdict");
    assert_eq!(
        verdict.steps.last().and_then(|s| s.reason.as_deref()),
        Some("exited with 3, 0 was wanted")
    );
    // Nothing is said of how it ends: it passes, and that is told.
    let verdict = check("").expect("a verdict");
    assert!(verdict.passed);
    let remarks: Vec<_> = verdict.remarks().map(|remark| remark.to_string()).collect();
    assert!(remarks.len() == 1 && remarks[0].contains("the program exited with 3"), "{remarks:?}");
    let Err(Failure::Input(faults)) = check(&call("answer", "returns = 42")) else {
        panic!("a command's export was called from outside");
    };
    insta::assert_snapshot!(faults[0], @r#"
    t.plan.toml:2:10: error: a command's exports cannot be called from outside
      hint: call it from a `[[host]]` function with `calls`, or build with --buildmode c-shared
    "#);
}

#[test]
fn what_is_invalid_fails_though_it_is_never_run() {
    // i64.const in the place of the i32.const of `bad`.
    let mut module =
        wat::parse_str("(module (func (export \"bad\") (result i32) i32.const 77))").unwrap();
    let at = module.iter().rposition(|&byte| byte == 0x41).unwrap();
    module[at] = 0x42;
    let cancel = AtomicBool::new(false);
    let request = Request {
        plan: None,
        name: None,
        missing_imports: None,
        limits: limits(),
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel: &cancel,
    };
    let verdict = verify(&module, &request).expect("a verdict");
    assert!(!verdict.passed);
    assert_eq!(
        (verdict.steps[0].kind, verdict.steps[0].status),
        (StepKind::Validate, Status::Failed)
    );
}

#[test]
fn any_bytes_give_an_answer() {
    let module = wat::parse_str(MODULE).unwrap();
    let cancel = AtomicBool::new(false);
    let small = Limits { memory_bytes: 1 << 20, steps: 10_000, ..Limits::default() };
    let request = Request {
        plan: None,
        name: None,
        missing_imports: None,
        limits: small,
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel: &cancel,
    };
    for cut in 0..module.len() {
        let _ = verify(&module[..cut], &request);
        let mut changed = module.clone();
        changed[cut] = changed[cut].wrapping_add(1 + (cut % 251) as u8);
        let _ = verify(&changed, &request);
    }
}

#[test]
fn an_interruption_ends_an_endless_loop() {
    let cancel = AtomicBool::new(false);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(100));
            cancel.store(true, Ordering::SeqCst);
        });
        let plan = call("forever", "");
        let endless = Limits { steps: u64::MAX, ..limits() };
        let result = check_with(MODULE, &plan, endless, &cancel);
        assert!(matches!(result, Err(Failure::Interrupted)), "{result:?}");
    });
    assert!(begun.elapsed() < Duration::from_secs(20));
}

/// A command and a reactor that call the host before they are done.
const CALLS_THE_HOST: [&str; 2] = [
    r#"(module (import "env" "log" (func $log)) (func (export "_start") (call $log) unreachable))"#,
    r#"(module (import "env" "log" (func $log)) (func (export "_initialize") (call $log) unreachable)
      (func (export "go")))"#,
];

#[test]
fn a_verification_may_stop_at_the_first_call_that_nothing_answers() {
    let cancel = AtomicBool::new(false);
    for module in CALLS_THE_HOST {
        let check = |plan: &str| check_with(module, plan, limits(), &cancel).expect("a verdict");
        for plan in ["", "missing_imports = \"trap\""] {
            let verdict = check(plan);
            let last = verdict.steps.last().expect("a step");
            assert!(
                !verdict.passed
                    && last.reason.as_ref().unwrap().starts_with("trapped: the import `env.log`")
            );
            assert!(last.hint.as_ref().is_some_and(|hint| hint.contains("--missing-imports stop")));
            assert!(verdict.render().contains("\n     hint: supply it"), "{}", verdict.render());
        }
        let verdict = check("missing_imports = \"stop\"");
        let stopped = verdict.steps.last().and_then(|step| step.stopped_at.as_ref());
        assert!(verdict.passed && stopped.is_some_and(|import| import.name == "log"));
        assert!(verdict.render().contains("stopped at the first call of the import `env.log`"));
        assert!(!check("missing_imports = \"refuse\"").passed);

        // What the caller says goes before what the plan says.
        let plan = Plan::parse("missing_imports = \"refuse\"", "t.plan.toml").unwrap();
        let module = wat::parse_str(module).unwrap();
        let request = Request {
            plan: Some(&plan),
            name: None,
            missing_imports: Some(MissingImports::Stop),
            limits: limits(),
            engine: None,
            manifest: None,
            outside: None,
            times: false,
            cancel: &cancel,
        };
        assert!(verify(&module, &request).expect("a verdict").passed);
    }
    let [command, reactor] = CALLS_THE_HOST;
    // A plan that asks for more than can then be known does not pass.
    let stop = |rest: &str| format!("missing_imports = \"stop\"\n{rest}");
    for (module, plan) in [
        (command, stop("[start]\nexits = 0")),
        (command, stop("[start]\nstdout = \"hello\"")),
        (reactor, stop(&call("go", ""))),
    ] {
        let verdict = check_with(module, &plan, limits(), &cancel).expect("a verdict");
        assert!(!verdict.passed, "{plan}: {}", verdict.render());
    }
    assert!(
        check_with(command, &stop("[start]\nstdout = \"\""), limits(), &cancel).unwrap().passed
    );
}

/// Eight bytes for the count, and a trap unless there is a first argument.
const WANTS_A_NAME: &str = r#"(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "START") (drop (call $sizes (i32.const 0) (i32.const 4)))
    (if (i32.eqz (i32.load (i32.const 0))) (then unreachable))))"#;

#[test]
fn programs_have_a_name_and_reactors_have_none() {
    let cancel = AtomicBool::new(false);
    let check = |start: &str, plan: &str| {
        let module = WANTS_A_NAME.replace("START", start);
        check_with(&module, plan, limits(), &cancel).expect("a verdict")
    };
    assert!(check("_start", "").passed);
    assert!(!check("_start", "[world]\nargs = []").passed);
    let verdict = check("_initialize", "");
    let hint = verdict.steps.last().and_then(|step| step.hint.clone()).unwrap_or_default();
    assert!(!verdict.passed && hint.contains("os.Args[0]") && hint.contains("[world]"), "{hint}");
    assert!(check("_initialize", "[world]\nargs = [\"name\"]").passed);
    // Told only where it is the cause.
    let other = WANTS_A_NAME
        .replace("START", "_initialize")
        .replace("(if (i32.eqz", "unreachable (if (i32.eqz");
    let verdict = check_with(&other, "", limits(), &cancel).expect("a verdict");
    assert_eq!(verdict.steps.last().and_then(|step| step.hint.clone()), None);
}
