//! A cache and an executor that are connected, and what came to light about them since.

use super::client::Client;
use super::error::{Kind, RemoteError};
use crate::{RemoteOptions, Servers};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) struct Connection {
    pub(super) cache: Arc<Client>,
    pub(super) executor: Option<Arc<Client>>,
    pub(super) accept_cached: bool,
    /// The cache failed in a way that makes asking again a waste of time.
    pub(super) down: AtomicBool,
    pub(super) read_only: AtomicBool,
}

/// Without what it holds: credentials are among it.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", &self.cache.server).finish_non_exhaustive()
    }
}

impl Connection {
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
        let accept_cached = options.accept_cached;
        Ok(Connection { cache, executor, accept_cached, down: AtomicBool::new(false), read_only })
    }

    pub(super) fn is_up(&self) -> bool {
        !self.down.load(Ordering::SeqCst)
    }
}

impl Servers {
    /// The connection, if servers are named, and whether it was tried just now.
    pub(super) fn connected(&self) -> (bool, Option<Result<&Arc<Connection>, &RemoteError>>) {
        let Some(url) = self.options.cache_url() else { return (false, None) };
        let mut first = false;
        let connection = self.connection.get_or_init(|| {
            first = true;
            Connection::open(&self.options, url, &self.stop).map(Arc::new)
        });
        (first, Some(connection.as_ref()))
    }
}
