//! Go tests under Bazel: what Bazel tells a test, what a test tells Bazel, and other repositories: tests there, and
//! Go modules that are theirs and ours.

use super::Machine;
use super::e2e::{KEPT, LOCAL, MODULE, case, edit};
use crate::project;
use crate::test::Count;
use anyhow::{Result, ensure};
use gowasm_testbed::PrivateModules;
use std::fs;
use std::process::Command;

const RUNNER: &str = "bazel-testlogs/runner";

pub(super) fn run(count: &mut Count, machine: &Machine) {
    case(count, "shards, environment, files and outputs of a test", || {
        let arguments = [
            LOCAL,
            KEPT,
            "--test_env=ASKED=for once",
            // The report is made of the output of another -test.v.
            "--test_arg=-test.v",
            "--nozip_undeclared_test_outputs",
            "--test_output=errors",
            "//runner:runner_test",
        ];
        machine.succeed("test", &arguments)?;
        let shard = |number| format!("{RUNNER}/runner_test/shard_{number}_of_2");
        let first = ["\"TestData\"", "\"TestOutput\"", "\"Example\"", "tests=\"3\" failures=\"0\""];
        has(machine, &format!("{}/test.xml", shard(1)), &first)?;
        let second = ["\"TestEnvironment\"", "\"TestTemporary\"", "tests=\"2\" failures=\"0\""];
        has(machine, &format!("{}/test.xml", shard(2)), &second)?;
        has(machine, &format!("{}/test.outputs/made.txt", shard(1)), &["made"])
    });
    let bad = |flags: &[&str], xml: &[&str]| -> Result<String> {
        let arguments = [&[LOCAL], flags, &["--test_output=errors", "//runner:bad_test"]].concat();
        let run = machine.run("test", &arguments)?;
        ensure!(!run.succeeded, "{flags:?}: the test passed");
        has(machine, &format!("{RUNNER}/bad_test/test.xml"), xml)?;
        Ok(run.said)
    };
    case(count, "after a failure the next test does not run, when Bazel is told so", || {
        let flags = ["--test_filter=TestFail|TestNext", "--test_runner_fail_fast"];
        bad(&flags, &["\"TestFail\"", "tests=\"1\" failures=\"1\""]).map(drop)
    });
    case(count, "a test that exits with 0 has not passed", || {
        let said = bad(&["--test_filter=TestExit"], &["\"TestExit\"", "failures=\"1\""])?;
        ensure!(said.contains("unexpected call to os.Exit(0)"), "{said}");
        Ok(())
    });
    case(count, "Go ends tests before Bazel's timeout, and says where they are", || {
        let time = ["--test_filter=TestSleep", "--test_timeout=6"];
        let said = bad(&time, &["did not end: the program exited with 2", "bad_test.go:"])?;
        ensure!(said.contains("test timed out after 5.4s"), "{said}");
        Ok(())
    });
    case(count, "a test that never rests is ended too, with a report", || {
        let time = ["--test_filter=TestSpin", "--test_timeout=3"];
        let said = bad(&time, &["did not end: the program did not end within 2.9 s"])?;
        ensure!(said.contains("hint: give the test a larger `timeout`"), "{said}");
        Ok(())
    });
    case(count, "a test of another repository, whose Go modules are merged with ours", || {
        let arguments = [LOCAL, "--test_output=errors", "@shapes//area:area_test"];
        machine.succeed("test", &arguments)?;
        let file = "bazel-testlogs/external/shapes+/area/area_test/test.xml";
        has(machine, file, &["tests=\"2\" failures=\"0\"", "shapes+//area:area_test"])
    });
}

/// Of the package under test and what it imports, counted by lines.
pub(super) fn coverage(count: &mut Count, machine: &Machine) {
    case(count, "coverage of tests, as LCOV", || {
        let arguments = [
            LOCAL,
            KEPT,
            "--instrumentation_filter=//",
            // Bazel's own would be downloaded, and only --combined_report runs it.
            "--coverage_report_generator=@bazel_tools//tools/test:test_setup",
            "//shared/words:words_test",
        ];
        machine.succeed("coverage", &arguments)?;
        let file = "bazel-testlogs/shared/words/words_test/coverage.dat";
        let files = ["SF:plugin/greeting/greeting.go", "SF:shared/words/words.go", "DA:5,3"];
        has(machine, file, &files)?;
        let text = String::from_utf8_lossy(&machine.output(file)?).into_owned();
        ensure!(!text.contains("_test.go"), "{text}");
        Ok(())
    });
}

