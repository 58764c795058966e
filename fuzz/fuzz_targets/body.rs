//! Function bodies of any bytes: never a panic, never more bytes.

#![no_main]

use gowasm_shrink::{Function, Shrinker, Stub, Stubs};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let mut once = Vec::new();
    let stub = |function| Stub { function, stub: 64 + function, resumes: function % 2 == 0 };
    let stubs = Stubs::new((0..64).map(stub));
    let mut shrinker = Shrinker::new(&stubs);
    shrinker.push(body, Some(Function { pc: 0x1000_0000, defer_return: 1 }), &mut once);
    assert!(once.len() <= body.len());
});
