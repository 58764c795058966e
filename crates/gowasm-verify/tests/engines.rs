//! Every engine finds the same surroundings and gives the same answers; where one does not, it is told.

use gowasm_verify::{Comparison, Engine, Limits, Outside, Plan, Request, verify_everywhere};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// The Go of the tests: wazero runs in a program that it builds.
fn outside() -> Outside {
    let named = std::env::var_os("GOWASM_TEST_GOS");
    let go = named.as_deref().and_then(|gos| std::env::split_paths(gos).next());
    let mut ask = Command::new(go.unwrap_or_else(|| "go".into()));
    let output = ask.args(["env", "GOROOT"]).output().expect("a go");
    let goroot = PathBuf::from(String::from_utf8(output.stdout).expect("text").trim());
    Outside::new(Some(goroot))
}

fn everywhere(module: &str, plan: &str) -> Comparison {
    let module = wat::parse_str(module).expect("the text is a module");
    let plan = Plan::parse(plan, "t.plan.toml").expect("the plan is sound");
    let request = Request {
        plan: Some(&plan),
        name: None,
        missing_imports: None,
        limits: Limits { memory_bytes: 16 << 20, steps: 100_000_000, ..Limits::default() },
        engine: None,
        manifest: None,
        outside: Some(&outside()),
        times: false,
        cancel: &AtomicBool::new(false),
    };
    let found = verify_everywhere(&module, &request).expect("the plan fits the module");
    let built_in = if cfg!(feature = "wasmtime") { 3 } else { 1 };
    for missing in &found.missing {
        match missing.engine.as_str() {
            "wasmtime" | "winch" => assert_eq!(built_in, 1, "{}", missing.why),
            "node" | "wazero" => println!("skipped: {}: {}", missing.engine, missing.why),
            other => panic!("{other} is not there: {}", missing.why),
        }
    }
    assert_eq!(found.verdicts.len() + found.missing.len(), Engine::ALL.len());
    found
}

const MODULE: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (import "env" "again" (func $again (param i32) (result i32)))
  (import "env" "fill" (func $fill (param i32)))
  (import "env" "nobody" (func $nobody))
  (memory (export "memory") 1)
  (data (i32.const 8) "\10\00\00\00\05\00\00\00hello\n")
  (func (export "same32") (param i32) (result i32) (local.get 0))
  (func (export "same64") (param i64) (result i64) (local.get 0))
  (func (export "half") (param f32) (result f32) (f32.mul (local.get 0) (f32.const 0.5)))
  (func (export "double") (param f64) (result f64) (f64.add (local.get 0) (local.get 0)))
  (func (export "down") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $again (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "hello") (result i32) (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 0)))
  (func (export "random") (result i64) (drop (call $random (i32.const 64) (i32.const 8))) (i64.load (i32.const 64)))
  (func (export "time") (result i64) (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 64))) (i64.load (i32.const 64)))
  (func (export "filled") (result i32) (call $fill (i32.const 128)) (i32.load (i32.const 128)))
  (func (export "leave") (call $exit (i32.const 7)))
  (func (export "alone") (call $nobody))
  (func (export "break") unreachable)
  (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
  (func $deep (export "deep") (param i32) (result i32)
    (if (result i32) (i32.eqz (local.get 0)) (then (i32.const 0))
      (else (i32.add (i32.const 1) (call $deep (i32.sub (local.get 0) (i32.const 1)))))))
  (func (export "forever") (loop $again (br $again))))"#;

const HOSTS: &str = r#"
[[host]]
module = "env"
name = "again"
calls = "down"

[[host]]
module = "env"
name = "fill"
writes = [{ at = 0, bytes = "01 02 03 04" }]
"#;

fn call(export: &str, rest: &str) -> String {
    format!("[[call]]\nexport = {export:?}\n{rest}\n")
}

