//! The disk store with servers behind it: looked at when the disk has nothing, filled with what was
//! made here. A server that fails costs a warning and time, never a wrong result.

use super::client::Client;
use super::error::{Kind, RemoteError};
use crate::{
    ActionKey, ActionResult, Blob, Blobs, Digest, EncodedAction, RemoteOptions, RemoteUse, Store,
    StoreError, Warning,
};
use std::fmt;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// No module and no package archive is larger.
const LARGEST: u64 = 4 << 30;

pub(crate) struct Remote {
    cache: Arc<Client>,
    executor: Option<Arc<Client>>,
    options: RemoteOptions,
    /// It failed in a way that makes asking again a waste of time.
    down: AtomicBool,
    read_only: AtomicBool,
    hits: AtomicU64,
    misses: AtomicU64,
    uploads: AtomicU64,
    executions: AtomicU64,
}

/// Without what it holds: credentials are among it.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("server", &self.cache.server).finish_non_exhaustive()
    }
}

impl Remote {
    fn open(
        options: &RemoteOptions,
        cache_url: &str,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, RemoteError> {
        let cache = Arc::new(Client::connect(cache_url, options, stop)?);
        let executor = match options.executor_url() {
            Some(url) if url == cache_url => Some(cache.clone()),
            Some(url) => Some(Arc::new(Client::connect(url, options, stop)?)),
            None => None,
        };
        if let Some(executor) = &executor
            && !executor.can_execute()
        {
            let doing = "execute actions";
            return Err(executor.error(Kind::Wrong, doing, "it offers no execution"));
        }
        let read_only = AtomicBool::new(!cache.offers.updates || !options.upload_local_results);
        Ok(Remote {
            cache,
            executor,
            options: options.clone(),
            down: AtomicBool::new(false),
            read_only,
            hits: AtomicU64::default(),
            misses: AtomicU64::default(),
            uploads: AtomicU64::default(),
            executions: AtomicU64::default(),
        })
    }

    fn is_up(&self) -> bool {
        !self.down.load(Ordering::SeqCst)
    }
}

impl Store {
    /// Puts servers behind the disk. One that cannot be used is an error, or with
    /// `--remote-local-fallback` a warning.
    ///
    /// Once `stop` is set, everything that waits for a server ends.
    pub fn connect(
        &mut self,
        options: &RemoteOptions,
        stop: &Arc<AtomicBool>,
    ) -> Result<(), StoreError> {
        let Some(url) = options.cache_url() else { return Ok(()) };
        match Remote::open(options, url, stop) {
            Ok(remote) => self.remote = Some(remote),
            Err(error)
                if options.local_fallback
                    && error.kind != Kind::Interrupted
                    && !error.is_usage() =>
            {
                self.warn(Warning::Remote { why: error.to_string() });
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// How the servers were used so far; `None` without any.
    pub fn remote_use(&self) -> Option<RemoteUse> {
        let remote = self.remote.as_ref()?;
        Some(RemoteUse {
            hits: remote.hits.load(Ordering::Relaxed),
            misses: remote.misses.load(Ordering::Relaxed),
            uploads: remote.uploads.load(Ordering::Relaxed),
            executions: remote.executions.load(Ordering::Relaxed),
        })
    }

    pub fn executes_remotely(&self) -> bool {
        self.remote.as_ref().is_some_and(|remote| remote.executor.is_some())
    }

    pub(crate) fn remote_action(&self, key: &ActionKey) -> Option<ActionResult> {
        let remote = self.remote.as_ref()?;
        if !remote.is_up() || !remote.options.accept_cached {
            return None;
        }
        let fetched = remote.cache.look_up(key).map_err(StoreError::from).and_then(|found| {
            let Some(result) = found else { return Ok(None) };
            Ok(self.adopt(remote, key, &result)?.then_some(result))
        });
        match fetched {
            Ok(Some(result)) => {
                remote.hits.fetch_add(1, Ordering::Relaxed);
                Some(result)
            }
            Ok(None) => {
                remote.misses.fetch_add(1, Ordering::Relaxed);
                None
            }
            Err(error) => {
                remote.misses.fetch_add(1, Ordering::Relaxed);
                self.note_failure(remote, error);
                None
            }
        }
    }

    /// Brings the blobs of a result to the disk, and then the result. `false`: a blob was there when
    /// the result was made, and is no longer.
    fn adopt(
        &self,
        remote: &Remote,
        key: &ActionKey,
        result: &ActionResult,
    ) -> Result<bool, StoreError> {
        let id = key.to_string();
        let wanted: Vec<Digest> = result
            .outputs
            .iter()
            .map(|output| output.digest)
            .filter(|digest| !self.contains(digest))
            .collect();
        if let Some(digest) = wanted.iter().find(|digest| digest.size > LARGEST) {
            let doing = format!("fetch blob {digest}");
            return Err(remote.cache.error(Kind::Wrong, &doing, "no output is that large").into());
        }
        let small = remote.cache.fetch_small(&wanted, &id)?;
        for digest in &wanted {
            match small.get(digest) {
                Some(bytes) => drop(self.put_bytes(bytes)?),
                None => match self.fetch_blob(remote, digest, &id) {
                    Err(StoreError::Remote(error)) if error.kind == Kind::NotFound => {
                        return Ok(false);
                    }
                    fetched => fetched?,
                },
            }
        }
        self.put_action(key, result)?;
        Ok(true)
    }

    fn fetch_blob(&self, remote: &Remote, digest: &Digest, id: &str) -> Result<(), StoreError> {
        let mut file = self.temporary()?;
        let target = self.layout.blob(&digest.hash);
        {
            let mut writer = BufWriter::new(file.as_file_mut());
            remote.cache.fetch(digest, &mut writer, id)?;
            writer.flush().map_err(|source| StoreError::Write { path: target.clone(), source })?;
        }
        self.commit(file, &target, true)
    }

    /// Gives the server what was made here, as `--remote-upload-local-results` says.
    pub(crate) fn share(&self, action: &EncodedAction, result: &ActionResult) {
        let Some(remote) = &self.remote else { return };
        if !remote.is_up() || remote.read_only.load(Ordering::SeqCst) {
            return;
        }
        let mut blobs: Blobs = self.messages(action);
        for output in &result.outputs {
            let file = self.layout.blob(&output.digest.hash);
            blobs.insert(output.digest, Blob::File(file));
        }
        let id = action.key.to_string();
        let shared = remote.cache.upload(&blobs, &id);
        match shared.and_then(|_| remote.cache.publish(&action.key, result)) {
            Ok(()) => drop(remote.uploads.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                // Who may not write may still read.
                if error.kind == Kind::Denied {
                    remote.read_only.store(true, Ordering::SeqCst);
                    self.warn(Warning::Remote { why: error.to_string() });
                } else {
                    self.note_failure(remote, error.into());
                }
            }
        }
    }

    fn messages(&self, action: &EncodedAction) -> Blobs {
        [&action.action, &action.command]
            .into_iter()
            .map(|message| (Digest::of(message), Blob::Bytes(message.clone())))
            .collect()
    }

    /// Has the cluster run an action; its outputs are on the disk afterwards. `inputs` has every file
    /// of the action's input tree.
    pub fn execute(
        &self,
        action: &EncodedAction,
        inputs: Blobs,
    ) -> Result<ActionResult, StoreError> {
        let executor =
            self.remote.as_ref().and_then(|remote| Some((remote, remote.executor.as_ref()?)));
        let Some((remote, executor)) = executor else { return Err(StoreError::NoExecutor) };
        let mut blobs = self.messages(action);
        for (digest, message) in &action.directories {
            blobs.insert(*digest, Blob::Bytes(message.clone()));
        }
        blobs.extend(inputs);
        let accept = remote.options.accept_cached;
        let result = executor.execute(&remote.cache, action, &blobs, accept)?;
        remote.executions.fetch_add(1, Ordering::Relaxed);
        if result.exit_code == 0 && !self.adopt(remote, &action.key, &result)? {
            let doing = format!("fetch the outputs of action {}", action.key);
            return Err(remote.cache.error(Kind::NotFound, &doing, "they are gone").into());
        }
        Ok(result)
    }

    fn note_failure(&self, remote: &Remote, error: StoreError) {
        if let StoreError::Remote(error) = &error {
            if error.kind == Kind::Interrupted {
                return;
            }
            if error.is_final() {
                remote.down.store(true, Ordering::SeqCst);
            }
        }
        self.warn(Warning::Remote { why: error.to_string() });
    }
}

impl From<RemoteError> for StoreError {
    fn from(error: RemoteError) -> Self {
        StoreError::Remote(Box::new(error))
    }
}
