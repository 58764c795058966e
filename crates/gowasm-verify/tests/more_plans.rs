//! What plans can say beside calls and results: surroundings, memory, host calls, limits.

use gowasm_verify::{Failure, Limits, Plan, Request, Verdict, verify};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

const MODULE: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "env" "log" (func $log (param i32 i64)))
  (memory (export "memory") 2)
  (data (i32.const 16) "sub/a.txt")
  (func (export "_initialize"))
  (func (export "arg_count") (result i32)
    (drop (call $args_sizes (i32.const 100) (i32.const 104))) (i32.load (i32.const 100)))
  (func (export "first_arg") (result i32)
    (drop (call $args (i32.const 100) (i32.const 200))) (i32.load (i32.const 100)))
  (func (export "first_env") (result i32)
    (drop (call $environ (i32.const 100) (i32.const 200))) (i32.load (i32.const 100)))
  (func (export "seconds") (result i64)
    (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 100)))
    (i64.div_u (i64.load (i32.const 100)) (i64.const 1000000000)))
  (func (export "random") (result i64)
    (drop (call $random (i32.const 100) (i32.const 8))) (i64.load (i32.const 100)))
  (func (export "open") (result i32)
    (call $open (i32.const 3) (i32.const 1) (i32.const 16) (i32.const 9) (i32.const 0)
      (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 100)))
  (func (export "content") (result i32)
    (i32.store (i32.const 108) (i32.const 300)) (i32.store (i32.const 112) (i32.const 50))
    (drop (call $read (i32.load (i32.const 100)) (i32.const 108) (i32.const 1) (i32.const 116)))
    (i32.const 300))
  (func (export "logs") (param i32) (call $log (local.get 0) (i64.const -1)) (call $log (i32.const 9) (i64.const 1)))
  (func (export "buffer") (result i32) (i32.const 4096))
  (func (export "sum") (param i32) (result i32)
    (i32.add (i32.load (local.get 0)) (i32.load (i32.add (local.get 0) (i32.const 4)))))
  (func (export "double") (param i32)
    (i32.store (local.get 0) (i32.mul (i32.load (local.get 0)) (i32.const 2))))
  (func (export "third") (result f64) (f64.div (f64.const 1) (f64.const 3)))
  (func (export "nan") (result f32) (f32.reinterpret_i32 (i32.const 0x7fc00001)))
  (func (export "same") (param f64) (result f64) (local.get 0))
  (func (export "forever") (loop $again (br $again)))
  (func (export "grow") (result i32) (memory.grow (i32.const 100)))
  (func (export "trap") unreachable))"#;

fn run(plan: &str) -> Result<Verdict, Failure> {
    let module = wat::parse_str(MODULE).expect("the text is a module");
    let plan = Plan::parse(plan, "t.plan.toml").map_err(Failure::Input)?;
    verify(
        &module,
        &Request {
            plan: Some(&plan),
            name: None,
            missing_imports: None,
            limits: Limits { memory_bytes: 64 << 20, steps: 10_000_000_000, ..Limits::default() },
            engine: None,
            manifest: None,
            outside: None,
            times: false,
            cancel: &AtomicBool::new(false),
        },
    )
}

fn passes(plan: &str) {
    let verdict = run(plan).expect("the plan fits the module");
    assert!(verdict.passed, "{}", verdict.render());
}

/// The reason of the only step that failed.
fn fails(plan: &str) -> String {
    let verdict = run(plan).expect("the plan fits the module");
    let reasons: Vec<_> = verdict.failures().filter_map(|step| step.reason.clone()).collect();
    assert_eq!(reasons.len(), 1, "{}", verdict.render());
    reasons.into_iter().next().unwrap_or_default()
}

