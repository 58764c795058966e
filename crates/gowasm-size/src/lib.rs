//! Where the bytes of a wasm module go: by section, by table of the Go runtime, by package, by function.
//!
//! Every byte of the file is in exactly one [`Item`], so that any sum over items is a sum over bytes.

mod gotables;
mod html;
mod memory;
mod module;
mod names;
mod report;
mod text;

pub use html::html;
pub use module::measure;
pub use report::{By, Change, Item, Report, Row};
pub use text::{changes_text, text};
