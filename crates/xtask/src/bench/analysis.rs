//! What Bazel does before the first action of a large workspace: it loads and analyses packages, with tests and a
//! module above them, by our rules and by rules_go's on the same import graph.

use super::Findings;
use super::measure::seconds;
use crate::bazel::{Kit, Machine, Monorepo, Rules};
use crate::table::Table;
use anyhow::{Context, Result, anyhow, ensure};

const PACKAGES: [usize; 2] = [500, 2000];
const LAYERS: usize = 20;
const IMPORTS: usize = 3;

pub(super) fn run() -> Result<Findings> {
    let kit = Kit::set_up()?;
    let rules_go = kit.rules_go().map_err(|error| anyhow!("no rules_go: {error:#}"))?;
    let mut table = Table::new(["packages", "rules", "analysis", "heap"]);
    for packages in PACKAGES {
        for (name, rules) in [
            ("ours", Rules::Ours),
            ("rules_go", Rules::Theirs),
            ("rules_go, our module through the bridge", Rules::Bridge),
        ] {
            let machine = Machine::start(&kit, "bench")?;
            let monorepo = Monorepo { packages, layers: LAYERS, imports: IMPORTS, rules };
            machine.write_monorepo("monorepo", &monorepo)?;
            let flags = match rules {
                Rules::Ours => Vec::new(),
                Rules::Theirs | Rules::Bridge => machine.flags_for_rules_go(&rules_go)?,
            };
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let bazel = |command: &str, more: &[&str]| {
                let run = machine.run_in("monorepo", command, &[&flags[..], more].concat())?;
                ensure!(run.succeeded, "bazel {command} failed:\n{}", run.said);
                Ok(run)
            };
            // The server's start is Bazel's own, and so are the repositories that everyone has.
            bazel("build", &["--nobuild", "//layer0/p0"])?;
            let wall = bazel("build", &["--nobuild", "//..."])?.wall.as_secs_f64();
            let said = bazel("info", &["used-heap-size-after-gc"])?.said;
            let heap = said.lines().find(|line| line.ends_with("MB")).context("no heap size")?;
            table.row([packages.to_string(), name.to_owned(), seconds(wall), heap.to_owned()]);
        }
    }
    let conditions = format!(
        "bazel build --nobuild //... of packages in {LAYERS} layers with {IMPORTS} imports and a test each, and one \
         module of all; once each, the server warm; the heap is Bazel's after a collection"
    );
    Ok(Findings { conditions, table })
}
