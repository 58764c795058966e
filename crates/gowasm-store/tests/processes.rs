//! Many processes at one store, and processes that are killed.

mod common;

use common::{blob, job, open, spawn, wait};
use gowasm_store::{Action, ActionResult, Digest, OutputFile, PruneLimits, Store};
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

const BLOBS: u64 = 60;

/// Does the work of a child process; `false` in a process that is none.
fn worked_as_child() -> bool {
    let Some((job, dir)) = job() else { return false };
    let store = open(&dir);
    match job.split_once(' ').unwrap_or((&job, "")) {
        ("write-and-read", start) => write_and_read(&store, start.parse().unwrap()),
        ("write-until-killed", start) => write_until_killed(&store, start.parse().unwrap()),
        ("lock", _) => {
            let lock = std::fs::File::create(dir.join("lock")).unwrap();
            lock.lock().unwrap();
            std::fs::write(dir.join("locked"), "").unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
        other => panic!("{other:?}"),
    }
    true
}

fn action(seed: u64) -> Action {
    Action::new(["copy"]).input_bytes("in", &seed.to_le_bytes(), false).output("out")
}

fn put(store: &Store, seed: u64) {
    let digest = store.put_bytes(&blob(seed)).unwrap();
    let output = OutputFile { path: "out".into(), digest, executable: false };
    let result = ActionResult { outputs: vec![output], ..ActionResult::default() };
    let put = store.put_action(&action(seed).key().unwrap(), &result);
    // Somebody may have pruned between the two.
    assert!(matches!(put, Ok(()) | Err(gowasm_store::StoreError::MissingBlob { .. })), "{put:?}");
    store.put_note("seed", &[seed as u8; 32], &blob(seed)[..100]).unwrap();
}

/// Whatever is there is right.
fn read(store: &Store, seed: u64) -> bool {
    if let Some(note) = store.get_note("seed", &[seed as u8; 32]) {
        assert_eq!(note, &blob(seed)[..100]);
    }
    let Some(result) = store.get_action(&action(seed).key().unwrap()) else { return false };
    let output = result.output("out").unwrap();
    assert_eq!(output.digest, Digest::of(&blob(seed)));
    let Some(bytes) = store.get(&output.digest) else { return false };
    assert_eq!(bytes, blob(seed));
    true
}

fn write_and_read(store: &Store, start: u64) {
    for step in 0..BLOBS {
        // Each process in another order, so that equal blobs are written at the same time.
        let seed = (start + step * 7) % BLOBS;
        put(store, seed);
        read(store, (seed + 13) % BLOBS);
    }
    assert!(store.take_warnings().is_empty());
}

fn write_until_killed(store: &Store, start: u64) {
    // Killed long before that, unless the test that started it has failed.
    let end = Instant::now() + Duration::from_secs(60);
    for seed in (start..).take_while(|_| Instant::now() < end) {
        put(store, seed % 256);
        std::fs::write(store.dir().with_extension("ready"), "").unwrap();
    }
}

#[test]
fn sixteen_processes_share_a_store() {
    if worked_as_child() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..16)
        .map(|child| {
            spawn(
                "sixteen_processes_share_a_store",
                &format!("write-and-read {}", child * 4),
                dir.path(),
            )
        })
        .collect();
    children.into_iter().for_each(wait);
    let store = open(dir.path());
    assert!((0..BLOBS).all(|seed| read(&store, seed)));
    assert_sound(&store);
    assert_eq!(store.stat().unwrap().blobs.files, BLOBS);
    assert_eq!(store.stat().unwrap().temporary.files, 0);
}

