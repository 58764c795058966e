//! What a store does when its server fails: a real buildbox-casd, and between the two a proxy that
//! cuts, refuses or keeps silent. Always the right bytes, or a miss and a message that names the
//! server and what was being done.
#![cfg(unix)]

mod server;

use gowasm_store::{Action, ActionResult, Blobs, Digest, OutputFile, RemoteOptions, Store};
use gowasm_testbed::{Interposer, Treatment};
use server::{Machine, action, casd, noise, options, servers};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What the proxy does to its connections, in the order they come; then it only forwards.
#[derive(Clone, Copy)]
enum Fault {
    None,
    /// Ends the first so many at once.
    Refuse(usize),
    /// Ends the first so many after that number of bytes from the server.
    CutAfter(usize, usize),
    /// Ends the first after that number of bytes from the client.
    CutUploadAfter(usize),
    /// Ends the first after that number of bytes from the server, and all others at once.
    DieAfter(usize),
    /// Passes on little at a time.
    Slow,
    /// Takes bytes and gives none back.
    Silent,
}

struct Proxy {
    port: u16,
    connections: Arc<AtomicUsize>,
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    fn start(to: u16, fault: Fault) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let clients = Arc::new(Mutex::new(Vec::new()));
        let known = clients.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = counter.fetch_add(1, Ordering::SeqCst);
                let (mut up, mut down) = (Flow::FREE, Flow::FREE);
                match fault {
                    Fault::Refuse(count) if number < count => continue,
                    Fault::DieAfter(_) if number > 0 => continue,
                    Fault::CutAfter(count, bytes) if number < count => down.limit = bytes,
                    Fault::DieAfter(bytes) => down.limit = bytes,
                    Fault::CutUploadAfter(bytes) if number == 0 => up.limit = bytes,
                    Fault::Slow => down.slow = true,
                    Fault::Silent => down.silent = true,
                    _ => {}
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                known.lock().unwrap().push(client.try_clone().unwrap());
                let (from, into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || forward(from, into, up));
                thread::spawn(move || forward(server, client, down));
            }
        });
        Proxy { port, connections, clients }
    }

    /// Ends every connection there is.
    fn cut(&self) {
        for client in self.clients.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    fn url(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }
}

/// What becomes of the bytes in one direction.
#[derive(Clone, Copy)]
struct Flow {
    limit: usize,
    silent: bool,
    slow: bool,
}

impl Flow {
    const FREE: Flow = Flow { limit: usize::MAX, silent: false, slow: false };
}

