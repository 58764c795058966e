//! Links Go package archives into a WebAssembly module, byte for byte as `go tool link` does.

mod error;
pub mod gosort;
mod importcfg;
mod kind;
mod load;
mod names;
mod options;
mod report;
mod resolve;
pub mod symbols;
pub mod version;

pub use error::Error;
pub use kind::SymKind;
pub use options::{BuildMode, Options};
