//! Machines that share nothing but a server.

use super::{Project, REACTOR, Run};
use gowasm_testbed::Programs;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

pub(crate) const PLAN: &str = "[[call]]\nexport = \"add\"\nargs = [40, 2]\nreturns = 42\n";

pub(crate) fn programs() -> Option<Programs> {
    match Programs::from_env() {
        Ok(programs) => Some(programs),
        Err(why) => {
            println!("skipped: remote execution servers: {why:#}");
            None
        }
    }
}

/// A machine of its own: another folder, another HOME, and every cache empty.
pub(crate) struct Machine {
    pub(crate) project: Project,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Machine::with(Project::new(REACTOR))
    }

    pub(crate) fn with(project: Project) -> Self {
        project.write("work/plan.toml", PLAN);
        Machine { project }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut all = vec!["build", "--buildmode", "c-shared", "--plan", "plan.toml"];
        all.extend(arguments);
        let mut command = self.project.gowasm(&all);
        command.env("HOME", self.project.path("home"));
        command.env("GOCACHE", self.project.path("gocache"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    pub(crate) fn build(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--quiet", "--message-format", "json"];
        all.extend(arguments);
        let run = self.run(&all);
        assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
        assert_eq!(run.stderr, "");
        run.json()
    }

    pub(crate) fn published(&self) -> [Vec<u8>; 3] {
        ["calc.wasm", "calc.manifest.json", "calc.verdict.json"]
            .map(|name| self.project.read(&format!("work/{name}")))
    }

    /// Package archives that Go compiled here: its own cache has none when ours serves it.
    pub(crate) fn compiled_here(&self) -> usize {
        let folder = self.project.path("gocache");
        count(&folder, &|name| name.ends_with("-d"))
    }
}

fn count(folder: &Path, counts: &dyn Fn(&str) -> bool) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.path() {
            path if path.is_dir() => count(&path, counts),
            _ => usize::from(counts(&entry.file_name().to_string_lossy())),
        })
        .sum()
}
