//! The whole test suite, part by part; a part that cannot be set up here is skipped and says so.

use crate::bazel::e2e::{self, Part};
use crate::bazel::{Buildifier, Kit, reference};
use crate::demo::{self, GoCaches};
use crate::{docs, project, servers, tools};
use anyhow::{Context, Result, anyhow};
use gowasm_testbed::{BUILDBOX, BUILDGRID, Programs};
use std::env;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

#[derive(Default)]
pub(crate) struct Count {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Count {
    /// Runs one part and counts it as one test.
    pub(crate) fn part(&mut self, name: &str, part: impl FnOnce() -> Result<bool>) {
        let started = Instant::now();
        println!("== {name}");
        match part() {
            Ok(true) => self.passed += 1,
            Ok(false) => self.fail(name),
            Err(error) => {
                println!("{error:#}");
                self.fail(name);
            }
        }
        println!("-- {name}: {:.0} s", started.elapsed().as_secs_f64());
    }

    fn fail(&mut self, name: &str) {
        println!("FAILED: {name}");
        self.failed += 1;
    }

    pub(crate) fn skip(&mut self, name: &str, why: &anyhow::Error) {
        println!("SKIPPED: {name}: {why:#}");
        self.skipped += 1;
    }
}

/// Runs everything, or only what needs Bazel.
pub(crate) fn run(only_bazel: Option<Option<Part>>) -> Result<ExitCode> {
    let (only_bazel, part) = (only_bazel.is_some(), only_bazel.flatten());
    let mut count = Count::default();
    let mut features = Vec::new();
    if !only_bazel {
        // Downloads wait for the network while the lints want the cores.
        let fetching = std::thread::spawn(tools::fetch_ahead);
        pages_and_lints(&mut count);
        features = tested_features(&mut count);
        println!("== compiling the tests");
        // What does not compile is told, and counted, when the tests are to run.
        let _ = tests(&features).arg("--no-run").status();
        let _ = fetching.join();
    }
    let servers = Part::Distributed.is_asked(part).then(servers::programs);
    if let Some(Err(error)) = &servers {
        count.skip("remote execution servers", error);
    }
    let servers = servers.and_then(Result::ok);
    if !only_bazel {
        let gos = toolchains(&mut count);
        // The tests that need it say so themselves when they skip.
        if let Err(error) = tools::browser() {
            println!("chromium: {error:#}");
        }
        println!("== cargo test");
        cargo_test(&mut count, &features, &gos, servers.as_ref())?;
        hosts_and_demo(&mut count, &gos);
    }
    bazel(&mut count, part, servers.as_ref());

    let Count { passed, failed, skipped } = count;
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn pages_and_lints(count: &mut Count) {
    count.part("formatting", || succeeds(project::cargo().args(["fmt", "--check"])));
    count.part("clippy", || {
        let clippy = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
        succeeds(project::cargo().args(clippy))
    });
    // They are run for hours elsewhere: here it is seen that they can be.
    count.part("fuzz targets compile", || {
        let check = ["check", "--quiet", "--locked", "--bins", "--target-dir"];
        let mut command = project::cargo();
        command.current_dir(project::root().join("fuzz"));
        succeeds(command.args(check).arg(project::target_dir()))
    });
    count.part("pages", || {
        let wrong = docs::check()?;
        wrong.iter().for_each(|line| println!("{line}"));
        Ok(wrong.is_empty())
    });
}

fn bazel(count: &mut Count, part: Option<Part>, servers: Option<&Programs>) {
    let buildifier = Buildifier::set_up();
    match &buildifier {
        Ok(buildifier) => count.part("buildifier", || buildifier.check()),
        Err(error) => count.skip("buildifier", error),
    }
    match Kit::set_up() {
        Ok(kit) => {
            if Part::Reference.is_asked(part) {
                count.part("reference of the Bazel rules", reference::check);
            }
            e2e::run(count, &kit, part, servers, buildifier.as_ref().ok());
        }
        Err(error) => count.skip("Bazel", &error),
    }
}

/// Side by side: each compiles crates that wait for each other, and leaves a core idle.
fn hosts_and_demo(count: &mut Count, gos: &str) {
    std::thread::scope(|scope| {
        let hosts = scope.spawn(|| hosts(gos).output());
        count.part("demo, Go's caches empty", || demo::run(GoCaches::Empty));
        count.part("hosts with wasmi and wasmtime", || {
            let output =
                hosts.join().map_err(|_| anyhow!("the thread that starts cargo panicked"))?;
            let output = output.context("cannot start cargo")?;
            print!("{}", String::from_utf8_lossy(&output.stdout));
            print!("{}", String::from_utf8_lossy(&output.stderr));
            Ok(output.status.success())
        });
    });
}

/// The tests of Rust programs with Go plugins, whose build scripts need a Go.
fn hosts(gos: &str) -> Command {
    let mut command = project::cargo();
    command.current_dir(project::root().join("examples/hosts"));
    command.args(["test", "--workspace", "--locked", "--target-dir"]).arg(project::target_dir());
    command.env("GOTOOLCHAIN", "local");
    if let Some(go) = env::split_paths(gos).next() {
        command.env("GOWASM_GO", go);
    }
    command
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(command.status().with_context(|| format!("cannot start {command:?}"))?.success())
}

/// The Go toolchains that the tests are given, in the form of `GOWASM_TEST_GOS`.
fn toolchains(count: &mut Count) -> String {
    let mut paths: Vec<_> = tools::machine_go().into_iter().collect();
    for version in [tools::NEWEST_GO].iter().chain(&tools::OLDER_GOS) {
        match tools::installed_go(version) {
            Ok(path) => paths.push(path),
            Err(error) => count.skip(&format!("Go {version}"), &error),
        }
    }
    let joined = env::join_paths(paths).unwrap_or_default();
    joined.to_string_lossy().into_owned()
}

/// What gowasm is tested with beside its default features.
fn tested_features(count: &mut Count) -> Vec<&'static str> {
    let mut features = vec!["gowasm/wasmtime"];
    match tools::cxx() {
        Ok(()) => features.push("gowasm/wasm-opt"),
        Err(error) => count.skip("wasm-opt built in", &error),
    }
    features
}

/// Every Rust test of the workspace.
fn tests(features: &[&str]) -> Command {
    let mut command = project::cargo();
    command.args(["test", "--workspace", "--no-fail-fast", "--features", &features.join(",")]);
    command
}

/// Runs them and adds up what each test binary says of itself.
fn cargo_test(
    count: &mut Count,
    features: &[&str],
    gos: &str,
    servers: Option<&Programs>,
) -> Result<()> {
    let mut command = tests(features);
    command
        .args(["--", "--nocapture"])
        .env("GOWASM_TEST_GOS", gos)
        .env("GOWASM_CORPUS", "full")
        .env("GOTOOLCHAIN", "local")
        .envs(tools::plugin_hosts())
        .stdout(Stdio::piped());
    if let Some(Programs { buildbox, buildgrid }) = servers {
        command.env(BUILDBOX, buildbox).env(BUILDGRID, buildgrid);
    }
    // Without a Go on the machine the tests use the newest that was installed.
    if tools::machine_go().is_none()
        && let Some(bin) = env::split_paths(gos).next().as_deref().and_then(|go| go.parent())
    {
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&path)))?;
        command.env("PATH", path);
    }
    let mut child = command.spawn().context("cannot start cargo")?;
    let output = child.stdout.take().context("cargo has no stdout")?;
    let failed_before = count.failed;
    for line in BufReader::new(output).lines() {
        let line = line?;
        // The harness's lines for single tests are noise; what tests print themselves is not.
        if !(line.is_empty() || line.starts_with("test ") && line.ends_with("... ok")) {
            println!("{line}");
        }
        count_line(count, &line);
    }
    let status = child.wait()?;
    // A test that did not compile, or died, has no line of its own.
    if !status.success() && count.failed == failed_before {
        count.fail("cargo test");
    }
    Ok(())
}

fn count_line(count: &mut Count, line: &str) {
    if line.starts_with("skipped: ") {
        count.skipped += 1;
    }
    let Some((_, figures)) = line.split_once("test result: ") else { return };
    let figure = |word: &str| -> usize {
        let before = figures.split(word).next().unwrap_or_default().trim_end();
        let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits.parse().unwrap_or(0)
    };
    count.passed += figure("passed");
    count.failed += figure("failed");
    count.skipped += figure("ignored");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_up_what_a_test_binary_says() {
        let mut count = Count::default();
        for line in [
            "test result: FAILED. 7 passed; 2 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.10s",
            "skipped: disk full: mount is not permitted",
            "test result: fine words in a test's own output",
        ] {
            count_line(&mut count, line);
        }
        assert_eq!((count.passed, count.failed, count.skipped), (7, 2, 2));
    }
}
