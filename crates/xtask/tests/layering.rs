//! Crates depend downwards only, and on crates under the licences of deny.toml only.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The lowest layer first. A crate may use those of lower layers and none of its own.
const LAYERS: &[&[&str]] = &[
    &["gowasm-process"],
    &["gowasm-diagnostic", "gowasm-scratch", "gowasm-testbed"],
    &[
        "gowasm-goobj",
        "gowasm-directive",
        "gowasm-guard",
        "gowasm-shrink",
        "gowasm-size",
        "gowasm-store",
        "gowasm-wasm-opt",
    ],
    // A verification reads a module's interface and its manifest.
    &["gowasm-link", "gowasm-verify"],
    &["gowasm-build", "gowasm-linkdiff"],
    &["gowasm-bazel"],
    &["gowasm"],
    &["xtask"],
];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&name))
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn metadata(arguments: &[&str]) -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(root());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

#[test]
fn crates_depend_downwards_only() {
    let metadata = metadata(&["--no-deps"]);
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() >= 9, "cargo names {} crates", packages.len());
    let mut wrong = Vec::new();
    for package in packages {
        let name = text(package, "name");
        let Some(own) = layer(name) else {
            wrong.push(format!("{name} has no layer in this test"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let used = text(dependency, "name");
            // A test may look at its crate from above.
            let of_tests = text(dependency, "kind") == "dev";
            if !of_tests && layer(used).is_some_and(|layer| layer >= own) {
                wrong.push(format!("{name} depends on {used}, which is not below it"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `cargo deny check licenses bans sources` says as well, for machines without cargo-deny.
#[test]
fn licences_are_those_of_deny_toml_and_crates_come_from_one_registry() {
    let deny: toml::Table =
        std::fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
    let list = |section: &str, field: &str| -> Vec<String> {
        let values = deny[section][field].as_array().unwrap();
        values.iter().map(|value| value.as_str().unwrap_or_default().to_owned()).collect()
    };
    let allowed = list("licenses", "allow");
    let banned: Vec<_> = deny["bans"]["deny"]
        .as_array()
        .unwrap()
        .iter()
        .map(|ban| ban["crate"].as_str().unwrap())
        .collect();

    let metadata = metadata(&[]);
    let mut wrong = Vec::new();
    let mut sources = BTreeSet::new();
    for package in metadata["packages"].as_array().unwrap() {
        let (name, licence) = (text(package, "name"), text(package, "license"));
        match spdx::Expression::parse_mode(licence, spdx::ParseMode::LAX) {
            Err(_) => wrong.push(format!("{name} has no licence that can be read: `{licence}`")),
            Ok(expression) => {
                let allows = |licence: &spdx::LicenseReq| allowed.contains(&licence.to_string());
                if !expression.evaluate(allows) {
                    wrong.push(format!(
                        "{name} is under `{licence}`, which deny.toml does not allow"
                    ));
                }
            }
        }
        let source = text(package, "source");
        if !source.is_empty() {
            sources.insert(source);
            if !source.starts_with("registry+") {
                wrong.push(format!("{name} comes from {source}, which is no registry"));
            }
        }
        if banned.contains(&name) {
            wrong.push(format!("{name} is banned by deny.toml"));
        }
    }
    if sources.len() > 1 {
        wrong.push(format!("crates come from more than one place: {sources:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