#[test]
fn pruning_under_readers_and_writers_gives_misses_and_nothing_worse() {
    if worked_as_child() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let children: Vec<_> = (0..4)
        .map(|child| {
            spawn(
                "pruning_under_readers_and_writers_gives_misses_and_nothing_worse",
                &format!("write-and-read {}", child * 15),
                dir.path(),
            )
        })
        .collect();
    let store = open(dir.path());
    for _ in 0..60 {
        store.prune(&PruneLimits { max_size: Some(100_000), max_age: None }, &()).unwrap();
        store.clean(&()).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
    children.into_iter().for_each(wait);
    assert_sound(&store);
}

#[test]
fn a_store_is_sound_whenever_its_writer_was_killed() {
    if worked_as_child() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("store");
    // Not a random number: spread over several writes' time, the same on every run.
    for round in 0..25u64 {
        let ready = dir.with_extension("ready");
        let _ = std::fs::remove_file(&ready);
        let mut child = spawn(
            "a_store_is_sound_whenever_its_writer_was_killed",
            &format!("write-until-killed {}", round * 10),
            &dir,
        );
        wait_for(&ready, &mut child);
        std::thread::sleep(Duration::from_micros(round * 1700 % 20_000));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_sound(&open(&dir));
    }
    let store = open(&dir);
    let read = (0..256).filter(|&seed| read(&store, seed)).count();
    assert!(read > 0);
    assert!(store.take_warnings().is_empty());
    assert_leftovers_go(&store, &dir);
}

/// What killed writers left in `tmp/` goes once it is old enough to be nobody's; what somebody is
/// still writing stays.
fn assert_leftovers_go(store: &Store, dir: &Path) {
    let old = filetime::FileTime::from_unix_time(1_000_000_000, 0);
    let leftover = dir.join("tmp/gowasm-leftover");
    let held = dir.join("tmp/gowasm-held");
    let writer = std::fs::File::create(&held).unwrap();
    writer.try_lock().unwrap();
    std::fs::write(&leftover, "half").unwrap();
    filetime::set_file_mtime(&leftover, old).unwrap();
    filetime::set_file_mtime(&held, old).unwrap();
    store.prune(&PruneLimits { max_size: Some(u64::MAX), max_age: None }, &()).unwrap();
    assert!(!leftover.exists());
    assert!(held.exists());
}

fn wait_for(marker: &Path, child: &mut Child) {
    while !marker.exists() {
        assert!(child.try_wait().unwrap().is_none(), "the child ended before it was ready");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn assert_sound(store: &Store) {
    let verification = store.verify(&()).unwrap();
    assert!(verification.wrong.is_empty(), "{:?}", verification.wrong);
    assert!(verification.foreign.is_empty(), "{:?}", verification.foreign);
}

/// Waits once, says so, gives up when told to.
#[test]
fn waiting_for_the_lock_is_said_and_can_be_interrupted() {
    use gowasm_store::{StoreError, Watch};
    use std::sync::atomic::{AtomicUsize, Ordering};
    #[derive(Default)]
    struct Impatient {
        blocked: AtomicUsize,
        asked: AtomicUsize,
    }
    impl Watch for Impatient {
        fn blocked(&self, lock: &Path) {
            assert!(lock.ends_with("lock"));
            self.blocked.fetch_add(1, Ordering::Relaxed);
        }
        fn cancelled(&self) -> bool {
            self.asked.fetch_add(1, Ordering::Relaxed) > 3
        }
    }

    if worked_as_child() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    put(&store, 1);
    let mut holder =
        spawn("waiting_for_the_lock_is_said_and_can_be_interrupted", "lock", dir.path());
    wait_for(&dir.path().join("locked"), &mut holder);
    let impatient = Impatient::default();
    let given_up = store.clean(&impatient);
    assert!(matches!(given_up, Err(StoreError::Interrupted)), "{given_up:?}");
    assert_eq!(impatient.blocked.load(Ordering::Relaxed), 1);
    assert!(read(&store, 1), "builds go on meanwhile");
    holder.kill().unwrap();
    holder.wait().unwrap();
    // A lock does not outlive its process.
    assert!(store.clean(&()).unwrap().removed.files > 0);
}
