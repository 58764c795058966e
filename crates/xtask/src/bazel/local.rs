//! Locally, in Bazel's sandbox: a working day, from a clean build to what is wrong.

use super::e2e::{
    Digests, KEPT, LOCAL, MODULE, all_ran, case, digests, edit, name_wasm_opt, output, ran,
    refused, same,
};
use super::log::Spawn;
use super::{Kit, Machine, Run, attributes, testing};
use crate::test::Count;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

const WORKERS: &str = "--spawn_strategy=worker,sandboxed";
/// Of actions whose paths are the same in two configurations the second finds what the first has kept.
pub(super) const STRIPPED: &str = "--experimental_output_paths=strip";
const TAGGED: &str = "--@rules_go_wasm//toolchains:tags=special";

/// Returns what the clean build made.
pub(super) fn run(count: &mut Count, kit: &Kit) -> Option<Digests> {
    let name = "a clean build in the sandbox";
    let (machine, clean) = case(count, name, || {
        let machine = Machine::start(kit, "here")?;
        // Every command line in a parameter file; the machines after this one have them as they come.
        let run = machine.succeed("build", &[LOCAL, KEPT, "--min_param_file_size=0", "//..."])?;
        all_ran(&run, "linux-sandbox")?;
        for mnemonic in ["GoWasmTags", "GoWasmStd", "GoWasmCompile", "GoWasmLink", "GoWasmVerify"] {
            ensure!(run.has(mnemonic), "no {mnemonic} ran");
        }
        compilations_read_little(&run)?;
        let clean = digests(&run);
        let magic = machine.output("bazel-bin/consumer/magic.txt")?;
        ensure!(magic == b"asm", "the consumer got {magic:?}, which is no wasm module");
        let names = machine.output("bazel-bin/consumer/names.txt")?;
        let names = String::from_utf8_lossy(&names).into_owned();
        ensure!(names == "greeting_length\nscaled\ntagged\nversion\n", "the exports are {names}");
        Ok((machine, clean))
    })?;
    case(count, "the manifest and the verdict tell of the module", || papers(&machine, &clean));
    let build = || machine.succeed("build", &[LOCAL, "//..."]);
    workers(count, &machine, &clean);
    case(count, "nothing changed, nothing runs", || ran(&build()?, &[]));
    case(count, "tests", || {
        let run = machine.run("test", &[LOCAL, "--test_output=errors", "//..."])?;
        ensure!(run.succeeded, "{}", run.said);
        ensure!(run.has("TestRunner"), "no test ran");
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
            ("GoWasmLink", "//options:options"),
            ("GoWasmVerify", "//options:options"),
            ("GoWasmBindings", "//plugin:plugin_host"),
            ("GoWasmImage", "//plugin:plugin_image"),
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
    case(count, "an init that panics is an error", || {
        refused(&machine, "//bad:init", &["panic: no configuration"])
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
    case(count, "what a module cannot be made of is an error that names the targets", || {
        for (target, words) in REFUSED {
            refused(&machine, &format!("//bad:{target}"), words)?;
        }
        Ok(())
    });
    commands(count, &machine);
    case(count, "a build tag for all packages, and the same standard library", || {
        let plan = ["--test_output=errors", "//plugin:plugin_test"];
        let run = machine.run("test", &[&[LOCAL, TAGGED], &plan[..]].concat())?;
        // The test's plan is for a module without the tag.
        ensure!(!run.succeeded && run.said.contains("FAIL tagged() = 1"), "{}", run.said);
        ensure!(!run.has("GoWasmStd"), "a tag led to another standard library");
        Ok(())
    });
    attributes::run(count, &machine);
    attributes::vectors(count, kit, &machine);
    case(count, "names of output folders that are the same in every configuration", || {
        machine.succeed("build", &[LOCAL, "//plugin"])?;
        let module = || machine.output("bazel-bin/plugin/plugin.wasm");
        let before = module()?;
        let run = machine.succeed("build", &[LOCAL, KEPT, STRIPPED, "//plugin"])?;
        all_ran(&run, "linux-sandbox")?;
        ensure!(before.starts_with(b"\0asm") && module()? == before, "another module");
        Ok(())
    });
    attributes::protobuf(count, kit, &machine);
    testing::run(count, &machine);
    testing::coverage(count, &machine);
    testing::go_modules(count, &machine);
    rules_go(count, kit, &machine);
    programs(count, kit, &machine);
    Some(clean)
}

/// What is wrong with targets in `bad/`, and what is said of it.
const REFUSED: [(&str, &[&str]); 11] = [
    // As soon as the targets are known.
    ("same_beside", &["example.com/test/bad/same", "//bad:one and //bad:other"]),
    ("empty", &["//bad:empty: srcs is empty"]),
    ("internal", &["//bad:internal", "//bad:hidden", "internal to \"example.com/test/other\""]),
    ("imports_binary", &["//bad:imports_binary", "//tool:tool, which is a module"]),
    // In an action.
    ("same_below", &["example.com/test/bad/same", "//bad:one and //bad:other"]),
    ("mixed", &["//bad:mixed", "two packages: deps (bad/deps.go) and syntax (bad/syntax.go)"]),
    ("no_main", &["//bad:one is not package main"]),
    ("imports_main", &["//bad:imports_main", "//tool:main", "is a package main"]),
    ("x_defs", &["sets main.verison", "declare `var verison string`"]),
    ("x_defs", &["example.com/test/elsewhere.version", "no package of the module"]),
    ("status", &["gives main.version the value of STABLE_COMIT", "BUILD_TIMESTAMP"]),
];

/// One process for all actions of a kind, in and outside of sandboxes.
fn workers(count: &mut Count, machine: &Machine, clean: &Digests) {
    // What workers are to do is done again; the rest comes out of the disk cache, the standard library too.
    let of_workers = ["GoWasmCompile", "GoWasmCompileTest", "GoWasmLink", "GoWasmVerify"];
    let again: Vec<String> =
        of_workers.map(|mnemonic| format!("--modify_execution_info={mnemonic}=+no-cache")).into();
    let sandboxes = ["--worker_sandboxing", "--experimental_worker_multiplex_sandboxing"];
    for (name, flags) in [("workers", [].as_slice()), ("workers in sandboxes", &sandboxes)] {
        case(count, &format!("{name} make the same"), || {
            machine.succeed("clean", &[])?;
            let again = again.iter().map(String::as_str);
            let all: Vec<_> = [WORKERS, KEPT, "//..."]
                .into_iter()
                .chain(again)
                .chain(flags.iter().copied())
                .collect();
            let run = machine.succeed("build", &all)?;
            for spawn in run.spawns.iter().filter(|spawn| spawn.mnemonic.starts_with("GoWasm")) {
                let is_done_again = of_workers.contains(&spawn.mnemonic.as_str());
                let expected = if is_done_again { "worker" } else { "disk cache hit" };
                let (label, runner) = (&spawn.target_label, &spawn.runner);
                ensure!(runner == expected, "{} of {label} ran as `{runner}`", spawn.mnemonic);
            }
            same(clean, &digests(&run))
        });
    }
    case(count, "a worker says what is wrong as every action does", || {
        let run = machine.run("build", &[WORKERS, "//bad:syntax"])?;
        ensure!(!run.succeeded && run.said.contains("bad/syntax.go:"), "{}", run.said);
        // For the cases that follow, which have no cache to fetch outputs from later.
        machine.succeed("clean", &[])?;
        let all = "--remote_download_outputs=all";
        machine.succeed("build", &[LOCAL, KEPT, all, "//..."]).map(drop)
    });
}

/// `bazel run`, and what is set at link time.
fn commands(count: &mut Count, machine: &Machine) {
    let run = |arguments: &[&str]| -> Result<String> {
        Ok(machine.succeed("run", &[&[LOCAL], arguments].concat())?.said)
    };
    case(count, "a command is run with arguments, in the user's folder", || {
        let said = run(&["//stamp", "--", "-file", "go.mod"])?;
        let bytes = fs::metadata(machine.file("test_workspace/go.mod"))?.len();
        for part in ["commit unknown, release 7\n".to_owned(), format!("{bytes} bytes for root\n")]
        {
            ensure!(said.contains(&part), "no {part} in {said}");
        }
        let said = run(&["//js"])?;
        ensure!(said.contains("built for js"), "{said}");
        Ok(())
    });
    case(count, "the workspace's status is in what asks for it, and nowhere else", || {
        let program = "#!/bin/sh\necho STABLE_COMMIT abc\n";
        let file = machine.script("status.sh", program)?;
        let status = format!("--workspace_status_command={file}");
        let said = run(&["--stamp", &status, "//stamp"])?;
        ensure!(said.contains("commit abc, release 7\n"), "{said}");
        machine.script("status.sh", &program.replace("abc", "def"))?;
        let rebuilt = machine.succeed("build", &[LOCAL, "--stamp", &status, "//..."])?;
        let links = rebuilt.spawns.iter().filter(|spawn| spawn.mnemonic == "GoWasmLink");
        let links: Vec<_> = links.map(|spawn| &spawn.target_label).collect();
        ensure!(links == ["//stamp:stamp"], "linked {links:?}");
        Ok(())
    });
}

/// Beside the package's files and Go's compiler what it imports and no more, of the standard library neither; and of
/// that the programs' packages are compiled, not all.
fn compilations_read_little(run: &Run) -> Result<()> {
    let compilations = run.spawns.iter().filter(|spawn| spawn.mnemonic == "GoWasmCompile");
    for compilation in compilations {
        let others = |path: &str| path.ends_with("/gowasm") || path.contains("/pkg/tool/");
        let inputs: Vec<_> = compilation.inputs().filter(|(path, _)| !others(path)).collect();
        let bytes: u64 = inputs.iter().map(|(_, bytes)| bytes).sum();
        let has_go = inputs.iter().any(|(path, _)| path.ends_with("bin/go"));
        let label = &compilation.target_label;
        ensure!(!has_go && bytes < 5_000_000, "{label} reads {bytes} bytes; go: {has_go}");
    }
    let of_std = run.spawns.iter().filter(|spawn| spawn.mnemonic == "GoWasmStd");
    let of_std: BTreeSet<_> = of_std.flat_map(|spawn| spawn.outputs()).collect();
    let has = |name: &str| of_std.iter().any(|path| path.ends_with(name));
    ensure!(has("/std/fmt.a"), "fmt was not compiled");
    ensure!(!has("/std/net/http.a"), "net/http was compiled, and no program has it");
    Ok(())
}

fn papers(machine: &Machine, clean: &Digests) -> Result<()> {
    let of_plugin = |kind: &str| output(clean, &format!("/plugin/plugin.{kind}"));
    let read = |kind: &str| -> Result<Value> {
        let text = machine.output(of_plugin(kind)?.0)?;
        serde_json::from_slice(&text).with_context(|| format!("the {kind}"))
    };
    let (manifest, verdict) = (read("manifest.json")?, read("verdict.json")?);
    let module = of_plugin("wasm")?.1;
    for paper in [&manifest, &verdict] {
        ensure!(paper["module"]["sha256"] == *module, "{module} is not the module of {paper}");
    }
    ensure!(manifest["build_mode"] == "c-shared", "{manifest}");
    let exports = manifest["exports"].as_array().context("exports")?;
    let scaled = exports.iter().find(|export| export["name"] == "scaled").context("scaled")?;
    ensure!(scaled["params"] == json!(["i64"]), "{scaled}");
    ensure!(verdict["passed"] == true, "{verdict}");
    Ok(())
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
        ensure!(run.has("GoWasmVerify"), "nothing was verified");
        Ok(())
    });
    case(count, "gc_goopts of a go_library go to the compiler", || {
        let asked = "mnemonic(GoWasmCompile, deps(//plugin))";
        let run = machine.with_rules_go(&sources, "aquery", &[asked])?;
        let mut actions = run.said.split("action 'Compiling Go package ");
        let of_words = actions.find(|action| action.starts_with("bridge/words'"));
        let flags = of_words.with_context(|| format!("no such action:\n{}", run.said))?;
        ensure!(flags.contains("--flag=-l"), "{flags}");
        Ok(())
    });
    case(count, "directives of go_library targets are judged by an aspect", || {
        let vet = "--aspects=//:go_wasm.bzl%go_wasm_vet";
        let run = machine.with_rules_go(&sources, "build", &[LOCAL, KEPT, vet, "//plugin"])?;
        ensure!(run.succeeded && run.has("GoWasmVet"), "{}", run.said);
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
    let file = machine.file(MODULE);
    case(count, "a module for js needs node", || {
        edit(&file, "go_wasm.node()\n", "")?;
        refused(machine, "//js", &["no node toolchain", "go_wasm.node()", "verify = False"])
    });
    case(count, "a Go module whose checksum is not that of go.sum is an error", || {
        let sums = machine.file("test_workspace/go.sum");
        edit(&sums, " h1:", " h1:A")?;
        refused(machine, "//filter", &["checksum mismatch"])?;
        edit(&sums, " h1:A", " h1:")
    });
    let name = "wasm-opt out of an archive";
    let attributes = match kit.wasm_opt() {
        Ok(attributes) => attributes,
        Err(error) => return count.skip(&format!("Bazel: {name}"), error),
    };
    case(count, name, || {
        name_wasm_opt(machine, &attributes)?;
        let run = machine.succeed("build", &[LOCAL, KEPT, "//tool:small"])?;
        ensure!(run.has("GoWasmOpt"), "it did not run");
        let before = machine.output("bazel-bin/tool/small.linked.wasm")?;
        let after = machine.output("bazel-bin/tool/small.wasm")?;
        ensure!(after.starts_with(b"\0asm") && after != before, "nothing was optimized");
        let manifest = machine.output("bazel-bin/tool/small.manifest.json")?;
        let manifest: Value = serde_json::from_slice(&manifest)?;
        let size = manifest["module"]["size"].as_u64();
        ensure!(size == Some(after.len() as u64), "the manifest is of another module: {size:?}");
        Ok(())
    });
}
