//! The passes, one a file.

pub(crate) mod addresses;
pub(crate) mod epilogues;
pub(crate) mod nops;
pub(crate) mod wraps;