#[test]
fn nothing_is_there_but_what_the_plan_gives() {
    passes(
        r#"
        [world]
        args = ["tool", "-v"]
        env = { MODE = "fast" }
        time = 86400
        [[dir]]
        path = "/data"
        files = { "sub/a.txt" = "inside", "b.bin" = { bytes = "00 ff" } }
        [[call]]
        export = "arg_count"
        returns = 2
        [[call]]
        export = "first_arg"
        returns = { c_string = "tool" }
        [[call]]
        export = "first_env"
        returns = { c_string = "MODE=fast" }
        [[call]]
        export = "seconds"
        returns = 86400
        [[call]]
        export = "open"
        returns = 0
        [[call]]
        export = "content"
        returns = { string_at = "inside" }
        "#,
    );
    passes(
        "[[call]]\nexport = \"arg_count\"\nreturns = 0\n[[call]]\nexport = \"open\"\nreturns = 8",
    );
    // 2026-01-01.
    passes("[[call]]\nexport = \"seconds\"\nreturns = 1767225600");
}

#[test]
fn random_numbers_follow_the_seed() {
    let random = |seed: &str| {
        let plan = format!("{seed}\n[[call]]\nexport = \"random\"");
        let verdict = run(&plan).expect("a verdict");
        verdict.steps.last().and_then(|step| step.returned.clone())
    };
    assert_eq!(random(""), random("[world]\nseed = 0"));
    assert_ne!(random(""), random("[world]\nseed = 1"));
}

#[test]
fn calls_of_host_functions_are_compared() {
    let plan = |calls: &str| {
        format!(
            "[[host]]\nmodule = \"env\"\nname = \"log\"\n[[call]]\nexport = \"logs\"\nargs = [7]\nhost_calls = {calls}"
        )
    };
    passes(&plan("[\"env.log(7, -1)\", \"env.log(9, 1)\"]"));
    assert_eq!(fails(&plan("[]")), "the host call env.log(7, -1) was made as well");
    assert_eq!(
        fails(&plan("[\"env.log(7, -1)\", \"env.log(8, 1)\"]")),
        "host call 2 was env.log(9, 1), env.log(8, 1) was wanted"
    );
    let three = plan("[\"env.log(7, -1)\", \"env.log(9, 1)\", \"env.log(0, 0)\"]");
    assert_eq!(fails(&three), "the host call env.log(0, 0) was not made");
}

#[test]
fn memory_is_written_before_and_read_after() {
    let plan = |wanted: u32| {
        format!(
            r#"
            [[call]]
            export = "buffer"
            save = "buffer"
            [[call]]
            export = "sum"
            args = [{{ saved = "buffer" }}]
            writes = [{{ saved = "buffer", u32 = 40 }}, {{ address = 4100, u32 = 2 }}]
            returns = 42
            [[call]]
            export = "double"
            args = [{{ saved = "buffer" }}]
            reads = [{{ arg = 0, u32 = {wanted} }}, {{ saved = "buffer", bytes = "50 00 00 00" }}]
            "#
        )
    };
    passes(&plan(80));
    let wanted = "at 0x1000 there is bytes 50 00 00 00, bytes 51 00 00 00 was wanted";
    assert_eq!(fails(&plan(81)), wanted);
    passes("[[call]]\nexport = \"buffer\"\nreads = [{ result = true, u32 = 0 }]");
    let outside =
        "[[call]]\nexport = \"trap\"\nwrites = [{ address = 0xffff_fff0, string = \"x\" }]";
    assert!(fails(outside).contains("outside of the module's memory"));
    let gone = "[[call]]\nexport = \"buffer\"\nsave = \"b\"\n[[call]]\nexport = \"trap\"\ntraps = \"\"\n\
                [[call]]\nexport = \"double\"\nargs = [{ saved = \"b\" }]";
    assert!(fails(gone).contains("nothing is saved as `b`"));
}

#[test]
fn floats_by_bits_or_nearly() {
    passes(
        r#"
        [[call]]
        export = "third"
        returns = { near = 0.3333, within = 0.001 }
        [[call]]
        export = "nan"
        returns = { bits = 0x7fc0_0001 }
        [[call]]
        export = "nan"
        returns = nan
        [[call]]
        export = "same"
        args = [{ bits = 0x7ff8_0000_0000_0003 }]
        returns = { bits = 0x7ff8_0000_0000_0003 }
        "#,
    );
    let other = "[[call]]\nexport = \"nan\"\nreturns = { bits = 0x7fc0_0000 }";
    assert_eq!(fails(other), "returned NaN (bits 0x7fc00001), NaN (bits 0x7fc00000) was wanted");
    let far = "[[call]]\nexport = \"third\"\nreturns = { near = 0.3, within = 0.001 }";
    assert_eq!(fails(far), "returned 0.3333333333333333, 0.3 within 0.001 was wanted");
}

