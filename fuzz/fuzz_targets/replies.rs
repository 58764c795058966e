//! A server that answers anything at all: no panic, no hang, and no blob that is not what its digest says.
#![no_main]

mod server;

use gowasm_store::{Action, ActionResult, Blobs, Digest, OutputFile, RemoteOptions, Servers, Store};
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, script)) = bytes.split_first() else { return };
    let url = server::told(script, first & 1 != 0);
    let options = RemoteOptions {
        executor: (first & 2 != 0).then(|| url.clone()),
        cache: Some(url),
        timeout: Duration::from_millis(300),
        retries: u32::from(first >> 2 & 1),
        local_fallback: first & 8 != 0,
        ..RemoteOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Some(folder.path())).unwrap();
    let started = Instant::now();
    let servers = Servers::new(options, &Arc::new(AtomicBool::new(false)));
    if store.connect(&servers).is_ok() {
        converse(&store, first);
    }
    assert_eq!(store.stat().unwrap().temporary.files, 0, "something half-written stays");
    assert!(started.elapsed() < Duration::from_secs(20), "that took {:?}", started.elapsed());
});

fn converse(store: &Store, first: u8) {
    let action = Action::new(["make"]).output("large").output("small").encode().unwrap();
    let result = match first >> 4 & 3 {
        0 => store.get_action(&action.key),
        1 => store.execute(&action, Blobs::new()).ok(),
        _ => {
            let outputs = [("small", server::SMALL), ("large", server::large())];
            let outputs = outputs.map(|(path, bytes)| OutputFile {
                path: path.to_owned(),
                digest: store.put_bytes(bytes).unwrap(),
                executable: false,
            });
            let result = ActionResult { outputs: outputs.to_vec(), ..ActionResult::default() };
            store.keep_action(&action, &result).unwrap();
            Some(result)
        }
    };
    let Some(result) = result.filter(|result| result.exit_code == 0) else { return };
    for output in &result.outputs {
        let bytes = store.get(&output.digest).expect("a result's blobs are here");
        assert_eq!(Digest::of(&bytes), output.digest);
    }
}
