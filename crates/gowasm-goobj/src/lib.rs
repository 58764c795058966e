//! Go package archives and object files, read in place.
//!
//! An archive is read in two steps: [`Archive::parse`] splits it into members, [`Object::parse`]
//! checks every table of one object file once. After that all accessors are plain slicing: nothing
//! is copied, and nothing can point outside the file. References between symbols name a package
//! and an index; they are resolved (and checked) by the linker.

mod archive;
mod error;
mod file;
mod funcinfo;
mod object;
mod tables;

pub use archive::{Archive, Member, ObjectHeader};
pub use error::Malformed;
pub use file::MappedFile;
pub use funcinfo::{FuncInfo, InlineNode};
pub use object::{Autolib, Fingerprint, MAGIC, Object, Relocs};
pub use tables::{Aux, AuxKind, PackageRef, RefFlag, Reloc, SymFlags, SymRef, SymbolDef};
