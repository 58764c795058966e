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
use wasmparser::{FunctionBody, Parser, Payload, ValType};

/// Whether Binaryen is inside this program.
pub const BUILT_IN: bool = cfg!(feature = "built-in");

/// What the optimised module is to have because the module has it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Has {
    /// Functions have names.
    pub names: bool,
    /// Go 1.27 emits SIMD with GOEXPERIMENT=simd, and whoever runs such a module has it.
    pub simd: bool,
}

/// What a program `wasm-opt` is to be called with.
pub fn arguments(level: Level, has: Has, module: &Path, output: &Path) -> Vec<OsString> {
    let features = ["sign-ext", "nontrapping-float-to-int", "bulk-memory", "mutable-globals"];
    let features = features.into_iter().chain(has.simd.then_some("simd"));
    let mut arguments = vec![OsString::from(format!("-{level}")), "--mvp-features".into()];
    arguments.extend(features.map(|feature| OsString::from(format!("--enable-{feature}"))));
    if has.names {
        arguments.push("--debuginfo".into());
    }
    arguments.extend([module.into(), "--output".into(), output.into()]);
    arguments
}

impl Has {
    pub fn of(module: &[u8]) -> Self {
        let mut has = Has::default();
        let mut simd = Simd::default();
        for payload in Parser::new(0).parse_all(module).map_while(Result::ok) {
            match payload {
                Payload::CustomSection(section) => has.names |= section.name() == "name",
                Payload::CodeSectionEntry(body) if !simd.found => {
                    // What is not well formed has Binaryen's own words.
                    let _ = simd.look(&body, module);
                }
                _ => {}
            }
        }
        Has { simd: simd.found, ..has }
    }
}

/// Of all instructions of SIMD and of no other.
const PREFIX: u8 = 0xfd;

/// Looks for SIMD in the functions of a module.
#[derive(Default)]
struct Simd {
    found: bool,
}

impl Simd {
    fn look(&mut self, body: &FunctionBody<'_>, module: &[u8]) -> wasmparser::Result<()> {
        for local in body.get_locals_reader()? {
            self.found |= local?.1 == ValType::V128;
        }
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() && !self.found {
            let at = operators.original_position() as usize;
            self.found = module.get(at) == Some(&PREFIX);
            operators.read()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_keeps_what_it_has() {
        let arguments = |text: &str| {
            let has = Has::of(&wat::parse_str(text).unwrap());
            arguments(Level::Oz, has, Path::new("in.wasm"), Path::new("out.wasm"))
        };
        assert!(arguments("(module (func $f))").contains(&"--debuginfo".into()));
        assert!(!arguments("(module (func))").contains(&"--debuginfo".into()));
        let simd = OsString::from("--enable-simd");
        for body in ["(local v128)", "nop v128.const i64x2 1 2 drop"] {
            assert!(arguments(&format!("(module (func) (func {body}))")).contains(&simd));
        }
        // The prefix, as a constant's byte.
        assert!(
            !arguments("(module (func i32.const 0x7d drop i64.const -3 drop))").contains(&simd)
        );
        assert_eq!(Has::of(b"no module"), Has::default());
    }
}
