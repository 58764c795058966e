//! What a store does when its server says no: a real one, and between the two a proxy that understands
//! calls and refuses some of them.
#![cfg(unix)]

mod common;
mod server;

use common::SmallDisk;
use gowasm_store::{Action, Blobs, RemoteOptions, Servers, Store};
use gowasm_testbed::{BuildGrid, Interposer, PROPERTIES, Programs, Refusal, Treatment};
use server::{Machine, action, casd, noise, options, servers};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PERMISSION_DENIED: i32 = 7;
const UNAVAILABLE: i32 = 14;

fn unavailable(pause: Option<Duration>) -> Treatment {
    Treatment::Refuse(Refusal { code: UNAVAILABLE, message: "not now", pause })
}

/// Connects, and says how that failed.
fn refused(options: &RemoteOptions) -> gowasm_store::StoreError {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Some(folder.path())).unwrap();
    store.connect(&servers(options)).unwrap_err()
}

#[test]
fn unavailable_three_times_then_works() {
    let Some(casd) = casd() else { return };
    let soon = Some(Duration::from_millis(20));
    let proxy = Interposer::start(casd.port(), move |_, before| match before {
        0..3 => unavailable(soon),
        _ => Treatment::Forward,
    });
    let proxy = proxy.unwrap();
    let machine = Machine::at(&proxy.url());
    machine.makes(b"small");
    assert_eq!(machine.warnings(), "");
    assert_eq!(Machine::at(&proxy.url()).finds().unwrap(), b"small");
    for method in [
        "GetCapabilities",
        "FindMissingBlobs",
        "BatchUpdateBlobs",
        "UpdateActionResult",
        "GetActionResult",
        "BatchReadBlobs",
    ] {
        assert!(proxy.calls(method).len() >= 4, "{method}: {:?}", proxy.calls(method));
    }
    let large = noise(1_000_000);
    let machine = Machine::at(&proxy.url());
    machine.makes(&large);
    assert_eq!(machine.warnings(), "");
    assert!(Machine::at(&proxy.url()).finds().unwrap() == large);
    assert_eq!((proxy.calls("Write").len(), proxy.calls("Read").len()), (4, 4));
}

#[test]
fn the_pause_that_a_server_asks_for_is_kept() {
    let Some(casd) = casd() else { return };
    // Ours would be at most 150 milliseconds.
    let pause = Duration::from_millis(900);
    let proxy = Interposer::start(casd.port(), move |method, before| match (method, before) {
        ("GetActionResult", 0) => unavailable(Some(pause)),
        _ => Treatment::Forward,
    });
    let proxy = proxy.unwrap();
    assert_eq!(Machine::at(&proxy.url()).finds(), None);
    let calls = proxy.calls("GetActionResult");
    assert_eq!(calls.len(), 2);
    assert!(calls[1].at - calls[0].at >= pause, "{calls:?}");
}

#[test]
fn a_pause_beyond_the_timeout_is_not_waited_for() {
    let Some(casd) = casd() else { return };
    let proxy = Interposer::start(casd.port(), |_, _| unavailable(Some(Duration::from_secs(3600))));
    let proxy = proxy.unwrap();
    let short = RemoteOptions { timeout: Duration::from_millis(300), ..options(&proxy.url()) };
    let said = refused(&short).to_string();
    assert!(said.contains(&proxy.url()) && said.contains("UNAVAILABLE: not now"), "{said}");
    assert_eq!(proxy.calls("GetCapabilities").len(), 1);
}

#[test]
fn a_server_that_denies_is_not_asked_again() {
    let Some(casd) = casd() else { return };
    let denied = Refusal { code: PERMISSION_DENIED, message: "not yours", pause: None };
    let deny = |denied_method: &'static str| {
        let proxy =
            Interposer::start(casd.port(), move |method, _| match method == denied_method {
                true => Treatment::Refuse(denied),
                false => Treatment::Forward,
            });
        proxy.unwrap()
    };

    let proxy = deny("GetCapabilities");
    let error = refused(&options(&proxy.url()));
    let expected =
        format!("cannot ask for the capabilities at {}: PERMISSION_DENIED: not yours", proxy.url());
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("--remote-header"));
    assert_eq!(proxy.calls("GetCapabilities").len(), 1);

    let proxy = deny("GetActionResult");
    let machine = Machine::at(&proxy.url());
    assert_eq!(machine.finds(), None);
    let said = machine.warnings();
    let expected = format!(
        "cannot look up action {} at {}: PERMISSION_DENIED: not yours",
        action().key,
        proxy.url()
    );
    assert!(said.contains(&expected), "{said}");
    assert_eq!(machine.finds(), None);
    assert_eq!(machine.warnings(), "");
    assert_eq!(proxy.calls("GetActionResult").len(), 1);

    // Who may not write may still read.
    Machine::at(&casd.url()).makes(b"made by others");
    let proxy = deny("UpdateActionResult");
    let machine = Machine::at(&proxy.url());
    machine.makes(b"made");
    let said = machine.warnings();
    let expected = format!("publish the result of action {} at {}", action().key, proxy.url());
    assert!(said.contains(&expected), "{said}");
    machine.makes(b"made");
    assert_eq!(machine.warnings(), "");
    assert_eq!(proxy.calls("UpdateActionResult").len(), 1);
    assert_eq!(Machine::at(&proxy.url()).finds().unwrap(), b"made by others");
}

