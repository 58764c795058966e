//! `gowasm build` and Bazel with one remote cache and one program: neither takes what is the other's, nor
//! loses what is its own.

use super::{Kit, Machine};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// What the target `//plugin` is, in flags.
const PLUGIN: [&str; 7] = [
    "build",
    "./plugin",
    "--buildmode=c-shared",
    "--ldflags=-X main.version=7",
    "--plan=plugin/plugin.plan.toml",
    "--quiet",
    "--message-format=json",
];

/// Builds on a machine with nothing, with that cache: how the cache was used, and the module.
fn build(kit: &Kit, place: &str, cache: &str) -> Result<(Value, Vec<u8>)> {
    let machine = Machine::start(kit, place)?;
    let cache = format!("--remote-cache={cache}");
    let (succeeded, said) = machine.gowasm(&[&PLUGIN[..], &[&cache]].concat())?;
    ensure!(succeeded, "gowasm build failed: {said}");
    let built: Value = serde_json::from_str(&said).context("what gowasm build says")?;
    let path = built["module"]["path"].as_str().context("no module")?;
    Ok((built["remote"].clone(), machine.output(path)?))
}

/// The cache has what Bazel built of the program, which is no use to us.
pub(super) fn takes_nothing_of_bazels(kit: &Kit, cache: &str) -> Result<Vec<u8>> {
    let (used, module) = build(kit, "beside", cache)?;
    // The link and the verification.
    expect(&used, &json!({ "hits": 0, "misses": 2, "uploads": 2, "executions": 0 }))?;
    Ok(module)
}

/// Bazel has used the cache since.
pub(super) fn finds_its_own(kit: &Kit, cache: &str, before: &[u8]) -> Result<()> {
    let (used, module) = build(kit, "beside/another", cache)?;
    expect(&used, &json!({ "hits": 2, "misses": 0, "uploads": 0, "executions": 0 }))?;
    ensure!(module == before, "the module has other bytes");
    Ok(())
}

fn expect(used: &Value, expected: &Value) -> Result<()> {
    if used != expected {
        bail!("the cache was used as {used}, not as {expected}");
    }
    Ok(())
}
