//! The driver: a Go package in, a verified WebAssembly module, its manifest and its verdict out.
//!
//! Go's own tools decide what a package is and compile it. Linking and verifying are actions whose
//! results are kept in the store.

mod bindings;
mod build;
mod cacheprog;
mod check;
mod compile;
mod failure;
mod fingerprint;
mod flags;
mod go_flags;
mod inputs;
mod link;
mod list;
mod mains;
mod manifest;
mod memo;
mod modinfo;
mod outcome;
mod overlay;
mod packages;
mod process;
mod progress;
mod publish;
mod remote;
mod request;
mod script;
mod settings;
mod stamp;
mod toolchain;
mod verify;
mod wasm_opt;

pub use bindings::{Bindings, write as write_bindings};
pub use build::build;
pub use cacheprog::cacheprog;
pub use check::{CheckRequest, check};
pub use compile::{ToolRun, compile, is_compile};
pub use failure::Failure;
pub use go_flags::{
    GoFlag, check_go_flag, check_passed, goflags_setting, output_of_environment, target,
};
pub use gowasm_guard::Guard;
pub use gowasm_link::Size;
pub use gowasm_store::{RemoteOptions, Servers};
pub use gowasm_verify::{Limits, MissingImports};
pub use gowasm_wasm_opt::Level;
pub use list::{List, list};
pub use mains::{MainPackage, main_packages};
pub use outcome::{Outcome, Published, Timing};
pub use progress::{Progress, Silent};
pub use request::{Linker, Request};
pub use script::{Compiled, Engine, Error, Module, module};
pub use settings::Settings;
pub use wasm_opt::{WasmOpt, wasm_opt};
