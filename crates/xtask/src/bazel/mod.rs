//! Bazel, in a root file system that has it.

pub(crate) mod forky;
