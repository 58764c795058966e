//! What Bazel runs and reads: the BUILD files of a user's Go packages, and the actions of the rules. Each
//! action is given all its inputs by name, starts no program but those of the Go SDK it is given, and
//! leaves its outputs or an error.

mod archive;
mod compile;
mod cover;
mod dependency;
mod directives;
mod files;
mod generate;
mod gobuild;
mod image;
mod importcfg;
mod lcov;
mod link;
mod report;
mod sdk;
mod sources;
mod stamp;
mod tags;
mod test;
mod test_run;
mod testmain;
mod verify;
mod vet;
mod worker;

pub use compile::{Compile, compile};
pub use dependency::Dependency;
pub use generate::{Change, Generate, Generated, generate};
pub use gowasm_build::Failure;
pub use image::{Image, image};
pub use lcov::write_lcov;
pub use link::{Link, link};
pub use report::{End, Report};
pub use sources::Source;
pub use tags::{Tags, tags};
pub use test::{CompileTest, compile_test};
pub use test_run::{Environment, PreparedTest, TestRun, prepare};
pub use verify::{Verify, verify};
pub use vet::{Vet, vet};
pub use worker::{Performed, WorkRequest, serve};
