//! Clean builds of `test_workspace/` by Bazel: locally, remotely, out of the remote cache.

use super::Findings;
use super::measure::{median, seconds};
use crate::bazel::remote::Cluster;
use crate::bazel::{Kit, Machine, Run};
use crate::servers;
use crate::table::Table;
use anyhow::Result;
use std::thread;

const KINDS: [&str; 4] = ["GoWasmStd", "GoWasmCompile", "GoWasmLink", "GoWasmVerify"];

pub(super) fn run() -> Result<Findings> {
    let kit = Kit::set_up()?;
    let cluster = Cluster::start(&servers::programs()?)?;
    let all = &["//..."];
    let start = || -> Result<Machine> {
        let machine = Machine::start(&kit, "bench")?;
        // The server's start and the reading of BUILD files are Bazel's own.
        machine.succeed("build", &["--nobuild", "//..."])?;
        Ok(machine)
    };
    let builds = [
        ("local sandbox", start()?.succeed("build", &["--spawn_strategy=sandboxed", "//..."])?),
        ("remote execution", cluster.execute(&start()?, all)?),
        ("remote cache", cluster.execute(&start()?, all)?),
    ];

    let cores = thread::available_parallelism()?;
    let conditions = format!(
        "bazel build //... in test_workspace/, clean, one run each; {cores} cores for Bazel, server and \
         two workers alike; for each kind of action the number and the median of its own time"
    );
    let [std, compile, link, verify] = KINDS;
    let mut table = Table::new(["build", "actions", "wall", std, compile, link, verify]);
    for (name, run) in builds {
        let [std, compile, link, verify] = KINDS.map(|kind| kind_of(&run, kind));
        let actions = run.spawns.len().to_string();
        let wall = seconds(run.wall.as_secs_f64());
        table.row([name.to_owned(), actions, wall, std, compile, link, verify]);
    }
    Ok(Findings { conditions, table })
}

fn kind_of(run: &Run, mnemonic: &str) -> String {
    let times = run.spawns.iter().filter(|spawn| spawn.mnemonic == mnemonic);
    let times: Vec<f64> = times.filter_map(|spawn| spawn.wall()).collect();
    let number = times.len();
    format!("{number} x {}", seconds(median(times.into_iter())))
}
