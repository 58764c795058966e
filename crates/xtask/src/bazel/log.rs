//! What Bazel says that it ran: `--execution_log_json_file`. An action that it found unchanged is not in
//! there, one that it took from a remote cache is.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Spawn {
    pub(crate) mnemonic: String,
    pub(crate) target_label: String,
    /// `linux-sandbox`, `remote`, `remote cache hit`, ..
    pub(crate) runner: String,
    #[serde(default)]
    inputs: Vec<Output>,
    actual_outputs: Vec<Output>,
    metrics: Metrics,
}

#[derive(Debug, Deserialize)]
struct Output {
    path: String,
    digest: Option<Digest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Digest {
    hash: String,
    size_bytes: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    execution_wall_time: Option<String>,
}

impl Spawn {
    /// Paths and lengths of what it reads.
    pub(crate) fn inputs(&self) -> impl Iterator<Item = (&str, u64)> {
        let length = |input: &Output| {
            let digest = input.digest.as_ref();
            digest.and_then(|digest| digest.size_bytes.parse().ok()).unwrap_or(0)
        };
        self.inputs.iter().map(move |input| (input.path.as_str(), length(input)))
    }

    pub(crate) fn outputs(&self) -> impl Iterator<Item = &str> {
        self.actual_outputs.iter().map(|output| output.path.as_str())
    }

    /// In seconds, without queueing and transfers.
    pub(crate) fn wall(&self) -> Option<f64> {
        self.metrics.execution_wall_time.as_deref()?.trim_end_matches('s').parse().ok()
    }
}

pub(super) fn read(file: &Path) -> Result<Vec<Spawn>> {
    let text = fs::read_to_string(file).with_context(|| format!("no {}", file.display()))?;
    let spawns = serde_json::Deserializer::from_str(&text).into_iter();
    spawns.collect::<Result<_, _>>().context("Bazel's execution log")
}

/// The digest of every output, by path.
pub(crate) fn outputs(spawns: &[Spawn]) -> BTreeMap<&str, &str> {
    let outputs = spawns.iter().flat_map(|spawn| &spawn.actual_outputs);
    outputs
        .filter_map(|output| Some((output.path.as_str(), output.digest.as_ref()?.hash.as_str())))
        .collect()
}
