//! Reads any text as a plan, and holds it against a module: faults are fine, a panic is not.
#![no_main]

use gowasm_verify::{Failure, Limits, Plan, Request, verify};
use libfuzzer_sys::fuzz_target;
use std::sync::atomic::AtomicBool;

/// Exports and imports of every kind that a plan can name.
const MODULE: &[u8] = include_bytes!("../fixture/plan.wasm");

fuzz_target!(|text: &str| {
    let Ok(plan) = Plan::parse(text, "plan.toml") else { return };
    let request = Request {
        plan: Some(&plan),
        name: None,
        missing_imports: None,
        limits: Limits { memory_bytes: 1 << 20, steps: 10_000, ..Limits::default() },
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel: &AtomicBool::new(false),
    };
    if let Err(Failure::Environment(why)) = verify(MODULE, &request) {
        // A file name that this system has not is the only thing it may be at fault for.
        assert!(why.message.contains("files of the plan"), "{why}");
    }
});
