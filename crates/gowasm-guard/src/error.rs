//! Why a module gets no guard.

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("not a valid wasm module: {} (at offset {:#x})", .0.message(), .0.offset())]
    Malformed(#[from] wasmparser::BinaryReaderError),
    #[error("the module has no {0}, which every module of Go has")]
    Missing(&'static str),
}
