//! docs/bazel.md documents every public name of the Bazel rules with every attribute, and no other.

use std::collections::BTreeSet;
use std::path::Path;

type Names = BTreeSet<String>;

fn read(place: &str) -> String {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    std::fs::read_to_string(root.join(place)).unwrap_or_else(|error| panic!("{place}: {error}"))
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let at = text.find(start).unwrap_or_else(|| panic!("there is no `{start}`"));
    let rest = &text[at + start.len()..];
    &rest[..rest.find(end).unwrap_or_else(|| panic!("`{start}` does not end"))]
}

/// The public keys of Starlark dictionaries that buildifier has laid out, one a line.
fn keys(text: &str, value: &str) -> Names {
    let key = |line: &str| {
        let (name, rest) = line.trim().strip_prefix('"')?.split_once("\": ")?;
        (rest.starts_with(value) && !name.starts_with('_')).then(|| name.to_owned())
    };
    text.lines().filter_map(key).collect()
}

fn attributes(text: &str) -> Names {
    keys(text, "attr.")
}

/// The parameters of a macro but `name`, and but those of every target.
fn parameters(text: &str, name: &str) -> Names {
    let list = between(text, &format!("\ndef {name}(\n"), "):\n");
    let names = list.lines().map(|line| line.trim().split(['=', ',', ' ']).next().unwrap());
    names
        .filter(|name| !["name", "tags", "**kwargs", ""].contains(name))
        .map(str::to_owned)
        .collect()
}

/// What the rules have: each public name, and what belongs to it.
fn real() -> Vec<(String, Names)> {
    let package = read("rules/private/go_wasm_package.bzl");
    let mut module = attributes(&read("rules/private/module.bzl"));
    module.extend(attributes(between(&package, "\nPACKAGE_ATTRS = {", "\n}\n")));
    let mut all = Vec::new();
    for line in read("rules/defs.bzl").lines() {
        let Some((name, _)) = line.split_once(" = _") else { continue };
        let names = match name {
            "go_wasm_package" => attributes(&package),
            "go_wasm_binary" | "go_wasm_library" => module.clone(),
            "go_wasm_test" => parameters(&read("rules/private/go_wasm_test.bzl"), name),
            "GoWasmModuleInfo" => keys(&read("rules/providers/go_wasm_module_info.bzl"), "\""),
            "GoWasmPackageInfo" => keys(&read("rules/providers/go_wasm_package_info.bzl"), "\""),
            rule => attributes(&read(&format!("rules/private/{rule}.bzl"))),
        };
        all.push((name.to_owned(), names));
    }
    let extension = read("rules/extensions.bzl");
    let source = attributes(between(&extension, "\n_SOURCE_ATTRS = {", "\n}\n"));
    let release = attributes(between(&extension, "\n_RELEASE_ATTRS = {", "\n}\n"));
    for tag in extension.lines().filter_map(|line| line.strip_suffix(" = tag_class(")) {
        let text = between(&extension, &format!("\n{tag} = tag_class("), "\n)\n");
        let mut names = attributes(text);
        for (name, shared) in [("_SOURCE_ATTRS", &source), ("_RELEASE_ATTRS", &release)] {
            if text.contains(name) {
                names.extend(shared.clone());
            }
        }
        all.push((format!("go_wasm.{}", tag.trim_start_matches('_')), names));
    }
    all.sort();
    all
}

/// What the page documents: the names of each heading, and those in the first column below it.
fn documented() -> Vec<(String, Names)> {
    let page = read("docs/bazel.md");
    let reference = between(&page, "\n## Reference\n", "\n## ");
    let mut all = Vec::new();
    for section in reference.split("\n### ").skip(1) {
        let (heading, text) = section.split_once('\n').unwrap();
        let columns = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('|').next());
        let names = columns.flat_map(|column| column.split(", "));
        let names: Names = names.map(|name| name.trim().trim_matches('`').to_owned()).collect();
        all.extend(heading.split(", ").map(|name| (name.to_owned(), names.clone())));
    }
    all.sort();
    all
}

#[test]
fn the_reference_of_the_bazel_rules_is_whole() {
    let real = real();
    assert!(real.iter().all(|(_, names)| !names.is_empty()), "nothing was read: {real:#?}");
    assert_eq!(documented(), real, "left: docs/bazel.md; right: the rules");
}
