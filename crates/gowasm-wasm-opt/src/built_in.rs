//! Binaryen within this process. What it does in C++ may take gigabytes and minutes, and end the
//! process: whoever calls this is a process of its own.

use crate::{Has, Level};
use std::path::Path;
use wasm_opt::{Feature, OptimizationOptions};

/// Reads the module and writes the optimised one.
pub fn optimize(
    level: Level,
    has: Has,
    module: &Path,
    output: &Path,
) -> Result<(), wasm_opt::OptimizationError> {
    let mut options = match level {
        Level::O1 => OptimizationOptions::new_opt_level_1(),
        Level::O2 => OptimizationOptions::new_opt_level_2(),
        Level::O3 => OptimizationOptions::new_opt_level_3(),
        Level::O4 => OptimizationOptions::new_opt_level_4(),
        Level::Os => OptimizationOptions::new_optimize_for_size(),
        Level::Oz => OptimizationOptions::new_optimize_for_size_aggressively(),
    };
    options
        .mvp_features_only()
        .enable_feature(Feature::SignExt)
        .enable_feature(Feature::TruncSat)
        .enable_feature(Feature::BulkMemory)
        .enable_feature(Feature::MutableGlobals);
    if has.simd {
        options.enable_feature(Feature::Simd);
    }
    options.debug_info(has.names).run(module, output)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDS_NOTHING: &str = r#"(module $m (func $same (export "same") (param $x i64) (result i64)
        (i64.add (local.get $x) (i64.const 0))))"#;

    #[test]
    fn what_does_nothing_goes_and_names_stay() {
        let folder = tempfile::tempdir().unwrap();
        let [module, output] = ["in.wasm", "out.wasm"].map(|name| folder.path().join(name));
        std::fs::write(&module, wat::parse_str(ADDS_NOTHING).unwrap()).unwrap();
        for has_names in [true, false] {
            let has = Has { names: has_names, simd: false };
            optimize(Level::Oz, has, &module, &output).unwrap();
            let optimised = std::fs::read(&output).unwrap();
            assert!(optimised.len() < std::fs::read(&module).unwrap().len());
            assert_eq!(Has::of(&optimised), has);
        }
    }

    #[test]
    fn what_is_no_module_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let [module, output] = ["in.wasm", "out.wasm"].map(|name| folder.path().join(name));
        std::fs::write(&module, b"\0asm\x01\0\0\0\x01\x7f").unwrap();
        assert!(optimize(Level::O1, Has::default(), &module, &output).is_err());
        assert!(!output.exists());
    }
}
