//! Child processes and temporary files, and the end of all of them when a signal arrives.
//!
//! A process may be waiting anywhere when the user wants to stop: in a read, in an open, in a loop of a
//! dependency. So nothing here relies on that wait to look at a flag. What must not outlive the process is
//! written down (`registry`), and `on_signals` ends it and then the process.

mod child;
mod confinement;
mod registry;
mod run;
mod signals;
mod temporary;

pub use child::{Group, output, spawn, spawn_on_terminal};
pub use confinement::Confinement;
pub use run::{Error, Finished, run};
pub use signals::{Publishing, end_all, on_signals, publishing};
pub use temporary::{Registered, removed_at_the_end};
