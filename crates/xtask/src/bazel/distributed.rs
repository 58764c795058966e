//! On real remote execution servers, and out of their cache.

use super::e2e::{
    Digests, MODULE, all_ran, case, digests, edit, name_wasm_opt, not_run, output, same,
};
use super::remote::Cluster;
use super::{Kit, Machine, beside};
use crate::test::Count;
use anyhow::{Context, ensure};
use gowasm_testbed::Programs;

pub(super) fn run(count: &mut Count, kit: &Kit, programs: &Programs, clean: Option<Digests>) {
    let name = "a clean build with remote execution alone";
    let Some((machine, mut cluster)) = case(count, name, || {
        let cluster = Cluster::start(programs)?;
        let machine = Machine::start(kit, "there/deeper/down")?;
        edit(&machine.file(MODULE), "program = \"gowasm\"", "path = \"/mnt/bin/gowasm\"")?;
        let run = cluster.execute(&machine, &["//..."])?;
        all_ran(&run, "remote")?;
        if let Some(clean) = clean {
            same(&clean, &digests(&run))?;
        }
        Ok((machine, cluster))
    }) else {
        return not_run(count, "remote execution, and the remote cache");
    };
    case(count, "tests run remotely", || {
        let run = cluster.test(&machine, &["--test_output=errors", "//..."])?;
        ensure!(run.has("TestRunner"), "no test ran");
        all_ran(&run, "remote")
    });
    match kit.wasm_opt() {
        Ok(attributes) => drop(case(count, "wasm-opt runs remotely", || {
            name_wasm_opt(&machine, &attributes)?;
            let run = cluster.execute(&machine, &["//tool:small"])?;
            ensure!(run.has("GoWasmOpt"), "it did not run");
            all_ran(&run, "remote")
        })),
        Err(error) => count.skip("Bazel: wasm-opt runs remotely", error),
    }
    let beside = case(count, "gowasm build takes nothing of Bazel's out of the cache", || {
        beside::takes_nothing_of_bazels(kit, &cluster.url())
    });
    case(
        count,
        "another machine takes all from the remote cache, and only what it asks for",
        || {
            let other = Machine::start(kit, "elsewhere")?;
            let run =
                cluster.execute(&other, &["--remote_download_outputs=toplevel", "//plugin"])?;
            all_ran(&run, "remote cache hit")?;
            let made = digests(&run);
            let (module, _) = output(&made, "plugin/plugin.wasm")?;
            ensure!(other.output(module)?.starts_with(b"\0asm"), "the module was not fetched");
            let (archive, _) = output(&made, "greeting.a")?;
            ensure!(
                other.output(archive)?.is_empty(),
                "an archive was fetched that nobody asked for"
            );
            Ok(())
        },
    );
    if let Some(module) = beside {
        case(count, "gowasm build finds its own beside Bazel's", || {
            beside::finds_its_own(kit, &cluster.url(), &module)
        });
    }
    case(count, "a damaged blob in the cache is refused, and made again", || {
        let other = Machine::start(kit, "elsewhere")?;
        let good = cluster.cached(&other, &["//plugin"])?;
        all_ran(&good, "remote cache hit")?;
        let digests = digests(&good);
        let (_, module) = output(&digests, "plugin/plugin.wasm")?;
        cluster.damage(module)?;
        other.succeed("clean", &[])?;
        // With all outputs: what is only fetched once it is needed as an input cannot be made again.
        let run = cluster.cached(&other, &["--remote_download_outputs=all", "//plugin"])?;
        let verify = run.spawns.iter().find(|spawn| spawn.mnemonic == "GoWasmVerify");
        let runner = &verify.context("nothing was verified")?.runner;
        ensure!(runner == "linux-sandbox", "the damaged module was taken: {runner}\n{}", run.said);
        same(&digests, &self::digests(&run))
    });
    case(count, "a worker dies in the middle, and the build ends well", || {
        let file = machine.file("test_workspace/shared/words/words.go");
        edit(&file, "return a + \" \" + b", "return a + string(' ') + b + \"\"")?;
        let run = cluster.lose_worker_during(&machine, &["//..."])?;
        all_ran(&run, "remote")
    });
}
