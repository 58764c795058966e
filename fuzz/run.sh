#!/bin/sh
# Runs a fuzz target (a file of fuzz_targets/) with the stable compiler: run.sh TARGET [libFuzzer flags].
# prepare.sh gives it something to begin with.
# The instrumentation is what cargo-fuzz asks for, without the sanitizers that need nightly.
set -eu
cd "$(dirname "$0")"
target=$1
shift
mkdir -p "corpus/$target" artifacts
RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1" \
    cargo build --release --bin "$target" --target "$(rustc -vV | sed -n 's/^host: //p')"
GOWASM_FUZZ_INPUTS="$PWD/inputs" exec \
    "${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n 's/^host: //p')/release/$target" \
    -artifact_prefix=artifacts/ "corpus/$target" "$@"
