//! `test_workspace/` under a real Bazel: locally in its sandbox, then on real remote execution servers.
//! The cases of a machine build upon each other, as a working day does.

use super::beside;
use super::log::{Spawn, outputs};
use super::remote::Cluster;
use super::{Buildifier, Kit, Machine, Run};
use crate::test::Count;
use anyhow::{Context, Result, bail, ensure};
use gowasm_testbed::Programs;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const LOCAL: &str = "--spawn_strategy=sandboxed";
/// For another workspace of the same machine: it needs the same standard library.
const KEPT: &str = "--disk_cache=/mnt/out/kept";
const NEWEST_SDK: &str = "--@rules_go_wasm//toolchains:go_sdk=go_1_27";

/// Outputs and their digests.
type Digests = BTreeMap<String, String>;

pub(crate) fn run(
    count: &mut Count,
    kit: &Kit,
    servers: Option<&Programs>,
    buildifier: Option<&Buildifier>,
) {
    let mut clean = None;
    local(count, kit, &mut clean);
    match buildifier {
        Some(buildifier) => generated(count, kit, buildifier),
        None => count
            .skip("Bazel: BUILD files from imports", &anyhow::anyhow!("there is no buildifier")),
    }
    match servers {
        Some(programs) => remote(count, kit, programs, clean),
        None => count.skip("Bazel: remote execution", &anyhow::anyhow!("there are no servers")),
    }
}

fn case<T>(count: &mut Count, name: &str, case: impl FnOnce() -> Result<T>) -> Option<T> {
    let mut value = None;
    count.part(&format!("Bazel: {name}"), || {
        value = Some(case()?);
        Ok(true)
    });
    value
}

