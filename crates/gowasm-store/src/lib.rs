//! Blobs by content and action results by key, on disk, in the layout of Bazel's disk cache, and
//! behind that a server of the Remote Execution API if one is named.
//!
//! Bytes are checked whenever they are read: a wrong blob is a miss and a warning, never a result.
//! Any number of processes may use one store, and each may be killed at any moment.

mod action;
mod blobs;
mod digest;
mod error;
mod layout;
mod maintain;
#[cfg(not(feature = "remote"))]
mod no_remote;
mod notes;
mod options;
mod reapi;
#[cfg(feature = "remote")]
mod remote;
mod results;
mod servers;
mod size;
mod store;
mod temporary;

pub use action::{Action, ActionKey, Blob, Blobs, EncodedAction};
pub use digest::Digest;
pub use error::{StoreError, Warning};
pub use layout::location;
pub use maintain::{Cleaned, Count, PruneLimits, Pruned, Stat, Verification, Watch, Wrong};
pub use options::{RemoteOptions, RemoteUse};
#[cfg(feature = "remote")]
pub use remote::RemoteError;
pub use results::{ActionResult, Judge, OutputFile};
pub use servers::Servers;
pub use size::{parse_age, parse_size, show_size};
pub use store::Store;
