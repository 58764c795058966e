//! Holds our linker against `go tool link`.
//!
//! [`capture`] takes real link inputs from `go build`: the arguments, the environment and the
//! module that Go's linker wrote. [`Case::link_ours`] links the same inputs with ours.
//! [`compare`] says where two modules first differ, in words: section, function, instruction,
//! symbol or table, then the offset and the bytes of both. Nothing is ignored: two modules are
//! the same bytes, or there is a [`Difference`].

mod capture;
mod code;
mod compare;
mod image;
mod module;

pub use capture::{CAPTURE_DIR, Case, Linker, capture, record_link};
pub use compare::{Difference, compare};