fn local(count: &mut Count, kit: &Kit, clean: &mut Option<Digests>) {
    let name = "a clean build in the sandbox";
    let Some(machine) = case(count, name, || {
        let machine = Machine::start(kit, "here")?;
        let run = machine.succeed("build", &[LOCAL, KEPT, "//..."])?;
        all_ran(&run, "linux-sandbox")?;
        for mnemonic in ["GoWasmStd", "GoWasmCompile", "GoWasmLink", "GoWasmVerify"] {
            ensure!(run.spawns.iter().any(|spawn| spawn.mnemonic == mnemonic), "no {mnemonic} ran");
        }
        *clean = Some(digests(&run));
        let magic = machine.output("bazel-bin/consumer/magic.txt")?;
        ensure!(magic == b"asm", "the consumer got {magic:?}, which is no wasm module");
        Ok(machine)
    }) else {
        return;
    };
    let build = || machine.succeed("build", &[LOCAL, "//..."]);
    case(count, "nothing changed, nothing runs", || ran(&build()?, &[]));
    case(count, "tests", || {
        let run = machine.run("test", &[LOCAL, "--test_output=errors", "//..."])?;
        ensure!(run.succeeded, "{}", run.said);
        ensure!(run.spawns.iter().any(|spawn| spawn.mnemonic == "TestRunner"), "no test ran");
        let xml = machine.output("bazel-testlogs/shared/words/words_test/test.xml")?;
        let xml = String::from_utf8_lossy(&xml);
        for part in ["name=\"TestJoin\"", "name=\"ExampleJoin\"", "tests=\"4\" failures=\"0\""] {
            ensure!(xml.contains(part), "no {part} in {xml}");
        }
        Ok(())
    });
    case(count, "a test that is chosen by name runs alone", || {
        let filter =
            ["--test_filter=TestSystem", "--nocache_test_results", "//shared/words:words_test"];
        machine.succeed("test", &[&[LOCAL], filter.as_slice()].concat())?;
        let xml = machine.output("bazel-testlogs/shared/words/words_test/test.xml")?;
        let xml = String::from_utf8_lossy(&xml);
        ensure!(xml.contains("tests=\"1\" failures=\"0\"") && xml.contains("TestSystem"), "{xml}");
        Ok(())
    });
    case(count, "the size report is there for whoever asks", || {
        let run = machine.succeed("build", &[LOCAL, "--output_groups=size_report", "//plugin"])?;
        ran(&run, &[("GoWasmSize", "//plugin:plugin")])?;
        let page = machine.output("bazel-bin/plugin/plugin.size.html")?;
        let json = machine.output("bazel-bin/plugin/plugin.size.json")?;
        let bytes = machine.output("bazel-bin/plugin/plugin.wasm")?.len();
        ensure!(page.starts_with(b"<!"), "the page begins with {:?}", &page[..page.len().min(20)]);
        let json: serde_json::Value = serde_json::from_slice(&json)?;
        ensure!(json["bytes"] == bytes, "{} bytes, and the report says {}", bytes, json["bytes"]);
        Ok(())
    });
    case(count, "a file changed: what depends on it runs again, nothing else", || {
        let file = machine.file("test_workspace/plugin/greeting/greeting.go");
        edit(&file, "return words.Join(", "return \"\" + words.Join(")?;
        fs::write(machine.file("test_workspace/plugin/greeting/texts/hello.txt"), "howdy")?;
        let above = [
            // Who imports it is not compiled again: what the package exports is the same.
            ("GoWasmCompile", "//plugin/greeting:greeting"),
            ("GoWasmCompile", "//shared/words:words_test.module"),
            ("GoWasmLink", "//shared/words:words_test.module"),
            ("GoWasmLink", "//plugin:plugin"),
            ("GoWasmVerify", "//plugin:plugin"),
            ("Genrule", "//consumer:consumer"),
        ];
        ran(&build()?, &above)
    });
    case(count, "what importers inline changed: they are compiled again", || {
        let file = machine.file("test_workspace/shared/words/words.go");
        edit(&file, "return a + \" \" + b", "return a + \" \" + b + \"\"")?;
        let run = build()?;
        for label in ["//shared/words:words", "//plugin/greeting:greeting", "//tool:main"] {
            let compiled = |it: &Spawn| it.mnemonic == "GoWasmCompile" && it.target_label == label;
            ensure!(run.spawns.iter().any(compiled), "{label} was not compiled");
        }
        Ok(())
    });
    case(count, "a comment changed: the package is compiled, and its archive is the same", || {
        let file = machine.file("test_workspace/plugin/greeting/greeting.go");
        edit(&file, "// Text is the whole greeting.", "// Text is all of the greeting.")?;
        let compiled = ["//plugin/greeting:greeting", "//shared/words:words_test.module"];
        ran(&build()?, &compiled.map(|label| ("GoWasmCompile", label)))
    });
    case(count, "a plan that the module does not keep is an error", || {
        refused(&machine, "//bad:plan", &["divide", "returned 2"])
    });
    case(count, "a directive that Go does not know is an error, with its place", || {
        refused(&machine, "//bad:directive", &["bad/directive.go:4:10", "[]int32"])
    });
    case(count, "what the compiler refuses is shown with its place", || {
        refused(&machine, "//bad:syntax", &["bad/syntax.go:3:19"])
    });
    case(count, "an import that deps lack is an error, with its place", || {
        refused(&machine, "//bad:deps", &["bad/deps.go:3:8", "example.com/test/shared/words"])
    });
    case(count, "a module for js that does not keep its plan is an error", || {
        refused(&machine, "//bad:page", &["stdout is not", "hello"])
    });
    case(count, "wasm-opt is asked for, and there is none", || {
        refused(&machine, "//tool:small", &["built without wasm-opt", "--features wasm-opt"])
    });
    case(count, "a test of a package that imports its importer is an error", || {
        let words = ["bad/cycle_test.go:3:10", "package example.com/test/shared/words_test"];
        refused(&machine, "//bad:cycle_test", &words)
    });
    case(count, "the second Go SDK", || {
        let first = machine.succeed("build", &[LOCAL, "//plugin"])?;
        ensure!(first.spawns.is_empty(), "the module was there already");
        let run = machine.succeed("build", &[LOCAL, NEWEST_SDK, "//plugin"])?;
        let std = run.spawns.iter().find(|spawn| spawn.mnemonic == "GoWasmStd");
        let label = &std.context("no standard library was compiled")?.target_label;
        ensure!(label.contains("go_1_27"), "the standard library is that of {label}");
        Ok(())
    });
    rules_go(count, kit, &machine);
    programs(count, kit, &machine);
}

