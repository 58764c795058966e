//! Links Go package archives into a WebAssembly module, byte for byte as `go tool link` does.

pub mod gosort;
