//! A module as an OCI image layout, a folder that tools push to a registry: the wasm artifact of CNCF's TAG Runtime
//! (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>), whose only layer is the module itself.

use crate::{Failure, files};
use gowasm_directive::{Goos, ModuleDigest};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

pub struct Image {
    pub module: PathBuf,
    pub goos: Goos,
    /// What those who pull it call the file.
    pub name: String,
    /// The folder that is filled.
    pub output: PathBuf,
}

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";
const LAYER: &str = "application/wasm";
/// Readers of the configuration want a time, and the same module gives the same image.
const CREATED: &str = "1970-01-01T00:00:00Z";

pub fn image(request: &Image) -> Result<(), Failure> {
    let layout = &request.output;
    let mut layer = blob(layout, LAYER, &files::read(&request.module)?)?;
    let config = json!({
        "created": CREATED,
        "architecture": "wasm",
        "os": request.goos.as_str(),
        "layerDigests": [layer["digest"]],
    });
    let config = blob(layout, CONFIG, config.to_string().as_bytes())?;
    layer["annotations"] = json!({ "org.opencontainers.image.title": request.name });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": [layer],
    });
    let manifest = blob(layout, MANIFEST, manifest.to_string().as_bytes())?;
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [manifest] });
    files::write_json(&layout.join("index.json"), &index)?;
    files::write_json(&layout.join("oci-layout"), &json!({ "imageLayoutVersion": "1.0.0" }))
}

/// Writes a blob, and describes it.
fn blob(layout: &Path, media_type: &str, bytes: &[u8]) -> Result<Value, Failure> {
    let ModuleDigest { sha256, size } = ModuleDigest::of(bytes);
    files::write(&layout.join("blobs/sha256").join(&sha256), bytes)?;
    Ok(json!({
        "mediaType": media_type,
        "digest": format!("sha256:{sha256}"),
        "size": size,
    }))
}
