//! Folders that cannot be written, and disks that are full: errors in words, and no wrong bytes.
#![cfg(unix)]

mod common;

use common::{SmallDisk, blob, command, job, open, wait};
use gowasm_store::{Digest, StoreError};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

fn use_read_only(dir: &Path) {
    let store = open(dir);
    assert_eq!(store.get(&Digest::of(&blob(1))), Some(blob(1)));
    assert!(store.take_warnings().is_empty(), "reading is all that reading needs");
    let refused = store.put_bytes(&blob(2)).unwrap_err();
    assert!(refused.to_string().starts_with("cannot write to the store at "), "{refused}");
    assert!(refused.hint().unwrap().contains("--store"));
    assert!(store.put_note("inputs", &[1; 32], b"x").is_err());
    assert!(store.clean(&()).is_err());
    // Damaged, and it cannot be removed: still a miss.
    assert_eq!(store.get(&Digest::of(&blob(5))), None);
    assert!(store.take_warnings()[0].to_string().contains("could not be removed"));
}

fn use_unreadable(dir: &Path) {
    let store = open(dir);
    assert_eq!(store.get(&Digest::of(&blob(1))), None);
    assert!(store.take_warnings()[0].to_string().contains("cannot be read (Permission denied"));
    assert!(store.put_bytes(&blob(1)).is_err());
    assert!(matches!(store.stat(), Err(StoreError::Read { .. })));
}

/// Root may write anywhere, so that the child gets another user's rights.
fn run_unprivileged(scratch: &Path, job: &str, store: &Path) {
    let exe = scratch.join("child");
    fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    let mut command =
        command(&exe, "a_read_only_store_is_read_and_says_that_it_cannot_be_written", job, store);
    if is_root() {
        command.uid(65534).gid(65534);
    }
    wait(command.current_dir("/").spawn().unwrap());
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout == b"0\n"
}

fn set_mode_below(dir: &Path, folders: u32, files: u32) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_mode_below(&path, folders, files);
        } else {
            fs::set_permissions(path, fs::Permissions::from_mode(files)).unwrap();
        }
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(folders)).unwrap();
}

#[test]
fn a_read_only_store_is_read_and_says_that_it_cannot_be_written() {
    if let Some((job, dir)) = job() {
        return match job.as_str() {
            "read-only" => use_read_only(&dir),
            _ => use_unreadable(&dir),
        };
    }
    let scratch = tempfile::tempdir().unwrap();
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let dir = scratch.path().join("store");
    let store = open(&dir);
    store.put_bytes(&blob(1)).unwrap();
    let damaged = store.put_bytes(&blob(5)).unwrap();
    fs::write(dir.join("cas").join(&damaged.hex()[..2]).join(damaged.hex()), vec![0; 400_000])
        .unwrap();
    set_mode_below(&dir, 0o555, 0o444);
    run_unprivileged(scratch.path(), "read-only", &dir);
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o000)).unwrap();
    run_unprivileged(scratch.path(), "unreadable", &dir);
    set_mode_below_again(&dir);
}

/// So that the temporary folder can be removed.
fn set_mode_below_again(dir: &Path) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    set_mode_below(dir, 0o755, 0o644);
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_in_words() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = open(&file.join("store")).put_bytes(b"x").unwrap_err();
    assert!(refused.to_string().contains("Not a directory"), "{refused}");
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_half_written() {
    let scratch = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(scratch.path()) else { return };
    let store = open(&scratch.path().join("store"));
    let mut kept = Vec::new();
    let refused = loop {
        match store.put_bytes(&blob(kept.len() as u64 * 5)) {
            Ok(digest) => kept.push(digest),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&refused, StoreError::Write { source, .. } if source.kind() == ErrorKind::StorageFull),
        "{refused:?}"
    );
    assert!(refused.hint().unwrap().contains("gowasm store prune"));
    assert_eq!(kept.len(), 2);
    let source = tempfile::NamedTempFile::new().unwrap();
    fs::write(source.path(), blob(25)).unwrap();
    assert!(matches!(store.put_file(source.path()), Err(StoreError::Write { .. })));
    let output = store.materialize(&kept[1], &scratch.path().join("out"), false);
    assert!(matches!(output, Err(StoreError::Output { .. })), "{output:?}");
    for (seed, digest) in kept.iter().enumerate() {
        assert_eq!(store.get(digest), Some(blob(seed as u64 * 5)));
    }
    let verification = store.verify(&()).unwrap();
    assert!(verification.wrong.is_empty());
    assert_eq!(store.stat().unwrap().temporary.files, 0);
}
