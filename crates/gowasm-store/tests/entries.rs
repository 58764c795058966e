//! What goes in comes out, and nothing else does.

mod common;

use common::{blob, files, open};
use gowasm_store::{
    Action, ActionKey, ActionResult, Digest, OutputFile, Store, StoreError, Warning,
};
use std::fs;
use std::path::{Path, PathBuf};

fn key(text: &str) -> ActionKey {
    Action::new([text]).key().unwrap()
}

fn path_of(store: &Store, folder: &str, hex: &str) -> PathBuf {
    store.dir().join(folder).join(&hex[..2]).join(hex)
}

fn result(store: &Store) -> ActionResult {
    let digest = store.put_bytes(&blob(5)).unwrap();
    let output = OutputFile { path: "out.wasm".into(), digest, executable: false };
    ActionResult {
        outputs: vec![output],
        exit_code: 0,
        stdout: b"o".to_vec(),
        stderr: b"e".to_vec(),
    }
}

#[test]
fn blobs_come_back_from_bytes_and_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store"));
    for seed in [0, 1, 5] {
        let bytes = blob(seed);
        let source = dir.path().join("source");
        fs::write(&source, &bytes).unwrap();
        assert_eq!(store.get(&Digest::of(&bytes)), None);
        let digest = store.put_file(&source).unwrap();
        assert_eq!(digest, Digest::of(&bytes));
        assert_eq!(store.put_bytes(&bytes).unwrap(), digest);
        assert!(store.contains(&digest));
        assert_eq!(store.get(&digest), Some(bytes.clone()));
        // Bazel's disk cache would find it here.
        assert_eq!(fs::read(path_of(&store, "cas", &digest.hex())).unwrap(), bytes);
    }
    let empty = store.put_bytes(b"").unwrap();
    assert_eq!(store.get(&empty), Some(Vec::new()));
    assert!(store.take_warnings().is_empty());
    assert!(files(&store.dir().join("tmp")).is_empty());
    assert!(
        fs::read_to_string(store.dir().join("CACHEDIR.TAG"))
            .unwrap()
            .starts_with("Signature: 8a477f59")
    );
}

#[test]
fn opening_and_asking_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store"));
    assert_eq!(store.get(&Digest::of(b"x")), None);
    assert_eq!(store.get_action(&key("x")), None);
    assert_eq!(store.get_note("inputs", &[1; 32]), None);
    assert_eq!(store.stat().unwrap().total.files, 0);
    assert_eq!(store.clean(&()).unwrap().removed.files, 0);
    assert!(!store.dir().exists());
}

#[test]
fn a_damaged_blob_is_a_miss_a_warning_and_gone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 4] =
        [|b| b[1234] ^= 1, |b| b.truncate(b.len() - 1), |b| b.push(0), |b| b.clear()];
    for damage in damages {
        let mut bytes = blob(5);
        let digest = store.put_bytes(&bytes).unwrap();
        let path = path_of(&store, "cas", &digest.hex());
        damage(&mut bytes);
        fs::write(&path, &bytes).unwrap();
        assert_eq!(store.get(&digest), None);
        let warnings = store.take_warnings();
        assert!(matches!(&warnings[..], [Warning::Wrong { removed: true, .. }]), "{warnings:?}");
        assert!(warnings[0].to_string().contains(&digest.hex()));
        assert!(!path.exists());
    }

    // Nor does one get out to a file, or stay when its bytes are put again.
    let digest = store.put_bytes(&blob(5)).unwrap();
    let path = path_of(&store, "cas", &digest.hex());
    let mut bytes = blob(5);
    bytes[399_999] ^= 128;
    fs::write(&path, &bytes).unwrap();
    let target = dir.path().join("out.wasm");
    fs::write(&target, "before").unwrap();
    assert!(!store.materialize(&digest, &target, false).unwrap());
    assert_eq!(fs::read(&target).unwrap(), b"before");
    store.put_bytes(&blob(5)).unwrap();
    fs::write(&path, &bytes).unwrap();
    store.put_bytes(&blob(5)).unwrap();
    assert_eq!(store.get(&digest), Some(blob(5)));
}

