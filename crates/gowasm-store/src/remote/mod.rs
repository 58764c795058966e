//! A client of the Remote Execution API, version 2: capabilities, content, action cache, execution.
//!
//! Calls block the thread that makes them; what they wait for runs on a small runtime of its own.
//! Blobs go between the network and files piece by piece, so that a large one needs no memory.

mod bytestream;
mod cas;
mod client;
mod connection;
mod credentials;
mod endpoint;
mod error;
mod execute;
mod layer;
mod results;
mod retry;

pub(crate) use connection::Connection;
pub use error::RemoteError;
pub(crate) use layer::Remote;