pub(super) fn go_modules(count: &mut Count, machine: &Machine) {
    case(count, "Go modules out of another cache, and two versions of one", || {
        let cache = "--repo_env=GOMODCACHE=/mnt/out/modules";
        let run =
            machine.succeed("build", &[LOCAL, cache, "@go_modules//github.com/google/uuid"])?;
        let said = "//:go.mod requires the Go module github.com/google/uuid v1.5.0; this build has v1.6.0, \
                    which @@shapes+//:go.mod requires";
        ensure!(run.said.contains(said), "{}", run.said);
        has(machine, "/mnt/out/modules/github.com/google/uuid@v1.6.0/go.mod", &["google/uuid"])
    });
    case(count, "a private Go module: what Go's client heeds, and a change of it", || {
        private_modules(machine)
    });
    case(count, "vendored Go modules hold no link out of them", || {
        let vendored = machine.file("test_workspace/vendored");
        machine.succeed("vendor", &["--vendor_dir=vendored", "--repo=@go_modules"])?;
        let of_go = vendored.join("rules_go_wasm++go_wasm+go_modules");
        let source = of_go.join("github.com/google/uuid/uuid.go");
        ensure!(source.is_file(), "there is no {}", source.display());
        let links = project::output(Command::new("find").arg(&of_go).args(["-type", "l"]))?;
        ensure!(links.is_empty(), "links:\n{links}");
        Ok(fs::remove_dir_all(vendored)?)
    });
}

/// Each variable alone decides whether Go gets the module, and the repository is made anew when one changes.
fn private_modules(machine: &Machine) -> Result<()> {
    let host = PrivateModules::start()?;
    let folder = machine.file("test_workspace/private");
    fs::create_dir(&folder)?;
    fs::write(folder.join("BUILD.bazel"), "")?;
    fs::write(folder.join("go.mod"), PrivateModules::GO_MOD)?;
    fs::write(folder.join("go.sum"), PrivateModules::GO_SUM)?;
    fs::write(machine.home().join("netrc"), PrivateModules::NETRC)?;
    let tag = "go_wasm.modules(\n    name = \"private\",\n    go_mod = \"//private:go.mod\",\n    \
               go_sum = \"//private:go.sum\",\n)\nuse_repo(go_wasm, \"private\")\n";
    let last = "use_repo(go_wasm, \"go_modules\")\n";
    edit(&machine.file(MODULE), last, &format!("{last}{tag}"))?;

    let variables = [
        ("GOPROXY", "off"),
        ("GONOSUMDB", "private.test"),
        ("GOMODCACHE", "/mnt/out/private"),
        ("HTTP_PROXY", &host.proxy()),
        ("HTTPS_PROXY", &host.proxy()),
        ("GONOPROXY", "private.test"),
        ("GOINSECURE", "private.test"),
        ("GOAUTH", "netrc"),
        ("NETRC", "/mnt/home/netrc"),
    ];
    let fetch = |changed: Option<(&str, &str)>| {
        // What one fetch has got is nothing to the next.
        machine.forget("private")?;
        let variables = variables.iter().copied().chain(changed);
        let flags: Vec<_> =
            variables.map(|(name, value)| format!("--repo_env={name}={value}")).collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        machine.run("build", &[&flags[..], &["--nobuild", "@private//private.test/words"]].concat())
    };
    for (name, value, said) in [
        ("GONOPROXY", "none.test", "disabled by GOPROXY=off"),
        ("GOINSECURE", "none.test", "failed to verify certificate"),
        ("GOAUTH", "off", "401 Unauthorized"),
        ("NETRC", "/mnt/home/none", "401 Unauthorized"),
    ] {
        let run = fetch(None)?;
        ensure!(run.succeeded, "{}", run.said);
        let run = fetch(Some((name, value)))?;
        ensure!(!run.succeeded && run.said.contains(said), "{name}={value}: {}", run.said);
    }
    Ok(())
}

/// A file that a test left has all of these in it.
fn has(machine: &Machine, path: &str, parts: &[&str]) -> Result<()> {
    let text = String::from_utf8_lossy(&machine.output(path)?).into_owned();
    for part in parts {
        ensure!(text.contains(part), "no `{part}` in {path}:\n{text}");
    }
    Ok(())
}
