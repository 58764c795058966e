//! The passes, one a file.

use crate::code::Code;

mod addresses;
mod branches;
pub(crate) mod calls;
mod comparisons;
mod epilogues;
pub(crate) mod nops;
mod tees;
mod wraps;

/// In the order in which they run, after [`nops`] and [`calls`].
pub(crate) const ALL: [fn(&mut Code); 6] =
    [branches::run, comparisons::run, addresses::run, wraps::run, epilogues::run, tees::run];