fn rules_go(count: &mut Count, kit: &Kit, machine: &Machine) {
    let name = "go_library targets of rules_go";
    let sources = match kit.rules_go() {
        Ok(sources) => sources,
        Err(error) => return count.skip(&format!("Bazel: {name}"), error),
    };
    case(count, name, || {
        // x_defs, importmap, embedsrcs and the platform are what the plan's number is made of.
        let run = machine.with_rules_go(&sources, "build", &[LOCAL, KEPT, "//plugin"])?;
        ensure!(run.succeeded, "{}", run.said);
        let verified = run.spawns.iter().any(|spawn| spawn.mnemonic == "GoWasmVerify");
        ensure!(verified, "nothing was verified");
        Ok(())
    });
    case(count, "cgo of a go_library is an error, with its file", || {
        let run = machine.with_rules_go(&sources, "build", &[LOCAL, KEPT, "//bad:cgo"])?;
        let said = "bad/cgo.go imports \"C\", and Go has no cgo for wasm";
        ensure!(!run.succeeded && run.said.contains(said), "{}", run.said);
        Ok(())
    });
}

/// Another MODULE.bazel.
fn programs(count: &mut Count, kit: &Kit, machine: &Machine) {
    let file = machine.file("test_workspace/MODULE.bazel");
    case(count, "a module for js needs node", || {
        edit(&file, "go_wasm.node()\n", "")?;
        refused(machine, "//js", &["no node toolchain", "go_wasm.node()", "verify = False"])
    });
    let name = "wasm-opt out of an archive";
    let attributes = match kit.wasm_opt() {
        Ok(attributes) => attributes,
        Err(error) => return count.skip(&format!("Bazel: {name}"), error),
    };
    case(count, name, || {
        edit(
            &file,
            "# What modules for js",
            &format!("go_wasm.wasm_opt({attributes})\n\n# What modules for js"),
        )?;
        let run = machine.succeed("build", &[LOCAL, "//tool:small"])?;
        ensure!(run.spawns.iter().any(|spawn| spawn.mnemonic == "GoWasmOpt"), "it did not run");
        let before = machine.output("bazel-bin/tool/small.linked.wasm")?;
        let after = machine.output("bazel-bin/tool/small.wasm")?;
        ensure!(after.starts_with(b"\0asm") && after != before, "nothing was optimized");
        Ok(())
    });
}

/// The workspace with most of its BUILD files written anew, and one where something is amiss.
fn generated(count: &mut Count, kit: &Kit, buildifier: &Buildifier) {
    let files = ["filter", "js", "plugin", "plugin/greeting", "shared/words", "tool"]
        .map(|folder| format!("test_workspace/{folder}/BUILD.bazel"));
    let Some(machine) = case(count, "BUILD files from imports, built and tested", || {
        let machine = Machine::start(kit, "generated")?;
        for file in files.iter().filter(|file| !file.contains("plugin/BUILD")) {
            fs::remove_file(machine.file(file))?;
        }
        edit(&machine.file(&files[2]), "    deps = [\"//plugin/greeting\"],\n", "")?;
        let (succeeded, written) = machine.gowasm(&["bazel", "generate"])?;
        let names = files.iter().map(|file| file.trim_start_matches("test_workspace/"));
        ensure!(succeeded && written.lines().eq(names), "it wrote {written}");
        let written: Vec<_> = files.iter().map(|file| machine.file(file)).collect();
        ensure!(buildifier.accepts(&written)?, "buildifier would write them otherwise");
        let run = machine.run("test", &[LOCAL, "--build_tests_only=false", "//..."])?;
        ensure!(run.succeeded, "{}", run.said);
        ensure!(run.spawns.iter().any(|spawn| spawn.mnemonic == "TestRunner"), "no test ran");
        Ok(machine)
    }) else {
        return;
    };
    case(count, "an import more: the check tells, and the new file builds", || {
        let file = machine.file("test_workspace/tool/main.go");
        edit(
            &file,
            "\"example.com/test/shared/words\"",
            "\"example.com/test/plugin/greeting\"\n\t\"example.com/test/shared/words\"",
        )?;
        edit(&file, "words.System)", "words.System+greeting.Text()[:0])")?;
        let check = || machine.gowasm(&["bazel", "generate", "--check"]);
        let (succeeded, diff) = check()?;
        let added = "+        \"//plugin/greeting\",\n";
        ensure!(!succeeded && diff.contains(added), "the check said {diff}");
        let (succeeded, written) = machine.gowasm(&["bazel", "generate"])?;
        ensure!(succeeded && written == "tool/BUILD.bazel\n", "it wrote {written}");
        ensure!(check()? == (true, String::new()), "the check still finds something");
        machine.succeed("build", &[LOCAL, "//tool"]).map(drop)
    });
}