#[test]
fn an_interrupted_upload_goes_on_where_it_was() {
    let Some(casd) = casd() else { return };
    let bytes = noise(3_000_000);
    let proxy = Interposer::start(casd.port(), |method, before| match (method, before) {
        ("Write", 0) => Treatment::Interrupt(1_000_000),
        _ => Treatment::Forward,
    });
    let proxy = proxy.unwrap();
    let machine = Machine::at(&proxy.url());
    machine.makes(&bytes);
    assert_eq!(machine.warnings(), "");
    let writes = proxy.calls("Write");
    let offsets: Vec<i64> = writes.iter().filter_map(|call| call.offset).collect();
    assert!(matches!(offsets[..], [0, 1_000_000..3_000_000]), "{offsets:?}");
    assert_eq!(proxy.calls("QueryWriteStatus").len(), 1);
    assert!(Machine::at(&casd.url()).finds().unwrap() == bytes);
}

#[test]
fn blobs_go_compressed_where_the_server_offers_it() {
    let Some(casd) = casd() else { return };
    let proxy = Interposer::start(casd.port(), |method, _| match method {
        "GetCapabilities" | "Read" | "Write" => Treatment::Compress,
        _ => Treatment::Forward,
    });
    let proxy = proxy.unwrap();
    // Some that shrinks a lot, so that one message holds many buffers, and some that does not.
    for bytes in [b"compressible ".repeat(200_000), noise(700_000)] {
        let machine = Machine::at(&proxy.url());
        machine.makes(&bytes);
        assert_eq!(machine.warnings(), "");
        assert!(Machine::at(&casd.url()).finds().unwrap() == bytes, "what the server has");
        assert!(Machine::at(&proxy.url()).finds().unwrap() == bytes);
    }
    assert_eq!((proxy.calls("Write").len(), proxy.calls("Read").len()), (2, 2));
}

#[test]
fn a_read_only_action_cache_is_left_alone() {
    let Ok(programs) = Programs::from_env() else {
        return println!("skipped: remote execution servers are not set up");
    };
    let grid = BuildGrid::start_read_only(&programs).unwrap();
    let proxy = Interposer::start(grid.port(), |_, _| Treatment::Forward).unwrap();
    let machine = Machine::at(&proxy.url());
    assert_eq!(machine.finds(), None);
    machine.makes(b"made");
    assert_eq!(machine.warnings(), "");
    // It says itself that it takes nothing, so nothing is sent.
    for method in ["FindMissingBlobs", "BatchUpdateBlobs", "Write", "UpdateActionResult"] {
        assert_eq!(proxy.calls(method).len(), 0, "{method}");
    }
    assert_eq!(Machine::at(&grid.url()).finds(), None);
}

#[test]
fn a_download_that_the_disk_has_no_room_for_is_a_miss() {
    let Some(casd) = casd() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(scratch.path()) else { return };
    for length in [3_000_000, 200_000] {
        let bytes = noise(length);
        Machine::at(&casd.url()).makes(&bytes);
        let mut store = Store::open(Some(&scratch.path().join("store"))).unwrap();
        store.connect(&servers(&options(&casd.url()))).unwrap();
        let found = store.get_action(&action().key);
        let warnings: String =
            store.take_warnings().iter().map(|warning| format!("{warning}\n")).collect();
        assert_eq!(store.stat().unwrap().temporary.files, 0);
        // What fits is found: a full disk is not held against the server.
        match length {
            200_000 => assert_eq!(store.get(&found.unwrap().outputs[0].digest), Some(bytes)),
            _ => {
                assert!(found.is_none());
                assert!(warnings.contains("No space left on device"), "{warnings}");
                assert!(warnings.contains("fetch blob"), "{warnings}");
            }
        }
    }
}

