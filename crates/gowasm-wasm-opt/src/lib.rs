//! Binaryen's wasm-opt for modules that Go's compiler wrote: within this process, or the arguments
//! for a program of that name. It may use the features of wasm that Go emits, and no others, so that
//! whoever runs Go's modules runs these.

#[cfg(feature = "built-in")]
mod built_in;
mod level;
mod memory;

#[cfg(feature = "built-in")]
pub use built_in::optimize;
pub use level::Level;
pub use memory::limit_memory;

use std::ffi::OsString;
use std::path::Path;
use wasmparser::{Parser, Payload};

/// Whether Binaryen is inside this program.
pub const BUILT_IN: bool = cfg!(feature = "built-in");

/// What a program `wasm-opt` is to be called with.
pub fn arguments(level: Level, has_names: bool, module: &Path, output: &Path) -> Vec<OsString> {
    let features = ["sign-ext", "nontrapping-float-to-int", "bulk-memory", "mutable-globals"];
    let mut arguments = vec![OsString::from(format!("-{level}")), "--mvp-features".into()];
    arguments.extend(features.map(|feature| OsString::from(format!("--enable-{feature}"))));
    if has_names {
        arguments.push("--debuginfo".into());
    }
    arguments.extend([module.into(), "--output".into(), output.into()]);
    arguments
}

/// Whether the module names its functions: then the optimised one is to name them as well.
pub fn has_names(module: &[u8]) -> bool {
    Parser::new(0).parse_all(module).map_while(Result::ok).any(
        |payload| matches!(payload, Payload::CustomSection(section) if section.name() == "name"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_where_there_are_names() {
        let arguments = |has_names| {
            arguments(Level::Oz, has_names, Path::new("in.wasm"), Path::new("out.wasm"))
        };
        assert!(arguments(true).contains(&"--debuginfo".into()));
        assert!(!arguments(false).contains(&"--debuginfo".into()));
        let named = wat::parse_str("(module (func $f))").unwrap();
        assert!(has_names(&named));
        assert!(!has_names(&wat::parse_str("(module (func))").unwrap()));
        assert!(!has_names(b"no module"));
    }
}
