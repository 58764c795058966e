//! `test_workspace/` under a real Bazel: locally in its sandbox, then on real remote execution servers.
//! The cases of a machine build upon each other, as a working day does.

use super::log::outputs;
use super::{Buildifier, Kit, Machine, Run, distributed, generated, large, local, published};
use crate::test::Count;
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use gowasm_testbed::Programs;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

pub(super) const LOCAL: &str = "--spawn_strategy=sandboxed";
/// For other workspaces, which need the same standard library.
pub(super) const KEPT: &str = "--disk_cache=/mnt/kept";

/// Where the workspace says which programs it uses.
pub(super) const MODULE: &str = "test_workspace/MODULE.bazel";

/// Outputs and their digests.
pub(super) type Digests = BTreeMap<String, String>;

/// What can be tried alone.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    Reference,
    Local,
    Published,
    Large,
    Generated,
    Distributed,
}

impl Part {
    pub(crate) fn is_asked(self, only: Option<Part>) -> bool {
        only.is_none_or(|only| only == self)
    }
}

pub(crate) fn run(
    count: &mut Count,
    kit: &Kit,
    only: Option<Part>,
    servers: Option<&Programs>,
    buildifier: Option<&Buildifier>,
) {
    let mut clean = None;
    if Part::Local.is_asked(only) {
        clean = local::run(count, kit);
        if clean.is_none() {
            not_run(count, "everything after a clean build in the sandbox");
        }
    }
    if Part::Published.is_asked(only) {
        published::run(count, kit);
    }
    if Part::Large.is_asked(only) {
        large::run(count, kit);
    }
    if Part::Generated.is_asked(only) {
        match buildifier {
            Some(buildifier) => generated::run(count, kit, buildifier),
            None => count.skip(
                "Bazel: BUILD files from imports",
                &anyhow::anyhow!("there is no buildifier"),
            ),
        }
    }
    if Part::Distributed.is_asked(only) {
        match servers {
            Some(programs) => distributed::run(count, kit, programs, clean),
            None => count.skip("Bazel: remote execution", &anyhow::anyhow!("there are no servers")),
        }
    }
}

pub(super) fn case<T>(
    count: &mut Count,
    name: &str,
    case: impl FnOnce() -> Result<T>,
) -> Option<T> {
    let mut value = None;
    count.part(&format!("Bazel: {name}"), || {
        value = Some(case()?);
        Ok(true)
    });
    value
}

/// Says aloud what a failed case takes with it.
pub(super) fn not_run(count: &mut Count, cases: &str) {
    let why = anyhow::anyhow!("the case that all of them build on failed");
    count.skip(&format!("Bazel: {cases}"), &why);
}

pub(super) fn edit(file: &std::path::Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    ensure!(text.contains(from), "there is no `{from}` in {}", file.display());
    Ok(fs::write(file, text.replace(from, to))?)
}

/// Has the workspace use a wasm-opt out of an archive.
pub(super) fn name_wasm_opt(machine: &Machine, attributes: &str) -> Result<()> {
    let before = "# What modules for js";
    let tag = format!("go_wasm.wasm_opt({attributes})\n\n{before}");
    edit(&machine.file(MODULE), before, &tag)
}

/// Everything that ran did so there.
pub(super) fn all_ran(run: &Run, runner: &str) -> Result<()> {
    ensure!(!run.spawns.is_empty(), "nothing ran:\n{}", run.said);
    for spawn in &run.spawns {
        if spawn.runner != runner {
            bail!(
                "{} of {} ran as `{}`, not `{runner}`",
                spawn.mnemonic,
                spawn.target_label,
                spawn.runner
            );
        }
    }
    Ok(())
}

/// These actions ran and no others.
pub(super) fn ran(run: &Run, expected: &[(&str, &str)]) -> Result<()> {
    let spawns = run.spawns.iter();
    let did = spawns.map(|spawn| (spawn.mnemonic.as_str(), spawn.target_label.as_str()));
    let did: BTreeSet<_> = did.collect();
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    ensure!(did == expected, "expected {expected:#?}\nran {did:#?}");
    Ok(())
}

pub(super) fn refused(machine: &Machine, label: &str, words: &[&str]) -> Result<()> {
    let run = machine.run("build", &[LOCAL, label])?;
    ensure!(!run.succeeded, "{label} was built");
    for word in words {
        ensure!(run.said.contains(word), "`{word}` is not in what was said:\n{}", run.said);
    }
    Ok(())
}

pub(super) fn digests(run: &Run) -> Digests {
    outputs(&run.spawns)
        .into_iter()
        .map(|(path, hash)| (path.to_owned(), hash.to_owned()))
        .collect()
}

pub(super) fn same(one: &Digests, other: &Digests) -> Result<()> {
    let differs = one.iter().filter(|(path, hash)| other.get(*path) != Some(hash));
    let differs: Vec<_> = differs.map(|(path, _)| path).collect();
    ensure!(one.len() == other.len(), "{} outputs, then {}", one.len(), other.len());
    ensure!(differs.is_empty(), "other bytes in {differs:#?}");
    Ok(())
}

/// An output, by the end of its path: the path, for the workspace's symbolic link to Bazel's execution root, and
/// its digest.
pub(super) fn output<'d>(digests: &'d Digests, end: &str) -> Result<(&'d String, &'d String)> {
    let output = digests.iter().find(|(path, _)| path.ends_with(end));
    output.with_context(|| format!("no action wrote {end}"))
}
