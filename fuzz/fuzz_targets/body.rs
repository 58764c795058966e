//! Function bodies of any bytes: never a panic, never more bytes.

#![no_main]

use gowasm_shrink::{Shrinker, Stubs};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let mut once = Vec::new();
    let stubs = Stubs::new((0..64).map(|function| (function, 64 + function)).collect());
    let mut shrinker = Shrinker::new(&stubs);
    shrinker.push(body, &mut once);
    assert!(once.len() <= body.len());
});
