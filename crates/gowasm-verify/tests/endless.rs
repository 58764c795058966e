//! A module that loops or recurses for ever ends by its limits, and never by our stack.

use gowasm_verify::{Limits, Plan, Request, verify};
use std::sync::atomic::AtomicBool;

const MODULE: &str = r#"(module
  (func (export "forever") (loop $again (br $again)))
  (func $deeper (export "deeper") (param i32) (result i32)
    (i32.add (call $deeper (local.get 0)) (local.get 0))))"#;

#[test]
fn endless_loops_and_recursion_end_by_their_limits() {
    let plan = "[[call]]\nexport = \"forever\"\ntraps = \"\"\n\
                [[call]]\nexport = \"deeper\"\nargs = [1]\ntraps = \"call stack exhausted\"\n";
    let module = wat::parse_str(MODULE).expect("the text is a module");
    let plan = Plan::parse(plan, "t.plan.toml").expect("the plan is sound");
    let request = Request {
        plan: Some(&plan),
        limits: Limits { memory_bytes: 1 << 20, steps: 30_000_000 },
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel: &AtomicBool::new(false),
    };
    let verdict = verify(&module, &request).expect("the plan fits the module");
    let reasons: Vec<_> = verdict.steps.iter().map(|step| step.reason.as_deref()).collect();
    // A wanted trap is not what the step limit is.
    assert_eq!(reasons, [None, None, Some("the step limit was reached"), None]);
}