#[test]
fn materializes_whole_files_with_ordinary_rights() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store"));
    let digest = store.put_bytes(&blob(5)).unwrap();
    let target = dir.path().join("out.wasm");
    fs::write(&target, "before").unwrap();
    assert!(store.materialize(&digest, &target, true).unwrap());
    assert_eq!(fs::read(&target).unwrap(), blob(5));
    // A copy: editing it does not touch the store.
    fs::write(&target, "edited").unwrap();
    assert_eq!(store.get(&digest), Some(blob(5)));
    assert!(!store.materialize(&Digest::of(b"absent"), &target, false).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&target) & 0o100, 0o100);
        let ordinary = dir.path().join("ordinary");
        fs::write(&ordinary, "").unwrap();
        let blob = path_of(&store, "cas", &digest.hex());
        assert_eq!(mode(&blob) & 0o777, mode(&ordinary) & 0o777);
    }
    let nowhere = store.materialize(&digest, &dir.path().join("no/such/out"), false).unwrap_err();
    assert!(matches!(nowhere, StoreError::Output { .. }), "{nowhere}");
    // What was begun and given up leaves nothing behind.
    assert!(files(dir.path()).iter().all(|path| !path.to_string_lossy().contains("gowasm-")));
}

#[test]
fn results_come_back_only_with_all_their_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let result = result(&store);
    assert_eq!(store.get_action(&key("a")), None);
    store.put_action(&key("a"), &result).unwrap();
    assert_eq!(store.get_action(&key("a")), Some(result.clone()));
    assert_eq!(store.get_action(&key("b")), None);

    fs::remove_file(path_of(&store, "cas", &result.outputs[0].digest.hex())).unwrap();
    assert_eq!(store.get_action(&key("a")), None);
    let refused = store.put_action(&key("a"), &result).unwrap_err();
    assert!(matches!(refused, StoreError::MissingBlob { .. }), "{refused}");
    assert_eq!(store.verify(&()).unwrap().dangling, 1);
    assert!(store.take_warnings().is_empty());
}

#[test]
fn a_damaged_or_moved_result_is_never_believed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let result = result(&store);
    store.put_action(&key("a"), &result).unwrap();
    let path = path_of(&store, "ac", &key("a").to_string());
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&path, &bad).unwrap();
        assert_eq!(store.get_action(&key("a")), None, "byte {at}");
        fs::write(&path, &good[..at]).unwrap();
        assert_eq!(store.get_action(&key("a")), None, "cut at {at}");
    }
    // A sound result under another action's key.
    let other = path_of(&store, "ac", &key("b").to_string());
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::write(&other, &good).unwrap();
    assert_eq!(store.get_action(&key("b")), None);
    assert!(!other.exists());
    fs::write(&path, &good).unwrap();
    assert_eq!(store.get_action(&key("a")), Some(result));
}

#[test]
fn notes_are_replaced_and_checked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    assert_eq!(store.get_note("inputs", &[7; 32]), None);
    for text in [b"first".to_vec(), Vec::new(), blob(5)] {
        store.put_note("inputs", &[7; 32], &text).unwrap();
        assert_eq!(store.get_note("inputs", &[7; 32]), Some(text));
        assert_eq!(store.get_note("inputs", &[8; 32]), None);
        assert_eq!(store.get_note("outputs", &[7; 32]), None);
    }
    assert!(matches!(store.put_note("../x", &[7; 32], b""), Err(StoreError::NoteKind { .. })));

    store.put_note("inputs", &[7; 32], b"text").unwrap();
    let path = path_of(&store, "fp/inputs", &"07".repeat(32));
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        for bad in [bad, good[..at].to_vec()] {
            fs::write(&path, &bad).unwrap();
            assert_eq!(store.get_note("inputs", &[7; 32]), None);
            assert!(!path.exists());
        }
    }
    assert_eq!(store.take_warnings().len(), 1, "the same trouble is told once");
}

#[test]
fn other_peoples_stores_are_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("version"), "gowasm-store 999\n").unwrap();
    let newer = Store::open(Some(dir.path())).unwrap_err();
    assert!(matches!(&newer, StoreError::Version { found, .. } if found == "999"), "{newer}");
    assert!(newer.hint().unwrap().contains("newer gowasm"));
    fs::write(dir.path().join("version"), "1.2.3").unwrap();
    assert!(matches!(Store::open(Some(dir.path())), Err(StoreError::NotAStore { .. })));
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_link_in_a_blobs_place_is_neither_waited_for_nor_followed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("store"));
    let digest = store.put_bytes(&blob(1)).unwrap();
    let path = path_of(&store, "cas", &digest.hex());
    fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
    assert_eq!(store.get(&digest), None);
    fs::remove_file(&path).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
    assert!(made.success());
    assert_eq!(store.get(&digest), None);
    assert!(matches!(store.take_warnings()[..], [Warning::Unreadable { .. }]));
    assert_eq!(store.stat().unwrap().foreign.len(), 1);
}