#[test]
fn a_server_that_sends_a_byte_at_a_time_is_given_up() {
    let Some(casd) = casd() else { return };
    Machine::at(&casd.url()).makes(&noise(600_000));
    let proxy = Interposer::start(casd.port(), |method, _| match method {
        "Read" => Treatment::Trickle(Duration::from_millis(20)),
        _ => Treatment::Forward,
    });
    let proxy = proxy.unwrap();
    let short = RemoteOptions { timeout: Duration::from_secs(1), ..options(&proxy.url()) };
    let machine = Machine::with(&short);
    let began = Instant::now();
    assert_eq!(machine.finds(), None);
    let said = machine.warnings();
    assert!(said.contains("fetch blob") && said.contains("--remote-timeout"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn an_executor_that_goes_to_and_fro_is_given_up() {
    let Some(casd) = casd() else { return };
    let proxy = Interposer::start(casd.port(), |method, _| match method {
        "Execute" | "WaitExecution" => Treatment::Flap(Duration::from_millis(5)),
        _ => Treatment::Forward,
    });
    let proxy = proxy.unwrap();
    let executor = RemoteOptions {
        executor: Some(proxy.url()),
        timeout: Duration::from_millis(300),
        ..options(&proxy.url())
    };
    let began = Instant::now();
    let said = Machine::with(&executor).store.execute(&action(), Blobs::new()).unwrap_err();
    assert!(said.to_string().contains("got no further"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_credential_helper_is_held_to_time_and_length() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("helper");
    let with = |script: &str, timeout: Duration| {
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let credential_helpers = vec![path.display().to_string()];
        RemoteOptions { credential_helpers, timeout, ..options("grpc://127.0.0.1:1") }
    };
    let began = Instant::now();
    let pid = folder.path().join("pid");
    let sleeps = format!("sleep 600 & echo $! > {}; wait", pid.display());
    let said = refused(&with(&sleeps, Duration::from_millis(500))).to_string();
    assert!(said.contains("gave no answer within 500ms (--remote-timeout)"), "{said}");
    // What it started has ended with it.
    let child = std::fs::read_to_string(&pid).unwrap();
    let state =
        || std::fs::read_to_string(format!("/proc/{}/stat", child.trim())).unwrap_or_default();
    let is_gone = || state().is_empty() || state().contains(") Z ");
    while !is_gone() && began.elapsed() < Duration::from_secs(20) {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(is_gone(), "{}", state());
    let minute = Duration::from_secs(60);
    let said = refused(&with("head -c 3000000000 /dev/zero", minute)).to_string();
    assert!(said.contains("answered with more than 1048576 bytes"), "{said}");
    let said = refused(&with("exec >&-; sleep 600", Duration::from_millis(500))).to_string();
    assert!(said.contains("gave no answer within"), "{said}");

    let stop = Arc::new(AtomicBool::new(false));
    let slow = Servers::new(with("sleep 600", minute), &stop);
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(300));
            stop.store(true, Ordering::SeqCst);
        });
        let mut store = Store::open(Some(&folder.path().join("store"))).unwrap();
        store.connect(&slow).unwrap_err()
    });
    assert!(error.to_string().contains("interrupted"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// An action that is in a worker's hands long enough to be lost with it.
fn slow() -> gowasm_store::EncodedAction {
    let script = "sleep 4; echo made > out";
    let action = Action::new(["/bin/sh", "-c", script]).output("out");
    let properties = PROPERTIES.iter().filter_map(|property| property.split_once('='));
    let action = properties.fold(action, |action, (name, value)| action.platform(name, value));
    action.encode().unwrap()
}

/// Kills the only worker while it runs the action; then there is another, or none.
fn lose_the_worker(another: bool) {
    let Ok(programs) = Programs::from_env() else {
        return println!("skipped: remote execution servers are not set up");
    };
    let executor = |grid: &BuildGrid, timeout| RemoteOptions {
        executor: Some(grid.url()),
        timeout,
        ..options(&grid.url())
    };
    let mut grid = BuildGrid::start(&programs, 1).unwrap();
    let timeout = Duration::from_secs(if another { 30 } else { 1 });
    let machine = Machine::with(&executor(&grid, timeout));
    let result = thread::scope(|scope| {
        let running = scope.spawn(|| machine.store.execute(&slow(), Blobs::new()));
        while !grid.lose_busy_worker() {
            assert!(!running.is_finished(), "{:?}", running.join());
            thread::sleep(Duration::from_millis(50));
        }
        if another {
            grid.add_worker().unwrap();
        }
        running.join().unwrap()
    });
    if another {
        let digest = result.unwrap().outputs[0].digest;
        assert_eq!(machine.store.get(&digest).unwrap(), b"made\n");
    } else {
        let said = result.unwrap_err().to_string();
        let expected = format!("cannot execute action {} at {}", slow().key, grid.url());
        assert!(said.contains(&expected) && said.contains("got no further"), "{said}");
    }
}

#[test]
fn another_worker_does_what_a_lost_one_had_in_its_hands() {
    lose_the_worker(true);
}

#[test]
fn an_executor_without_workers_is_waited_for_no_longer_than_patience_lasts() {
    lose_the_worker(false);
}
