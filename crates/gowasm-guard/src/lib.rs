//! A guard in front of every export of a Go module for wasip1.
//!
//! Go's runtime answers calls that come before its initialisation, after a trap or after an exit as if
//! nothing had happened. No engine can see the difference, but the module can: one global says where
//! the program stands, and every exported function looks at it first.
//!
//! | state | meaning | a call of an export |
//! | --- | --- | --- |
//! | NEW | neither `_initialize` nor `_start` was called | traps |
//! | READY | a reactor between two calls | goes through |
//! | OUTSIDE | Go called a function of the host that is no WASI function | goes through |
//! | INSIDE | Go code runs, or did when it trapped or exited | traps |
//!
//! A trap unwinds all of the stack without running any code, so the state stays INSIDE for ever: that
//! is how a later call learns of it. Functions of the host may call back into the module, so calls of
//! those are led through a wrapper that says OUTSIDE meanwhile; WASI functions never call back. What
//! cannot be seen is a host function that throws instead of returning: the state stays OUTSIDE, and its
//! host knows what it did.

mod error;
mod names;
mod read;
mod wrappers;
mod write;

pub use error::Error;

/// For the key of an action: what a guard is made of changes with it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The module with its guard. The bytes may be anything; only what Go's linker or ours writes for
/// wasip1 gets a guard.
pub fn guard(module: &[u8]) -> Result<Vec<u8>, Error> {
    let layout = read::read(module)?;
    let additions = wrappers::additions(&layout);
    write::write(module, &layout, &additions)
}
