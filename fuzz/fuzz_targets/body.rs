//! Function bodies of any bytes: never a panic, never more bytes.

#![no_main]

use gowasm_shrink::Shrinker;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let mut once = Vec::new();
    let mut shrinker = Shrinker::default();
    shrinker.push(body, &mut once);
    assert!(once.len() <= body.len());
});
