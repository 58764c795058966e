//! A guard in front of the exports of a Go module for wasip1.
//!
//! Go's runtime answers calls that come before its initialisation, after a trap or after an exit as if
//! nothing had happened. No engine can see the difference, but the module can: one global says where
//! the program stands, and every exported function looks at it first.
//!
//! | state | meaning | a call of an export |
//! | --- | --- | --- |
//! | 0 | neither `_initialize` nor `_start` was called | traps |
//! | 1 | a reactor between two calls | goes through, in state 2 |
//! | even, above 0 | Go code runs, or did when it trapped | traps |
//! | odd, above 1 | Go code that runs in the state below called a function of the host | goes through, in the state above |
//! | `EXITED` | the program called `proc_exit` | traps |
//! | `LOST` | a nested call did not come back, and its host went on | traps |
//!
//! So the state counts how deep host and module call each other, and its lowest bit says whose turn it
//! is. A trap unwinds the stack without running any code: the state stays even, and that is how a later
//! call learns of it. It also stays above what it was before: that is how the Go code further out
//! learns of it when a function of the host swallows the trap and returns. Then Go's stack pointer is
//! that of the code which trapped, so nothing can be answered any more.
//!
//! Functions of the host may call back into the module, so calls of those are led through a wrapper
//! that makes the state odd meanwhile; WASI functions do not call back. What cannot be seen is a host
//! function that throws through all of the module's frames: the state stays odd, as while it ran.

mod error;
mod level;
mod names;
mod read;
mod reason;
mod wrappers;
mod write;

pub use error::Error;
pub use level::Guard;
pub use reason::{REASON, REASON_BYTES, reason_at};

/// For the key of an action: raised whenever a module's guard becomes another one. A test holds it
/// against the bytes.
pub const VERSION: &str = "2";

/// The module with its guard. The bytes may be anything; only what Go's linker or ours writes for
/// wasip1 gets a guard.
pub fn guard(module: &[u8], level: Guard) -> Result<Vec<u8>, Error> {
    if level == Guard::None {
        return Ok(module.to_vec());
    }
    let layout = read::read(module)?;
    let additions = wrappers::additions(&layout, level);
    write::write(module, &layout, &additions)
}
