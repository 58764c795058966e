//! Reads any bytes as a manifest and compares it with itself: no panic, and no difference.
#![no_main]

use gowasm_directive::{Manifest, diff};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::parse(bytes) else { return };
    let again = Manifest::parse(manifest.to_json().as_bytes()).expect("what was read can be written");
    assert_eq!(manifest, again);
    let _ = diff(&manifest, &again);
});
