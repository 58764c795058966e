//! Typed bindings: a Rust file by which a host calls a module's exports and supplies its imports.
//!
//! The two engines have nearly the same interface, so one text serves both; what differs is in
//! `engine.rs`. Functions go by the manifest: what Go calls `string` is bytes here, placed by the
//! module's own allocator, and numbers keep their sign.

mod engine;
mod function;
mod inside;
mod write;

use function::{Export, Import};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Manifest};
use std::path::Path;

/// What the host runs the module with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Crates `wasmi` 2 and, for WASI, `wasmi_wasi`.
    Wasmi,
    /// Crates `wasmtime` and `wasmtime-wasi`, whose `p1` has WASI.
    Wasmtime,
}

/// Bindings to write.
pub struct Bindings<'a> {
    pub engine: Engine,
    pub name: &'a str,
    pub manifest: &'a Manifest,
    /// An export that gives memory, and one that takes it back.
    pub allocator: Option<(String, Option<String>)>,
    /// Imports whose host functions call exports.
    pub calling_back: &'a [String],
    /// The module, as the text is to name it: seen from the file that it becomes.
    pub module: &'a Path,
}

/// Everything that the text is written from.
struct Interface<'a> {
    bindings: &'a Bindings<'a>,
    is_command: bool,
    exports: Vec<Export>,
    imports: Vec<Import>,
}

impl Interface<'_> {
    fn calls_back(&self) -> bool {
        self.imports.iter().any(|import| import.calls_back)
    }
}

/// The text of a Rust file.
pub fn write(bindings: &Bindings<'_>) -> Result<String, Diagnostic> {
    let manifest = bindings.manifest;
    let is_command = manifest.build_mode != Some(BuildMode::CShared);
    let imports = function::imports(manifest, bindings.calling_back);
    for name in bindings.calling_back {
        if !imports.iter().any(|import| import.name == *name) {
            let unknown = Diagnostic::error(format!("the module imports no function `{name}`"));
            let names = imports.iter().map(|import| import.name.as_str());
            return Err(match gowasm_verify::nearest(name, names) {
                Some(near) => unknown.hint(format!("did you mean `{near}`?")),
                None => unknown.hint("`gowasm inspect` lists them"),
            });
        }
    }
    // A command's exports can be called only while it runs, by the functions that it imports.
    let unreachable = is_command && bindings.calling_back.is_empty();
    let exports = if unreachable { Vec::new() } else { function::exports(manifest) };
    let with_strings = exports.iter().find(|export| export.takes_bytes());
    match (with_strings, &bindings.allocator) {
        (Some(export), None) => {
            let message =
                format!("`{}` takes a string, and no allocator is known to place it", export.name);
            return Err(Diagnostic::error(message).hint(
                "name the exports in the plan's `[memory]`, or with `.allocator(\"…\", Some(\"…\"))`",
            ));
        }
        (_, Some((allocator, release))) => {
            for name in [Some(allocator), release.as_ref()].into_iter().flatten() {
                let known = manifest.exports.iter().any(|export| export.name == *name);
                if !known && !unreachable {
                    let message =
                        format!("the module has no export `{name}` to place strings with");
                    return Err(Diagnostic::error(message));
                }
            }
        }
        _ => {}
    }
    Ok(write::text(&Interface { bindings, is_command, exports, imports }))
}
