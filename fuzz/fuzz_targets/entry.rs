//! Any bytes in the files of a store: no panic, and nothing comes out that was not put in.
#![no_main]

use gowasm_store::{Action, ActionResult, Digest, OutputFile, Store};
use libfuzzer_sys::fuzz_target;
use std::fs;

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, bytes)) = bytes.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Some(folder.path())).unwrap();
    let action = Action::new(["make"]).output("out").encode().unwrap();
    let note = [7; 32];
    let digest = store.put_bytes(b"made").unwrap();
    let output = OutputFile { path: "out".to_owned(), digest, executable: false };
    let kept = ActionResult { outputs: vec![output], ..ActionResult::default() };
    store.put_action(&action.key, &kept).unwrap();
    store.put_note("fuzz", &note, b"text").unwrap();

    // One file has other bytes, or is changed at one place.
    let mut files = Vec::new();
    list(folder.path(), &mut files);
    files.sort();
    let file = &files[usize::from(first) % files.len()];
    let mut text = fs::read(file).unwrap();
    match bytes {
        [at, change] if !text.is_empty() => {
            let length = text.len();
            text[usize::from(*at) % length] ^= change;
        }
        bytes => text = bytes.to_vec(),
    }
    let unchanged = fs::read(file).unwrap() == text;
    fs::write(file, &text).unwrap();

    let Ok(store) = Store::open(Some(folder.path())) else { return };
    if let Some(result) = store.get_action(&action.key) {
        assert_eq!(result, kept);
    }
    assert!(store.get(&digest).is_none_or(|bytes| Digest::of(&bytes) == digest));
    assert!(store.get_note("fuzz", &note).is_none_or(|text| text == b"text"));
    assert!(!unchanged || store.get_action(&action.key).is_some());
    let _ = store.stat();
    let _ = store.verify(&());
});

fn list(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        match entry.unwrap().path() {
            path if path.is_dir() => list(&path, files),
            path => files.push(path),
        }
    }
}
