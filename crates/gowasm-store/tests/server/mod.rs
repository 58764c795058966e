//! Machines that share nothing but a server.
#![allow(dead_code, reason = "each test binary uses its part")]

use gowasm_store::{
    Action, ActionResult, EncodedAction, OutputFile, RemoteOptions, Servers, Store,
};
use gowasm_testbed::{Casd, Programs};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) fn casd() -> Option<Casd> {
    match Programs::from_env() {
        Ok(programs) => Some(Casd::start(&programs).unwrap()),
        Err(why) => {
            println!("skipped: remote execution servers: {why:#}");
            None
        }
    }
}

pub(crate) fn options(url: &str) -> RemoteOptions {
    let timeout = Duration::from_secs(5);
    RemoteOptions { cache: Some(url.to_owned()), timeout, ..RemoteOptions::default() }
}

pub(crate) fn servers(options: &RemoteOptions) -> Servers {
    Servers::new(options.clone(), &Arc::new(AtomicBool::new(false)))
}

pub(crate) struct Machine {
    pub(crate) store: Store,
    _folder: TempDir,
}

impl Machine {
    pub(crate) fn at(url: &str) -> Self {
        Self::with(&options(url))
    }

    pub(crate) fn with(options: &RemoteOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(Some(folder.path())).unwrap();
        store.connect(&servers(options)).unwrap();
        Machine { store, _folder: folder }
    }

    pub(crate) fn makes(&self, bytes: &[u8]) {
        let digest = self.store.put_bytes(bytes).unwrap();
        let output = OutputFile { path: "out".to_owned(), digest, executable: false };
        let result = ActionResult { outputs: vec![output], ..ActionResult::default() };
        self.store.keep_action(&action(), &result).unwrap();
    }

    pub(crate) fn finds(&self) -> Option<Vec<u8>> {
        let result = self.store.get_action(&action().key)?;
        self.store.get(&result.outputs[0].digest)
    }

    pub(crate) fn warnings(&self) -> String {
        self.store.take_warnings().iter().map(|warning| format!("{warning}\n")).collect()
    }
}

pub(crate) fn action() -> EncodedAction {
    Action::new(["make", "out"]).output("out").encode().unwrap()
}

/// Bytes that no compression makes small.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}
