//! `//go:wasmexport` and `//go:wasmimport`: found in Go sources, judged by Go's rules, and held
//! against the module that came out of them.

mod codes;
mod compare;
mod deny;
mod diff;
mod directives;
mod embed;
mod finding;
mod gotype;
pub mod interface;
mod manifest;
mod package;
mod rules;
mod scan;
mod source;
mod spelling;
mod symbols;
mod target;
pub mod wasip1;
mod wasm;

pub use deny::Deny;
pub use diff::{Change, Effect, diff};
pub use directives::{Directives, Export, Function, Import, Parameter};
pub use finding::Finding;
pub use manifest::{
    GoFunction, GoParameter, Manifest, ManifestExport, ManifestImport, ModuleDigest, SCHEMA,
};
pub use package::{GoModule, GoPackage};
pub use scan::{Shown, scan};
pub use source::header;
pub use target::{BuildMode, Goos, Target, UnknownWord};
pub use wasm::{FuncType, WasmType};
