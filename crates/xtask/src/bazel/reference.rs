//! docs/bazel-reference.md: what the docstrings of the rules say, as Stardoc writes it.

use super::forky;
use super::machine::write_bazelrc;
use crate::project;
use anyhow::{Context, Result, bail};
use std::fs;

const PAGE: &str = "docs/bazel-reference.md";
const FILES: [&str; 3] = ["defs", "extensions", "rules_go"];
const HEAD: &str = "# Reference of the Bazel rules\n\n\
                    <!-- Written by `cargo xtask docs` of the docstrings in rules/. -->\n";
/// What Stardoc writes in place of a docstring that is not there.
const MISSING: &str = "<p align=\"center\"> - </p>";

/// Bazel reads the docstrings, and Debian's Stardoc makes Markdown of what it found.
const MAKE: &str = r#"set -eu
cd /mnt/checkout
bazel() { command bazel --output_user_root=/mnt/out "$@" --noshow_progress; }
bazel build --symlink_prefix=/ //docs:all
found=$(bazel info bazel-bin)/docs
stardoc=/usr/share/bazel/tools/stardoc/stardoc
set -- "$stardoc/templates/markdown_tables"
for name in defs extensions rules_go; do
    java -jar "$stardoc/renderer_prebuilt.jar" \
        --input="$found/$name.binaryproto" --output="/mnt/home/$name.md" \
        --header_template="$1/header.vm" --func_template="$1/func.vm" \
        --provider_template="$1/provider.vm" --rule_template="$1/rule.vm" \
        --aspect_template="$1/aspect.vm" --macro_template="$1/macro.vm" \
        --repository_rule_template="$1/repository_rule.vm" \
        --module_extension_template="$1/module_extension.vm"
done
"#;

/// Writes the page.
pub(crate) fn write() -> Result<()> {
    Ok(fs::write(project::root().join(PAGE), page()?)?)
}

/// Whether the page is what the docstrings say.
pub(crate) fn check() -> Result<bool> {
    let there = fs::read_to_string(project::root().join(PAGE)).unwrap_or_default();
    let page = page()?;
    let differs = there.lines().zip(page.lines()).find(|(old, new)| old != new);
    if there == page {
        return Ok(true);
    }
    let (old, new) = differs.unwrap_or(("", "another number of lines"));
    println!(
        "{PAGE} is not what the docstrings say: `cargo xtask docs` writes it\n- {old}\n+ {new}"
    );
    Ok(false)
}

fn page() -> Result<String> {
    let root = forky::root()?;
    let folder = tempfile::tempdir()?;
    let (home, out) = (folder.path().join("home"), folder.path().join("out"));
    fs::create_dir_all(&home)?;
    fs::create_dir_all(&out)?;
    write_bazelrc(&home)?;
    let folders = [("home", home.as_path()), ("out", &out), ("checkout", project::root())];
    let mut make = forky::enter(&root, &folders);
    let made = make.args(["HOME=/mnt/home", "sh", "-c", MAKE]).output()?;
    if !made.status.success() {
        let said = [made.stdout, made.stderr].concat();
        bail!("the reference cannot be made:\n{}", String::from_utf8_lossy(&said));
    }
    let mut page = HEAD.to_owned();
    for name in FILES {
        let text = fs::read_to_string(home.join(name).with_extension("md"))?;
        let (_, text) = text.split_once("-->\n").context("Stardoc begins with a comment")?;
        page += text.trim_end();
        page += "\n";
    }
    let without: Vec<_> = page.lines().filter(|line| line.contains(MISSING)).collect();
    if !without.is_empty() {
        bail!("these have no docstring:\n{}", without.join("\n"));
    }
    Ok(page)
}