#[test]
fn all_engines_give_the_same() {
    let plan = [
        HOSTS.to_owned(),
        call("same32", "args = [-2147483648]\nreturns = -2147483648"),
        call("same64", "args = [18446744073709551615]\nreturns = -1"),
        call("half", "args = [5.0]\nreturns = 2.5"),
        call("double", "args = [-0.0]\nreturns = -0.0"),
        call("down", "args = [12]\nreturns = 12"),
        call("hello", "returns = 0\nstdout = \"hello\""),
        // What the seed and the virtual clock give is the same in all of them.
        call("random", ""),
        call("time", ""),
        call("filled", "returns = 67305985\nhost_calls = [\"env.fill(128)\"]"),
        call("leave", "exits = 7"),
        call("alone", "traps = \"the import `env.nobody` was called\""),
        call("break", "traps = \"unreachable\""),
        call("grow", "args = [1000]\nreturns = -1"),
        call("same32", "args = [1]\nreturns = 1\nwrites = [{ address = 200, string = \"bytes\" }]\nreads = [{ address = 200, string = \"bytes\" }]"),
    ]
    .concat();
    let found = everywhere(MODULE, &plan);
    assert!(found.passed, "{}", found.render());
}

/// What verdicts say of an engine is what was linked.
#[test]
fn versions_are_those_of_the_lock_file() {
    let lock = include_str!("../../../Cargo.lock");
    let found = everywhere("(module)", "");
    for verdict in &found.verdicts {
        let name = match verdict.engine.name.as_str() {
            "winch" => "wasmtime",
            "node" | "wazero" => continue,
            name => name,
        };
        let wanted = format!("name = \"{name}\"\nversion = \"{}\"\n", verdict.engine.version);
        assert!(lock.contains(&wanted), "{wanted}");
    }
}

#[test]
fn an_endless_loop_ends_everywhere() {
    let found = everywhere(MODULE, &call("forever", "time_limit_ms = 300"));
    for verdict in &found.verdicts {
        let reason = verdict.steps.last().and_then(|step| step.reason.clone());
        let limits = ["the time limit was reached", "the step limit was reached"];
        assert!(
            reason.is_some_and(|reason| limits.contains(&reason.as_str())),
            "{}",
            verdict.render()
        );
    }
}

/// A stack of 60,000 calls is one of the things in which engines differ.
#[test]
fn where_engines_disagree_it_is_told() {
    let found = everywhere(MODULE, &call("deep", "args = [60000]"));
    let node = found.verdicts.iter().find(|verdict| verdict.engine.name == "node");
    let Some(node) = node else { return };
    assert!(!node.passed);
    let [disagreement] = &found.disagreements[..] else { panic!("{}", found.render()) };
    assert_eq!(disagreement.step, "deep(60000)");
    let gave = |engine: &str| {
        let gave = disagreement.engines.iter().find(|gave| gave.engine == engine);
        gave.map(|gave| gave.gave.as_str()).unwrap_or_default()
    };
    assert_eq!(gave("wasmi"), "returned 60000");
    let limit = "the engine could not go on: Maximum call stack";
    assert!(gave("node").starts_with(limit), "{}", gave("node"));
    assert!(!found.passed && found.render().contains("DISAGREE deep(60000)"));
}

/// What an engine cannot do says nothing of the module: no plan may take it for the trap that it wants.
#[test]
fn limits_of_engines_are_no_traps() {
    let deep = "(module (func $go (export \"go\") (call $go) (call $go)))";
    let found = everywhere(deep, &call("go", "traps = \"\""));
    for verdict in &found.verdicts {
        let last = verdict.steps.last().expect("a step");
        assert!(!verdict.passed && last.trap.is_none(), "{}", verdict.render());
    }
    // Who names the limit wants it.
    let named = everywhere(deep, &call("go", "traps = \"stack\""));
    let wasmi = named.verdicts.iter().find(|verdict| verdict.engine.name == "wasmi");
    assert!(wasmi.expect("wasmi").passed, "{}", named.render());
}
