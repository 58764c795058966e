//! Anything at all from a go command: no panic, every answer is a line of JSON, and what was put is what
//! comes back.
#![no_main]

use gowasm_store::Store;
use libfuzzer_sys::fuzz_target;
use std::io::Cursor;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Some(folder.path())).unwrap();
    let mut said = Vec::new();
    let _ = gowasm_build::cacheprog(&store, Cursor::new(bytes), &mut said, &|_| {});
    for line in said.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let answer: serde_json::Value = serde_json::from_slice(line).expect("a line of JSON");
        if let Some(path) = answer["DiskPath"].as_str() {
            std::fs::metadata(path).expect("a hit's file is there");
        }
    }
    let found = store.verify(&()).unwrap();
    assert!(found.wrong.is_empty(), "{:?}", found.wrong);
});
