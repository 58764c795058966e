//! Validates a whole module: every function body, in parallel. The engine validates what it runs,
//! when it runs it; this looks at the rest as well, and beside the run.

use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};
use wasmparser::{
    BinaryReaderError, FuncToValidate, FuncValidatorAllocations, FunctionBody, Parser,
    ValidPayload, Validator, ValidatorResources, WasmFeatures,
};

type Body<'m> = (FuncToValidate<ValidatorResources>, FunctionBody<'m>);

/// What WebAssembly 2.0 has, SIMD with it: Go 1.27 emits it with GOEXPERIMENT=simd.
fn features() -> WasmFeatures {
    WasmFeatures::WASM2 | WasmFeatures::TAIL_CALL | WasmFeatures::EXTENDED_CONST
}

/// `Ok(false)` when it was stopped.
pub(crate) fn validate(module: &[u8], stop: &AtomicBool) -> Result<bool, String> {
    let bodies = sections(module).map_err(|error| words(&error))?;
    // The first fault of the file is the one to tell, however the work was shared out.
    let first = bodies
        .into_par_iter()
        .with_min_len(64)
        .map_init(FuncValidatorAllocations::default, |allocations, (function, body)| {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let mut validator = function.into_validator(std::mem::take(allocations));
            let result = validator.validate(&body);
            *allocations = validator.into_allocations();
            result.err()
        })
        .flatten()
        .min_by_key(BinaryReaderError::offset);
    match first {
        Some(error) => Err(words(&error)),
        None => Ok(!stop.load(Ordering::Relaxed)),
    }
}

/// Everything but the bodies, which are handed out.
fn sections(module: &[u8]) -> Result<Vec<Body<'_>>, BinaryReaderError> {
    let mut validator = Validator::new_with_features(features());
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            bodies.push((function, body));
        }
    }
    Ok(bodies)
}

fn words(error: &BinaryReaderError) -> String {
    format!("not a valid wasm module: {} (at offset {:#x})", error.message(), error.offset())
}
