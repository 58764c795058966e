//! Workspaces that are large: what takes Bazel's time there is the analysis.

use super::e2e::case;
use super::{Kit, Machine, Monorepo, Rules};
use crate::test::Count;
use anyhow::{Result, ensure};
use std::time::Duration;

/// Once the analysis looks at every path down the graph, it does not end at all.
const DIAMONDS: Monorepo = Monorepo { packages: 120, layers: 60, imports: 2, rules: Rules::Ours };
const BRIDGED: Monorepo = Monorepo { packages: 500, layers: 20, imports: 3, rules: Rules::Bridge };
const MANY: Monorepo = Monorepo { packages: 2000, layers: 20, imports: 3, rules: Rules::Ours };

pub(super) fn run(count: &mut Count, kit: &Kit) {
    let name = "60 layers of diamonds are analysed";
    let Some(machine) = case(count, name, || {
        let machine = Machine::start(kit, "large")?;
        analyse(&machine, "diamonds", &DIAMONDS, Duration::from_secs(60), &[])?;
        Ok(machine)
    }) else {
        return;
    };
    case(count, "2,000 packages with a test each are analysed", || {
        analyse(&machine, "many", &MANY, Duration::from_secs(300), &[])
    });
    let name = "500 packages of rules_go, and a module of them through the bridge, are analysed";
    match kit.rules_go() {
        Ok(sources) => drop(case(count, name, || {
            let flags = machine.flags_for_rules_go(&sources)?;
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            analyse(&machine, "bridged", &BRIDGED, Duration::from_secs(300), &flags)
        })),
        Err(error) => count.skip(&format!("Bazel: {name}"), error),
    }
}

fn analyse(
    machine: &Machine,
    name: &str,
    monorepo: &Monorepo,
    limit: Duration,
    flags: &[&str],
) -> Result<()> {
    machine.write_monorepo(name, monorepo)?;
    let run = machine.run_for(limit, name, "build", &[flags, &["--nobuild", "//..."]].concat())?;
    ensure!(run.succeeded, "no end within {limit:?}, or a failure:\n{}", run.said);
    // A package and a test each, and the module; its package main is a target too in rules_go's way.
    let targets = 2 * monorepo.packages + 1 + usize::from(monorepo.rules == Rules::Bridge);
    ensure!(run.said.contains(&format!("Found {targets} targets")), "{}", run.said);
    println!("{targets} targets in {:.1} s", run.wall.as_secs_f64());
    Ok(())
}
