//! Looking after a store: how much is in it, whether it is sound, making it smaller.

mod listing;
mod lock;
mod prune;
mod stat;
mod verify;

pub use prune::{Cleaned, PruneLimits, Pruned};
pub use stat::{Count, Stat};
pub use verify::{Verification, Wrong};

use std::path::Path;

/// Follows maintenance as it goes on.
pub trait Watch: Sync {
    /// Another process holds the lock; this one now waits for it.
    fn blocked(&self, _lock: &Path) {}
    /// So many bytes of so many have been checked.
    fn progress(&self, _done: u64, _total: u64) {}
    fn cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing.
impl Watch for () {}