#[test]
fn single_calls_have_limits_of_their_own() {
    let forever = |limit: &str| fails(&format!("[[call]]\nexport = \"forever\"\n{limit}"));
    assert_eq!(forever("step_limit = 100000"), "the step limit was reached");
    assert_eq!(forever("time_limit_ms = 1"), "the time limit was reached");
    let grow = |limit: &str, returns: i32| {
        passes(&format!("[[call]]\nexport = \"grow\"\n{limit}\nreturns = {returns}"));
    };
    grow("", 2);
    grow("memory_limit = 200000", -1);
}

/// The keys that the reader names when it is given one that it does not know.
fn known_keys(table: &str) -> BTreeSet<String> {
    let faults = Plan::parse(&format!("{table}\nqqqqqqqqqqqqqqqqqqqqqqq = 1"), "t.plan.toml");
    let faults = faults.expect_err("an unknown key");
    let hint = faults.iter().find_map(|fault| {
        let unknown = fault.message.contains("has no key `qqqq");
        fault.hint.as_ref().filter(|_| unknown)
    });
    let names = hint.expect("a hint").split('`').skip(1).step_by(2);
    names.map(str::to_owned).collect()
}

#[test]
fn the_schema_has_the_keys_of_the_reader() {
    let text = include_str!("../../../docs/schema/plan.schema.json");
    let schema: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let keys = |schema: &serde_json::Value| -> BTreeSet<String> {
        schema["properties"].as_object().expect("properties").keys().cloned().collect()
    };
    assert_eq!(known_keys(""), keys(&schema));
    for (table, place) in [
        ("[memory]", &schema["properties"]["memory"]),
        ("[world]", &schema["properties"]["world"]),
        ("[js]", &schema["properties"]["js"]),
        ("[[dir]]", &schema["$defs"]["dir"]),
        ("[start]", &schema["$defs"]["start"]),
        ("[[call]]", &schema["$defs"]["call"]),
        ("[[host]]", &schema["$defs"]["host"]),
    ] {
        assert_eq!(known_keys(table), keys(place), "{table}");
    }
    let inner = |key: &str| {
        let text = format!("[[call]]\nexport = \"f\"\n[[call.{key}]]");
        known_keys(&text)
    };
    assert_eq!(inner("reads"), keys(&schema["$defs"]["look"]));
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let faults = |plan: &str| match run(plan) {
        Err(Failure::Input(faults)) => {
            faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => panic!("{other:?}"),
    };
    insta::assert_snapshot!(
        [
            "[[call]]\nexport = \"double\"\nargs = [{ saved = \"bufer\" }]",
            "[[call]]\nexport = \"trap\"\nsave = \"x\"",
            "[[call]]\nexport = \"third\"\nreads = [{ result = true, u32 = 1 }]",
            "[[call]]\nexport = \"buffer\"\nreads = [{ u32 = 1 }, { result = true, address = 1, u8 = 256 }]",
            "[[call]]\nexport = \"buffer\"\nreturns = { near = 1, within = 1 }",
            "[[call]]\nexport = \"third\"\nreturns = { near = 1 }",
            "[[call]]\nexport = \"third\"\nreturns = { near = 1, within = -1 }",
            "[[call]]\nexport = \"nan\"\nreturns = { bits = 0x1_0000_0000 }",
            "[[dir]]\nfiles = { \"../x\" = \"\", y = 1 }",
            "[world]\nargs = [1]\nenv = { A = 1 }\nclock = 7",
            "[[call]]\nexport = \"trap\"\nstep_limit = 0",
        ]
        .map(faults)
        .join("\n")
    );
}
