//! What a build made.

use gowasm_directive::Target;
use gowasm_store::RemoteUse;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    pub package: String,
    pub target: Target,
    /// Such as `go1.26.8`.
    pub go_version: String,
    /// Who linked.
    pub linker: String,
    pub module: Published,
    pub manifest: Published,
    /// Absent when no verification was asked for.
    pub verdict: Option<Published>,
    /// Nothing had changed since the last build, and Go was not even started.
    pub up_to_date: bool,
    /// The module came out of the store.
    pub link_from_store: bool,
    /// The verdict came out of the store.
    pub verify_from_store: bool,
    /// How often a remote cache and executor helped, if one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<RemoteUse>,
    pub timing: Timing,
    /// The user's files and folders that the module depends on, where all of them are known.
    #[serde(skip)]
    pub inputs: Option<Vec<PathBuf>>,
}

/// One of a build's files.
#[derive(Debug, Clone, Serialize)]
pub struct Published {
    pub path: PathBuf,
    pub sha256: String,
    pub size: u64,
}

#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Timing {
    /// Go: packages listed and compiled.
    #[serde(rename = "compile_ms", serialize_with = "millis")]
    pub compile: Duration,
    #[serde(rename = "link_ms", serialize_with = "millis")]
    pub link: Duration,
    /// Nothing where no wasm-opt was asked for.
    #[serde(rename = "wasm_opt_ms", serialize_with = "millis")]
    pub wasm_opt: Duration,
    #[serde(rename = "verify_ms", serialize_with = "millis")]
    pub verify: Duration,
    #[serde(rename = "total_ms", serialize_with = "millis")]
    pub total: Duration,
}

fn millis<S: serde::Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Microseconds are as fine as anybody wants to read it.
    serializer.serialize_f64((duration.as_secs_f64() * 1e6).round() / 1e3)
}
