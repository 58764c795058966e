//! stat, verify, prune and clean.

mod common;

use common::{blob, files, open};
use gowasm_store::{Action, ActionResult, OutputFile, PruneLimits, Store};
use std::fs;
use std::path::Path;
use std::time::Duration;

fn filled(dir: &Path) -> Store {
    let store = open(dir);
    for seed in 1..=4 {
        let digest = store.put_bytes(&blob(seed)).unwrap();
        let output = OutputFile { path: "o".into(), digest, executable: false };
        let result = ActionResult { outputs: vec![output], ..ActionResult::default() };
        store.put_action(&Action::new([seed.to_string()]).key().unwrap(), &result).unwrap();
        store.put_note("inputs", &[seed as u8; 32], b"note").unwrap();
    }
    store
}

fn plant_foreign(dir: &Path) -> Vec<String> {
    let paths = ["readme.txt", "cas/notes", "cas/ab/short", "tmp/other", "fp/inputs/zz", "gc/lock"];
    for path in paths {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "mine").unwrap();
    }
    // A blob's name in the wrong shard is no blob.
    let misplaced = dir.join("cas/ab").join("cd".repeat(32));
    fs::write(&misplaced, "mine").unwrap();
    let mut foreign: Vec<_> = paths.iter().map(|path| dir.join(path)).collect();
    foreign.push(misplaced);
    foreign.iter_mut().filter(|path| path.ends_with("gc/lock")).for_each(|path| {
        path.pop();
    });
    foreign.sort();
    foreign.iter().map(|path| path.display().to_string()).collect()
}

#[test]
fn counts_what_there_is() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let stat = store.stat().unwrap();
    assert_eq!((stat.blobs.files, stat.results.files, stat.notes.files), (4, 4, 4));
    assert_eq!(stat.blobs.bytes, (1..=4).map(|seed| blob(seed).len() as u64).sum::<u64>());
    assert_eq!(stat.total.files, 12);
    assert!(stat.foreign.is_empty());
    assert!(stat.oldest_use.is_some());
}

#[test]
fn foreign_files_are_named_and_never_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let foreign = plant_foreign(dir.path());
    assert_eq!(store.stat().unwrap().foreign, foreign);
    assert_eq!(store.verify(&()).unwrap().foreign, foreign);
    store.prune(&PruneLimits { max_size: Some(0), max_age: Some(Duration::ZERO) }, &()).unwrap();
    let cleaned = store.clean(&()).unwrap();
    assert_eq!(cleaned.foreign, foreign);
    let mine = files(dir.path()).iter().filter(|path| fs::read(path).unwrap() == b"mine").count();
    assert_eq!(mine, foreign.len());
}

#[test]
fn verify_names_and_removes_what_is_wrong_in_each_folder() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    assert_eq!(store.verify(&()).unwrap().checked.files, 12);
    let mut damaged: Vec<_> = ["cas", "ac", "fp"]
        .map(|folder| {
            let path = files(&dir.path().join(folder)).remove(0);
            let mut bytes = fs::read(&path).unwrap();
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            fs::write(&path, bytes).unwrap();
            path.display().to_string()
        })
        .into();
    damaged.sort();
    let verification = store.verify(&()).unwrap();
    assert_eq!(
        verification.wrong.iter().map(|wrong| wrong.path.clone()).collect::<Vec<_>>(),
        damaged
    );
    assert!(verification.wrong.iter().all(|wrong| wrong.removed && !wrong.why.is_empty()));
    assert!(damaged.iter().all(|path| !Path::new(path).exists()));
    assert!(store.verify(&()).unwrap().wrong.is_empty());
}

/// What another program, such as Bazel, keeps in `ac/` is left to it.
#[test]
fn results_without_our_checksum_are_neither_used_nor_removed() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let key = Action::new(["bazel"]).key().unwrap();
    let path = dir.path().join("ac").join(&key.to_string()[..2]).join(key.to_string());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // ActionResult { exit_code: 1 }
    fs::write(&path, [4 << 3, 1]).unwrap();
    assert_eq!(store.get_action(&key), None);
    assert!(store.take_warnings().is_empty());
    let verification = store.verify(&()).unwrap();
    assert_eq!((verification.unsigned, verification.wrong.len()), (1, 0));
    assert!(path.exists());
}

#[test]
fn prunes_the_least_recently_used_first() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let digests: Vec<_> = (1..=4).map(|seed| store.put_bytes(&blob(seed)).unwrap()).collect();
    for (age, path) in [(4, 0), (3, 1), (2, 2), (1, 3)] {
        let hex = digests[path].hex();
        let time = filetime::FileTime::from_unix_time(1_700_000_000 - age * 1000, 0);
        filetime::set_file_mtime(dir.path().join("cas").join(&hex[..2]).join(hex), time).unwrap();
    }
    // Reading counts as use.
    store.get(&digests[0]).unwrap();
    let room = digests[0].size + digests[3].size;
    let pruned = store.prune(&PruneLimits { max_size: Some(room), max_age: None }, &()).unwrap();
    assert_eq!((pruned.removed.files, pruned.kept.files), (2, 2));
    assert_eq!(pruned.kept.bytes, room);
    let left: Vec<_> = digests.iter().map(|digest| store.contains(digest)).collect();
    assert_eq!(left, [true, false, false, true]);

    let by_age = PruneLimits { max_size: None, max_age: Some(Duration::from_secs(3600)) };
    assert_eq!(store.prune(&by_age, &()).unwrap().removed.files, 1);
    assert!(store.contains(&digests[0]));
}

#[test]
fn clean_leaves_an_empty_store_that_works() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(dir.path());
    let cleaned = store.clean(&()).unwrap();
    assert_eq!(cleaned.removed.files, 12);
    assert_eq!(store.stat().unwrap().total.files, 0);
    let names: Vec<_> =
        files(dir.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["CACHEDIR.TAG", "lock", "version"]);
    filled(dir.path());
    assert_eq!(store.stat().unwrap().total.files, 12);
}

#[test]
fn the_folder_may_disappear_between_two_writes() {
    let dir = tempfile::tempdir().unwrap();
    let store = filled(&dir.path().join("store"));
    fs::remove_dir_all(store.dir()).unwrap();
    let digest = store.put_bytes(&blob(9)).unwrap();
    assert_eq!(store.get(&digest), Some(blob(9)));
    assert_eq!(
        store
            .put_file(&store.dir().join("cas").join(&digest.hex()[..2]).join(digest.hex()))
            .unwrap(),
        digest
    );
}