fn forward(mut from: TcpStream, mut to: TcpStream, flow: Flow) {
    let mut buffer = [0; 16 * 1024];
    let mut limit = flow.limit;
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if flow.silent {
            continue;
        }
        if flow.slow {
            thread::sleep(Duration::from_millis(5));
        }
        let allowed = read.min(limit);
        if to.write_all(&buffer[..allowed]).is_err() {
            break;
        }
        limit -= allowed;
        if limit == 0 {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[test]
fn no_server_at_the_start() {
    let url = {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        format!("grpc://127.0.0.1:{}", listener.local_addr().unwrap().port())
    };
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Some(folder.path())).unwrap();
    let mut few = RemoteOptions { retries: 1, ..options(&url) };
    let error = store.connect(&servers(&few)).unwrap_err().to_string();
    assert!(error.contains(&url) && error.contains("capabilities"), "{error}");
    assert!(error.contains("tried 2 times"), "{error}");
    // Allowed to go on without it, it does.
    few.local_fallback = true;
    let without = servers(&few);
    store.connect(&without).unwrap();
    assert!(store.take_warnings()[0].to_string().contains(&url));
    assert!(store.get_action(&action().key).is_none());
    // Nor does another store that shares the connection try it again, or say it again.
    let mut other = Store::open(Some(folder.path())).unwrap();
    other.connect(&without).unwrap();
    assert!(other.take_warnings().is_empty());
}

#[test]
fn a_silent_server_costs_no_more_than_the_timeout() {
    let Some(casd) = casd() else { return };
    let proxy = Proxy::start(casd.port(), Fault::Silent);
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Some(folder.path())).unwrap();
    let short = RemoteOptions { timeout: Duration::from_millis(500), ..options(&proxy.url()) };
    let started = Instant::now();
    let error = store.connect(&servers(&short)).unwrap_err();
    assert!(error.to_string().contains(&proxy.url()), "{error}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn three_refused_connections_are_tried_again() {
    let Some(casd) = casd() else { return };
    let proxy = Proxy::start(casd.port(), Fault::Refuse(3));
    Machine::at(&proxy.url()).makes(b"made");
    assert!(proxy.connections.load(Ordering::SeqCst) >= 4);
    assert_eq!(Machine::at(&casd.url()).finds().unwrap(), b"made");
}

#[test]
fn a_download_that_is_cut_goes_on() {
    let Some(casd) = casd() else { return };
    let bytes = noise(3_000_000);
    Machine::at(&casd.url()).makes(&bytes);
    // In the first message, in the middle, near the end.
    for cut in [30_000, 1_234_567, 2_900_000] {
        let proxy = Proxy::start(casd.port(), Fault::CutAfter(1, cut));
        let machine = Machine::at(&proxy.url());
        assert!(machine.finds().as_deref() == Some(&bytes), "{}", machine.warnings());
        assert_eq!(proxy.connections.load(Ordering::SeqCst), 2, "cut at {cut}");
    }
}

/// Anywhere: in the first handshake, in a message's head, between two messages.
#[test]
fn a_stream_may_be_cut_at_any_byte() {
    let Some(casd) = casd() else { return };
    let bytes = noise(1_000_000);
    Machine::at(&casd.url()).makes(&bytes);
    // Not one after the other but all over, the same on every run.
    let cuts: Vec<usize> = (0..20usize).map(|n| n.wrapping_mul(617_011) % 1_000_000).collect();
    for &cut in &cuts {
        let proxy = Proxy::start(casd.port(), Fault::CutAfter(1, cut));
        let machine = Machine::at(&proxy.url());
        assert!(machine.finds().as_deref() == Some(&bytes), "{cut}: {}", machine.warnings());
    }
    for (number, &cut) in cuts.iter().enumerate() {
        // Content of its own, so that all of it has to be sent.
        let mut bytes = bytes.clone();
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        let proxy = Proxy::start(casd.port(), Fault::CutUploadAfter(cut));
        let machine = Machine::at(&proxy.url());
        machine.makes(&bytes);
        assert_eq!(machine.warnings(), "", "{cut}");
        assert!(Machine::at(&casd.url()).finds() == Some(bytes), "{cut}");
    }
}

fn port_of(url: &str) -> u16 {
    url.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// The client asks for the operation that it knows of; the action is not begun once more.
#[test]
fn an_execution_is_followed_over_a_new_connection() {
    let Some(casd) = casd() else { return };
    let calls = Interposer::start(casd.port(), |_, _| Treatment::Forward).unwrap();
    let proxy = Proxy::start(port_of(&calls.url()), Fault::None);
    let options = RemoteOptions { executor: Some(proxy.url()), ..options(&proxy.url()) };
    let options = RemoteOptions { timeout: Duration::from_secs(30), ..options };
    let machine = Machine::with(&options);
    let folder = tempfile::tempdir().unwrap();
    let (began, end) = (folder.path().join("began"), folder.path().join("end"));
    let script = format!(
        "echo >> '{}'; until [ -e '{}' ]; do sleep 0.05; done; echo made > out",
        began.display(),
        end.display()
    );
    let action = Action::new(["/bin/sh", "-c", &script]).output("out").encode().unwrap();
    let result = thread::scope(|scope| {
        let running = scope.spawn(|| machine.store.execute(&action, Blobs::new()));
        let wait_for = |what: &dyn Fn() -> bool| {
            while !what() {
                assert!(!running.is_finished(), "the execution has ended");
                thread::sleep(Duration::from_millis(10));
            }
        };
        wait_for(&|| began.exists());
        proxy.cut();
        wait_for(&|| !calls.calls("WaitExecution").is_empty());
        std::fs::write(&end, "").unwrap();
        running.join().unwrap()
    });
    assert_eq!(machine.store.get(&result.unwrap().outputs[0].digest).unwrap(), b"made\n");
    assert_eq!(calls.calls("Execute").len(), 1);
    assert_eq!(std::fs::read(&began).unwrap(), b"\n", "it ran more than once");
}

#[test]
fn a_slow_server_is_waited_for_while_it_gets_further() {
    let Some(casd) = casd() else { return };
    // Many messages, each of which takes less than the timeout, and all of which take more.
    let bytes = noise(16_000_000);
    Machine::at(&casd.url()).makes(&bytes);
    let proxy = Proxy::start(casd.port(), Fault::Slow);
    let timeout = Duration::from_secs(3);
    let machine = Machine::with(&RemoteOptions { timeout, ..options(&proxy.url()) });
    let started = Instant::now();
    assert!(machine.finds() == Some(bytes), "{}", machine.warnings());
    assert!(started.elapsed() > timeout, "nothing was slow");
}

#[test]
fn a_server_that_dies_in_the_middle_leaves_nothing_half_written() {
    let Some(casd) = casd() else { return };
    let bytes = noise(3_000_000);
    Machine::at(&casd.url()).makes(&bytes);
    let proxy = Proxy::start(casd.port(), Fault::DieAfter(1_500_000));
    let machine = Machine::with(&RemoteOptions { retries: 2, ..options(&proxy.url()) });
    assert_eq!(machine.finds(), None);
    let said = machine.warnings();
    let expected = format!("cannot fetch blob {} at {}: ", Digest::of(&bytes), proxy.url());
    assert!(said.contains(&expected) && said.contains("tried 3 times"), "{said}");
    let stat = machine.store.stat().unwrap();
    assert_eq!((stat.blobs.files, stat.results.files, stat.temporary.files), (0, 0, 0));
}

#[test]
fn a_server_that_goes_away_is_a_miss_and_a_warning() {
    let Some(casd) = casd() else { return };
    Machine::at(&casd.url()).makes(b"made");
    let machine = Machine::at(&casd.url());
    let url = casd.url();
    drop(casd);
    assert_eq!(machine.finds(), None);
    let warnings = machine.warnings();
    assert!(warnings.contains(&url) && warnings.contains("look up action"), "{warnings}");
    // It is not asked again, and what is made here is still kept here.
    let started = Instant::now();
    machine.makes(b"made");
    assert_eq!(machine.finds().unwrap(), b"made");
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(machine.warnings(), "");
}

#[test]
fn a_damaged_or_evicted_blob_is_a_miss() {
    let Some(casd) = casd() else { return };
    for length in [1000, 600_000] {
        let bytes = noise(length);
        Machine::at(&casd.url()).makes(&bytes);
        let blob = casd.blob(&Digest::of(&bytes).hex());
        let mut damaged = bytes.clone();
        damaged[length / 2] ^= 1;
        std::fs::remove_file(&blob).unwrap();
        std::fs::write(&blob, &damaged).unwrap();
        let machine = Machine::at(&casd.url());
        assert_eq!(machine.finds(), None, "{length}");
        assert!(!machine.store.contains(&Digest::of(&bytes)));

        std::fs::remove_file(&blob).unwrap();
        let machine = Machine::at(&casd.url());
        assert_eq!(machine.finds(), None, "{length}");
        // Made anew, it is there for all again.
        machine.makes(&bytes);
        assert!(Machine::at(&casd.url()).finds().unwrap() == bytes);
    }
}

#[test]
fn headers_stay_out_of_messages() {
    let Some(casd) = casd() else { return };
    let secret = "hunter2hunter2";
    let options = RemoteOptions {
        headers: vec![("authorization".to_owned(), format!("Bearer {secret}"))],
        instance_name: format!("no-{secret}-such-instance"),
        ..options(&casd.url())
    };
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Some(folder.path())).unwrap();
    let connected = store.connect(&servers(&options));
    // The server repeats the name of the instance, which for once is the secret.
    let said = match connected {
        Err(error) => error.to_string(),
        Ok(()) => {
            store.get_action(&action().key);
            format!("{:?}", store.take_warnings())
        }
    };
    assert!(!said.contains(secret) && !format!("{options:?}").contains("Bearer"), "{said}");
    assert!(said.contains("[secret]"), "{said}");
}

/// The high-water mark of this process's memory, in KB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_large_blob_is_streamed() {
    // In a process of its own, whose peak is this test's.
    const JOB: &str = "GOWASM_STORE_TEST_LARGE";
    const SIZE: usize = 60_000_000;
    if let Ok(url) = std::env::var(JOB) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let block = noise(1_000_000);
        for number in 0..SIZE / block.len() {
            let mut block = block.clone();
            block[..8].copy_from_slice(&number.to_le_bytes());
            file.as_file().write_all(&block).unwrap();
        }
        let machine = Machine::at(&url);
        let digest = machine.store.put_file(file.path()).unwrap();
        let output = OutputFile { path: "out".to_owned(), digest, executable: false };
        let result = ActionResult { outputs: vec![output], ..ActionResult::default() };
        machine.store.keep_action(&action(), &result).unwrap();
        assert_eq!(machine.warnings(), "");
        let other = Machine::at(&url);
        let found = other.store.get_action(&action().key).unwrap();
        assert!(other.store.path_of(&found.outputs[0].digest).is_some());
        assert!(peak() < 40_000, "{} KB for a blob of {SIZE} bytes", peak());
        return;
    }
    let Some(casd) = casd() else { return };
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "a_large_blob_is_streamed", "--nocapture"]).env(JOB, casd.url());
    let output = child.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn nothing_in_between_changes_nothing() {
    let Some(casd) = casd() else { return };
    let proxy = Proxy::start(casd.port(), Fault::None);
    Machine::at(&proxy.url()).makes(b"made");
    assert_eq!(Machine::at(&proxy.url()).finds().unwrap(), b"made");
}
