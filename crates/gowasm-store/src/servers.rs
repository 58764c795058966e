//! The servers behind stores, for as many stores as there are.

use crate::RemoteOptions;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// One connection for all stores that are given it, made by the first that is.
#[derive(Default)]
pub struct Servers {
    pub(crate) options: RemoteOptions,
    #[cfg(feature = "remote")]
    pub(crate) stop: Arc<AtomicBool>,
    #[cfg(feature = "remote")]
    pub(crate) connection:
        std::sync::OnceLock<Result<Arc<crate::remote::Connection>, crate::remote::RemoteError>>,
}

impl Servers {
    /// Once `stop` is set, everything that waits for a server ends.
    #[cfg_attr(not(feature = "remote"), expect(unused_variables, reason = "nothing waits"))]
    pub fn new(options: RemoteOptions, stop: &Arc<AtomicBool>) -> Self {
        Servers {
            options,
            #[cfg(feature = "remote")]
            stop: stop.clone(),
            #[cfg(feature = "remote")]
            connection: std::sync::OnceLock::new(),
        }
    }

    pub fn options(&self) -> &RemoteOptions {
        &self.options
    }
}

/// What they are asked to be, connected or not.
impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.options.fmt(f)
    }
}
