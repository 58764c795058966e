//! The passes, one a file.

use crate::code::Code;

mod addresses;
pub(crate) mod branches;
pub(crate) mod calls;
mod comparisons;
mod epilogues;
pub(crate) mod nops;
pub(crate) mod places;
mod tees;
mod wraps;

/// Those that look at nothing but the code, in the order in which they run, after all others.
pub(crate) const ALL: [fn(&mut Code); 5] =
    [comparisons::run, addresses::run, wraps::run, epilogues::run, tees::run];
