//! Bazel, in a root file system that has it, for tests and measurements of the rules.

mod attributes;
mod beside;
mod binaryen;
mod buildifier;
mod distributed;
pub(crate) mod e2e;
pub(crate) mod forky;
mod generated;
mod large;
mod local;
mod log;
mod machine;
mod monorepo;
mod protoc;
mod published;
pub(crate) mod reference;
pub(crate) mod remote;
mod room;
mod rules_go;
mod testing;

pub(crate) use buildifier::Buildifier;
pub(crate) use machine::{Kit, Machine, Run, copy_checkout};
pub(crate) use monorepo::{Monorepo, Rules};
