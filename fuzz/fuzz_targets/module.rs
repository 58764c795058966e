//! Reads any bytes as a module, gives it a guard and runs it within limits: no panic, no endless loop,
//! no unbounded memory.
#![no_main]

use gowasm_directive::Manifest;
use gowasm_verify::{Limits, Request, verify};
use libfuzzer_sys::fuzz_target;
use std::sync::atomic::AtomicBool;

fuzz_target!(|bytes: &[u8]| {
    let _ = Manifest::from_module(bytes);
    if let Ok(guarded) = gowasm_guard::guard(bytes, gowasm_guard::Guard::Full) {
        // What was a module stays one.
        if wasmparser::validate(bytes).is_ok() {
            wasmparser::validate(&guarded).expect("a guarded module is valid");
        }
    }
    let request = Request {
        plan: None,
        name: None,
        missing_imports: None,
        limits: Limits { memory_bytes: 1 << 20, steps: 10_000, ..Limits::default() },
        engine: None,
        manifest: None,
        outside: None,
        times: false,
        cancel: &AtomicBool::new(false),
    };
    let _ = verify(bytes, &request);
});
