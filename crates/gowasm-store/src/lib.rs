//! Blobs by content and action results by key, on disk, in the layout of Bazel's disk cache.
//!
//! Bytes are checked whenever they are read: a wrong blob is a miss and a warning, never a result.
//! Any number of processes may use one store, and each may be killed at any moment.

mod action;
mod blobs;
mod digest;
mod error;
mod layout;
mod maintain;
mod notes;
mod reapi;
mod results;
mod size;
mod store;
mod temporary;

pub use action::{Action, ActionKey, EncodedAction};
pub use digest::Digest;
pub use error::{StoreError, Warning};
pub use layout::location;
pub use maintain::{Cleaned, Count, PruneLimits, Pruned, Stat, Verification, Watch, Wrong};
pub use results::{ActionResult, OutputFile};
pub use size::{parse_age, parse_size, show_size};
pub use store::Store;