fn remote(count: &mut Count, kit: &Kit, programs: &Programs, clean: Option<Digests>) {
    let name = "a clean build with remote execution alone";
    let Some((machine, mut cluster)) = case(count, name, || {
        let cluster = Cluster::start(programs)?;
        let machine = Machine::start(kit, "there/deeper/down")?;
        let run = cluster.execute(&machine, &["//..."])?;
        all_ran(&run, "remote")?;
        if let Some(clean) = clean {
            same(&clean, &digests(&run))?;
        }
        Ok((machine, cluster))
    }) else {
        return;
    };
    case(count, "tests run remotely", || {
        let run = cluster.test(&machine, &["--test_output=errors", "//..."])?;
        let tests = run.spawns.iter().filter(|spawn| spawn.mnemonic == "TestRunner");
        ensure!(tests.count() > 0, "no test ran");
        all_ran(&run, "remote")
    });
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
            let module = output_of(&run, "plugin/plugin.wasm")?;
            ensure!(other.output(&module)?.starts_with(b"\0asm"), "the module was not fetched");
            let archive = output_of(&run, "greeting.a")?;
            ensure!(
                other.output(&archive)?.is_empty(),
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
        let (_, module) = digests
            .iter()
            .find(|(path, _)| path.ends_with("plugin/plugin.wasm"))
            .context("no module")?;
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

fn edit(file: &std::path::Path, from: &str, to: &str) -> Result<()> {
    let text = fs::read_to_string(file)?;
    ensure!(text.contains(from), "there is no `{from}` in {}", file.display());
    Ok(fs::write(file, text.replace(from, to))?)
}

/// Everything that ran did so there.
fn all_ran(run: &Run, runner: &str) -> Result<()> {
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
fn ran(run: &Run, expected: &[(&str, &str)]) -> Result<()> {
    let spawns = run.spawns.iter();
    let did = spawns.map(|spawn| (spawn.mnemonic.as_str(), spawn.target_label.as_str()));
    let did: BTreeSet<_> = did.collect();
    let expected: BTreeSet<_> = expected.iter().copied().collect();
    ensure!(did == expected, "expected {expected:#?}\nran {did:#?}");
    Ok(())
}

fn refused(machine: &Machine, label: &str, words: &[&str]) -> Result<()> {
    let run = machine.run("build", &[LOCAL, label])?;
    ensure!(!run.succeeded, "{label} was built");
    for word in words {
        ensure!(run.said.contains(word), "`{word}` is not in what was said:\n{}", run.said);
    }
    Ok(())
}

fn digests(run: &Run) -> Digests {
    outputs(&run.spawns)
        .into_iter()
        .map(|(path, hash)| (path.to_owned(), hash.to_owned()))
        .collect()
}

fn same(one: &Digests, other: &Digests) -> Result<()> {
    let differs = one.iter().filter(|(path, hash)| other.get(*path) != Some(hash));
    let differs: Vec<_> = differs.map(|(path, _)| path).collect();
    ensure!(one.len() == other.len(), "{} outputs, then {}", one.len(), other.len());
    ensure!(differs.is_empty(), "other bytes in {differs:#?}");
    Ok(())
}

/// The path of an output, for the workspace's symbolic link to Bazel's execution root.
fn output_of(run: &Run, suffix: &str) -> Result<String> {
    let outputs = outputs(&run.spawns);
    let path = outputs.into_keys().find(|path| path.ends_with(suffix));
    let path = path.with_context(|| format!("no action wrote {suffix}"))?;
    Ok(path.to_owned())
}
