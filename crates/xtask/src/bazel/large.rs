//! Workspaces that are large: what takes Bazel's time there is the analysis.

use super::e2e::case;
use super::{Kit, Machine, Monorepo, Rules};
use crate::test::Count;
use anyhow::{Result, ensure};
use std::time::Duration;

/// Once the analysis looks at every path down the graph, it does not end at all.
const DIAMONDS: Monorepo = Monorepo { packages: 120, layers: 60, imports: 2, rules: Rules::Ours };
const MANY: Monorepo = Monorepo { packages: 2000, layers: 20, imports: 3, rules: Rules::Ours };

pub(super) fn run(count: &mut Count, kit: &Kit) {
    let name = "60 layers of diamonds are analysed";
    let Some(machine) = case(count, name, || {
        let machine = Machine::start(kit, "large")?;
        analyse(&machine, "diamonds", &DIAMONDS, Duration::from_secs(60))?;
        Ok(machine)
    }) else {
        return;
    };
    case(count, "2,000 packages with a test each are analysed", || {
        analyse(&machine, "many", &MANY, Duration::from_secs(300))
    });
}

fn analyse(machine: &Machine, name: &str, monorepo: &Monorepo, limit: Duration) -> Result<()> {
    machine.write_monorepo(name, monorepo)?;
    let run = machine.run_for(limit, name, "build", &["--nobuild", "//..."])?;
    ensure!(run.succeeded, "no end within {limit:?}, or a failure:\n{}", run.said);
    // A package and a test each, and the module.
    let targets = 2 * monorepo.packages + 1;
    ensure!(run.said.contains(&format!("Found {targets} targets")), "{}", run.said);
    println!("{targets} targets in {:.1} s", run.wall.as_secs_f64());
    Ok(())
}
