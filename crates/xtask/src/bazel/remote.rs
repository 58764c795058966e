//! BuildGrid with two workers, and what Bazel is told to use it.

use super::{Machine, Run};
use anyhow::{Result, ensure};
use gowasm_testbed::{BuildGrid, PROPERTIES, Programs};
use std::fs;
use std::thread;

pub(crate) struct Cluster {
    grid: BuildGrid,
}

impl Cluster {
    pub(crate) fn start(programs: &Programs) -> Result<Self> {
        Ok(Cluster { grid: BuildGrid::start(programs, 2)? })
    }

    pub(crate) fn url(&self) -> String {
        self.grid.url()
    }

    /// Builds with nothing but remote execution.
    pub(crate) fn execute(&self, machine: &Machine, arguments: &[&str]) -> Result<Run> {
        run(machine, "build", &self.flags(), arguments)
    }

    /// The same of tests.
    pub(crate) fn test(&self, machine: &Machine, arguments: &[&str]) -> Result<Run> {
        run(machine, "test", &self.flags(), arguments)
    }

    /// What has Bazel do nothing but remote execution.
    pub(crate) fn flags(&self) -> Vec<String> {
        let strategy = "--spawn_strategy=remote".to_owned();
        let executor = format!("--remote_executor={}", self.grid.url());
        // An SDK is thousands of small files, and the server refuses what it has no thread for.
        let connections = "--remote_max_connections=1".to_owned();
        let properties = PROPERTIES.map(|it| format!("--remote_default_exec_properties={it}"));
        [strategy, executor, connections].into_iter().chain(properties).collect()
    }

    /// Builds in the local sandbox what the remote cache does not have.
    pub(crate) fn cached(&self, machine: &Machine, arguments: &[&str]) -> Result<Run> {
        // The properties are part of an action's key. Of two flags the last counts.
        let mut flags = self.flags();
        flags.push("--spawn_strategy=sandboxed".to_owned());
        flags.push("--remote_executor=".to_owned());
        flags.push(format!("--remote_cache={}", self.grid.url()));
        run(machine, "build", &flags, arguments)
    }

    /// As `execute`, but one of the workers dies with an action in its hands.
    pub(crate) fn lose_worker_during(
        &mut self,
        machine: &Machine,
        arguments: &[&str],
    ) -> Result<Run> {
        let flags = self.flags();
        thread::scope(|scope| {
            let building = scope.spawn(|| run(machine, "build", &flags, arguments));
            let mut lost = false;
            while !lost && !building.is_finished() {
                lost = self.grid.lose_busy_worker();
            }
            let run = building.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            ensure!(lost, "no worker was seen at work");
            Ok(run)
        })
    }

    /// Changes a byte of a blob in the server's storage.
    pub(crate) fn damage(&self, sha256: &str) -> Result<()> {
        let file = self.grid.blob(sha256);
        let mut bytes = fs::read(&file)?;
        if let Some(last) = bytes.last_mut() {
            *last ^= 1;
        }
        Ok(fs::write(&file, bytes)?)
    }
}

fn run(machine: &Machine, command: &str, flags: &[String], arguments: &[&str]) -> Result<Run> {
    let mut all: Vec<&str> = flags.iter().map(String::as_str).collect();
    all.extend(arguments);
    machine.succeed(command, &all)
}
