//! The disk store with servers behind it: looked at when the disk has nothing, filled with what was
//! made here. A server that fails costs a warning and time, never a wrong result.

use super::connection::Connection;
use super::error::{Kind, RemoteError};
use crate::{
    ActionKey, ActionResult, Blob, Blobs, Digest, EncodedAction, Judge, RemoteUse, Servers, Store,
    StoreError, Warning,
};
use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// No module and no package archive is larger, nor all outputs of an action.
const LARGEST: u64 = 4 << 30;

/// What became of a server's result.
enum Adopted {
    Kept(ActionResult),
    /// A blob was there when the result was made, and is no longer.
    Gone,
    /// It is not what was asked for.
    Wrong(String),
}

/// The servers of one store, and how it used them.
#[derive(Debug)]
pub(crate) struct Remote {
    connection: Arc<Connection>,
    hits: AtomicU64,
    misses: AtomicU64,
    uploads: AtomicU64,
    executions: AtomicU64,
}

impl Store {
    /// Puts servers behind the disk. One that cannot be used is an error, or with
    /// `--remote-local-fallback` a warning, to the first store that tries.
    pub fn connect(&mut self, servers: &Servers) -> Result<(), StoreError> {
        let fallback = servers.options.local_fallback;
        match servers.connected() {
            (_, None) => {}
            (_, Some(Ok(connection))) => {
                self.remote = Some(Remote {
                    connection: connection.clone(),
                    hits: AtomicU64::default(),
                    misses: AtomicU64::default(),
                    uploads: AtomicU64::default(),
                    executions: AtomicU64::default(),
                });
            }
            (first, Some(Err(error)))
                if fallback && error.kind != Kind::Interrupted && !error.is_usage() =>
            {
                if first {
                    self.warn(Warning::Remote { why: error.to_string() });
                }
            }
            (_, Some(Err(error))) => return Err(error.clone().into()),
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
        self.remote.as_ref().is_some_and(|remote| remote.connection.executor.is_some())
    }

    pub(crate) fn remote_action(&self, key: &ActionKey, judge: &Judge<'_>) -> Option<ActionResult> {
        let remote = self.remote.as_ref()?;
        if !remote.connection.is_up() || !remote.connection.accept_cached {
            return None;
        }
        let fetched =
            remote.connection.cache.look_up(key).map_err(StoreError::from).and_then(|found| {
                let Some(result) = found else { return Ok(None) };
                Ok(match self.adopt(remote, key, result, judge)? {
                    Adopted::Kept(result) => Some(result),
                    Adopted::Gone => None,
                    Adopted::Wrong(why) => {
                        let server = remote.connection.cache.server.clone();
                        self.warn(Warning::Refused { server, action: key.to_string(), why });
                        None
                    }
                })
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

    /// Brings the blobs of a result to the disk, which is harmless: their names prove them. Then the
    /// result, if it is judged to be one.
    fn adopt(
        &self,
        remote: &Remote,
        key: &ActionKey,
        result: ActionResult,
        judge: &Judge<'_>,
    ) -> Result<Adopted, StoreError> {
        let id = key.to_string();
        let wanted: Vec<Digest> = result
            .outputs
            .iter()
            .map(|output| output.digest)
            .filter(|digest| !self.contains(digest))
            .collect();
        let all = wanted.iter().fold(0_u64, |all, digest| all.saturating_add(digest.size));
        if all > LARGEST {
            return Ok(Adopted::Wrong("no outputs are that large".to_owned()));
        }
        let small = remote.connection.cache.fetch_small(&wanted, &id)?;
        for digest in &wanted {
            match small.get(digest) {
                Some(bytes) => drop(self.put_bytes(bytes)?),
                None => match self.fetch_blob(remote, digest, &id) {
                    Err(StoreError::Remote(error)) if error.kind == Kind::NotFound => {
                        return Ok(Adopted::Gone);
                    }
                    fetched => fetched?,
                },
            }
        }
        Ok(match judge(result) {
            Ok(result) => {
                self.put_action(key, &result)?;
                Adopted::Kept(result)
            }
            Err(why) => Adopted::Wrong(why),
        })
    }

    fn fetch_blob(&self, remote: &Remote, digest: &Digest, id: &str) -> Result<(), StoreError> {
        let mut file = self.temporary()?;
        let target = self.layout.blob(&digest.hash);
        {
            let mut writer = BufWriter::new(file.as_file_mut());
            remote.connection.cache.fetch(digest, &mut writer, id)?;
            writer.flush().map_err(|source| StoreError::Write { path: target.clone(), source })?;
        }
        self.commit(file, &target, true)
    }

    /// Gives the server what was made here, as `--remote-upload-local-results` says.
    pub(crate) fn share(&self, action: &EncodedAction, result: &ActionResult) {
        let Some(remote) = &self.remote else { return };
        if !remote.connection.is_up() || remote.connection.read_only.load(Ordering::SeqCst) {
            return;
        }
        let mut blobs: Blobs = self.messages(action);
        for output in &result.outputs {
            let file = self.layout.blob(&output.digest.hash);
            blobs.insert(output.digest, Blob::File(file));
        }
        let id = action.key.to_string();
        let shared = remote.connection.cache.upload(&blobs, &id);
        match shared.and_then(|_| remote.connection.cache.publish(&action.key, result)) {
            Ok(()) => drop(remote.uploads.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                // Who may not write may still read.
                if error.kind == Kind::Denied {
                    remote.connection.read_only.store(true, Ordering::SeqCst);
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
        self.execute_if(action, inputs, &|result| Ok(result))
    }

    /// The same; what the cluster made is judged before it is kept.
    pub fn execute_if(
        &self,
        action: &EncodedAction,
        inputs: Blobs,
        judge: &Judge<'_>,
    ) -> Result<ActionResult, StoreError> {
        let executor = self
            .remote
            .as_ref()
            .and_then(|remote| Some((remote, remote.connection.executor.as_ref()?)));
        let Some((remote, executor)) = executor else { return Err(StoreError::NoExecutor) };
        let mut blobs = self.messages(action);
        for (digest, message) in &action.directories {
            blobs.insert(*digest, Blob::Bytes(message.clone()));
        }
        blobs.extend(inputs);
        let failed = |kind, doing: &str, why: &str| -> Result<ActionResult, StoreError> {
            let doing = format!("{doing} of action {}", action.key);
            Err(executor.error(kind, &doing, why).into())
        };
        let mut look_up_first = remote.connection.accept_cached;
        loop {
            let cache = &remote.connection.cache;
            let result = executor.execute(cache, action, &blobs, look_up_first)?;
            remote.executions.fetch_add(1, Ordering::Relaxed);
            // What failed is told and not kept.
            if result.exit_code != 0 {
                return Ok(result);
            }
            match self.adopt(remote, &action.key, result, judge)? {
                Adopted::Kept(result) => return Ok(result),
                Adopted::Gone if look_up_first => {}
                Adopted::Wrong(why) if look_up_first => {
                    let (server, action) = (executor.server.clone(), action.key.to_string());
                    self.warn(Warning::Refused { server, action, why });
                }
                Adopted::Gone => {
                    return failed(Kind::NotFound, "fetch the outputs", "they are gone");
                }
                Adopted::Wrong(why) => return failed(Kind::Wrong, "use the result", &why),
            }
            // The executor may have found it in a cache. What it makes anew replaces that.
            look_up_first = false;
        }
    }

    fn note_failure(&self, remote: &Remote, error: StoreError) {
        if let StoreError::Remote(error) = &error {
            if error.kind == Kind::Interrupted {
                return;
            }
            if error.is_final() {
                remote.connection.down.store(true, Ordering::SeqCst);
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
