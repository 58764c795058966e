//! `cargo gowasm` in a Cargo workspace with Go plugins.

#![cfg(unix)]

mod support;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use support::{Project, REACTOR, Run};

const PLAN: &str = "[[call]]\nexport = \"add\"\nargs = [2, 3]\nreturns = 5\n";

/// A workspace of two packages: one names a plugin, the other two, and the workspace one more.
fn workspace() -> Project {
    let project = Project::new(REACTOR);
    project.write("work/calc.plan.toml", PLAN);
    project.write(
        "work/Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"host\", \"other\"]\n\
         [workspace.metadata.gowasm.shared]\npackage = \".\"\nbuildmode = \"c-shared\"\n",
    );
    for (name, modules) in [
        (
            "host",
            "[package.metadata.gowasm.calc]\npackage = \"..\"\nbuildmode = \"c-shared\"\nplan = \"../calc.plan.toml\"\n",
        ),
        (
            "other",
            "[package.metadata.gowasm.one]\npackage = \"plugins/one\"\n[package.metadata.gowasm.two]\npackage = \"plugins/two\"\nldflags = \"-s -w\"\n",
        ),
    ] {
        let package = format!(
            "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n{modules}"
        );
        project.write(&format!("work/{name}/Cargo.toml"), &package);
        project.write(&format!("work/{name}/src/lib.rs"), "");
    }
    for name in ["one", "two"] {
        project.write(
            &format!("work/other/plugins/{name}/go.mod"),
            &format!("module example.com/{name}\n\ngo 1.24\n"),
        );
        project.write(
            &format!("work/other/plugins/{name}/main.go"),
            &format!("package main\n\nfunc main() {{ println(\"{name}\") }}\n"),
        );
    }
    project
}

fn cargo_gowasm(project: &Project, folder: &str, args: &[&str]) -> Run {
    let like = project.gowasm(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-gowasm"));
    command.arg("gowasm").args(args).current_dir(project.path(folder));
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Run::of(command.env_remove("CARGO_TARGET_DIR"))
}

#[track_caller]
fn ends(run: &Run, code: i32, texts: &[&str]) {
    assert_eq!(run.code, Some(code), "{}{}", run.stdout, run.stderr);
    for text in texts {
        assert!(run.stderr.contains(text), "`{text}` is not in: {}", run.stderr);
    }
}

#[test]
fn builds_what_cargo_selects() {
    let project = workspace();
    let run = cargo_gowasm(&project, "work/host", &["build"]);
    ends(&run, 0, &["calc: compiling", "shared: "]);
    let files = ["calc.manifest.json", "calc.verdict.json", "calc.wasm"];
    let shared = files.map(|file| file.replace("calc", "shared"));
    let built = project.names("work/target/gowasm");
    assert_eq!(built, [files.map(str::to_owned), shared].concat());

    let run =
        cargo_gowasm(&project, "work", &["build", "-p", "other", "-j1", "--message-format=json"]);
    ends(&run, 0, &[]);
    let modules = run.json()["modules"].clone();
    assert_eq!((&modules[0]["name"], &modules[1]["name"]), (&"one".into(), &"two".into()));
    assert!(project.exists("work/target/gowasm/two.wasm"));

    let all = ["build", "--workspace", "--offline", "-q", "--message-format=json"];
    let run = cargo_gowasm(&project, "work", &all);
    ends(&run, 0, &[]);
    let json = run.json();
    assert_eq!((&json["status"], json["modules"].as_array().unwrap().len()), (&"built".into(), 4));
    let elsewhere = ["build", "--manifest-path", "work/other/Cargo.toml", "--target-dir", "out"];
    ends(&cargo_gowasm(&project, ".", &elsewhere), 0, &[]);
    assert!(project.exists("out/gowasm/one.wasm"));
}

#[test]
fn flags_are_heeded_as_cargo_heeds_them() {
    let project = workspace();
    let go = go_that_writes_down_its_proxy(&project);
    let go = go.to_str().unwrap();
    let loud = ["build", "--offline", "-v", "--color=always", "--go", go];
    let run = cargo_gowasm(&project, "work/host", &loud);
    ends(&run, 0, &["calc: building because ", "calc: using go1."]);
    assert_never_online(&project);

    project.write("work/main.go", &REACTOR.replace("wasmexport add", "wasmexprot add"));
    let coloured = cargo_gowasm(&project, "work/host", &["check", "--color=always"]);
    assert!(coloured.stderr.contains("\x1b["), "{}", coloured.stderr);
    let plain = cargo_gowasm(&project, "work/host", &["check", "--color=never"]);
    assert!(plain.stderr.contains("GW017") && !plain.stderr.contains('\x1b'), "{}", plain.stderr);
    let quiet = cargo_gowasm(&project, "work/host", &["check", "-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (Some(0), ""));
}

fn go_that_writes_down_its_proxy(project: &Project) -> PathBuf {
    let proxies = project.path("proxies");
    let go = project.path("go-counted");
    let body =
        format!("echo \"$GOPROXY\" >> '{}'\nexec '{}' \"$@\"", proxies.display(), go.display());
    project.script("go-offline", &body)
}

#[track_caller]
fn assert_never_online(project: &Project) {
    let proxies = String::from_utf8(project.read("proxies")).unwrap();
    assert!(!proxies.is_empty() && proxies.lines().all(|proxy| proxy == "off"), "{proxies}");
}

#[test]
fn frozen_is_locked_and_offline() {
    let project = workspace();
    let go = go_that_writes_down_its_proxy(&project);
    let frozen = ["build", "--frozen", "--go", go.to_str().unwrap()];
    // There is no Cargo.lock yet, and none may be made.
    ends(&cargo_gowasm(&project, "work/host", &frozen), 1, &["--frozen"]);
    assert!(!project.exists("work/Cargo.lock") && !project.exists("proxies"));

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut lock = Command::new(cargo);
    lock.args(["generate-lockfile", "--offline"]).current_dir(project.path("work"));
    ends(&Run::of(&mut lock), 0, &[]);
    ends(&cargo_gowasm(&project, "work/host", &frozen), 0, &[]);
    assert_never_online(&project);
}

/// Each module's Go waits until the other's has been started.
#[test]
fn modules_are_built_at_the_same_time() {
    let project = workspace();
    let met = project.path("met");
    std::fs::create_dir(&met).unwrap();
    let body = format!(
        "met='{met}'\ncase \"$PWD\" in */one|*/two)\n\
         : > \"$met/${{PWD##*/}}\"\n\
         waited=0\n\
         until [ -e \"$met/one\" ] && [ -e \"$met/two\" ]; do\n\
         waited=$((waited+1)); [ $waited -lt 1200 ] || {{ echo 'nobody else came' >&2; exit 1; }}\n\
         sleep 0.05\ndone;;\nesac\nexec '{go}' \"$@\"",
        met = met.display(),
        go = project.path("go-counted").display()
    );
    let go = project.script("go-that-waits", &body);
    let args = ["build", "-j2", "--go", go.to_str().unwrap()];
    ends(&cargo_gowasm(&project, "work/other", &args[..]), 0, &[]);
    assert_eq!(project.names("met"), ["one", "two"]);
}

#[test]
fn what_stops_all_modules_is_said_once() {
    let project = workspace();
    let nobody = ["build", "--remote-cache=grpc://127.0.0.1:1", "--remote-retries=0"];
    let run = cargo_gowasm(&project, "work/other", &nobody);
    ends(&run, 3, &["one: failed", "two: failed"]);
    let said = run.stderr.matches("cannot ask for the capabilities").count();
    assert_eq!(said, 1, "{}", run.stderr);
}

/// A stand-in that says how it was called and refuses: Binaryen's own is tried with `gowasm build`.
#[test]
fn wasm_opt_is_asked_for_by_table_or_flag() {
    let project = workspace();
    let refuses = project.script("refuses", "echo \"cannot do $1\" >&2\nexit 7\n");
    let refuses = refuses.to_str().unwrap();
    let manifest = String::from_utf8(project.read("work/other/Cargo.toml")).unwrap();
    let table = format!("\nwasm-opt = \"Os\"\nwasm-opt-program = {refuses:?}\nldflags");
    project.write("work/other/Cargo.toml", &manifest.replace("\nldflags", &table));
    let run = cargo_gowasm(&project, "work/other", &["build"]);
    ends(&run, 1, &["two: failed", "cannot do -Os"]);
    assert!(project.exists("work/target/gowasm/one.wasm"));
    assert!(!project.exists("work/target/gowasm/two.wasm"));

    let program = format!("--wasm-opt-program={refuses}");
    let run = cargo_gowasm(&project, "work/other", &["build", "--wasm-opt=O1", &program]);
    ends(&run, 1, &["one: failed", "two: failed", "cannot do -O1"]);
    assert!(!run.stderr.contains("cannot do -Os"), "{}", run.stderr);
}

#[test]
fn a_build_script_has_the_gowasm_on_its_path_optimize() {
    const JOB: &str = "GOWASM_TEST_BUILD_SCRIPT";
    if std::env::var_os(JOB).is_some() {
        let two = gowasm_build::module("two").wasm_opt(gowasm_build::Level::O2);
        return println!("{}", two.compile().unwrap_err());
    }
    let project = workspace();
    let refuses = project.script("refuses", "echo \"cannot do $1\" >&2\nexit 7\n");
    let manifest = String::from_utf8(project.read("work/other/Cargo.toml")).unwrap();
    let table = format!("\nwasm-opt = \"Os\"\nwasm-opt-program = {refuses:?}\nldflags");
    project.write("work/other/Cargo.toml", &manifest.replace("\nldflags", &table));
    std::fs::create_dir_all(project.path("bin")).unwrap();
    std::fs::create_dir_all(project.path("out")).unwrap();
    let script = || {
        let like = project.gowasm(&[]);
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "a_build_script_has_the_gowasm_on_its_path_optimize";
        command.args(["--exact", name, "--nocapture"]).envs(like.get_envs().filter_map(set));
        command.env("CARGO_MANIFEST_DIR", project.path("work/other"));
        command.env("OUT_DIR", project.path("out")).env("PATH", project.path("bin")).env(JOB, "1");
        Run::of(&mut command).stdout
    };
    let said = script();
    assert!(said.contains("gowasm, which is not on the PATH"), "{said}");
    let gowasm = project.path("bin/gowasm");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gowasm"), gowasm).unwrap();
    let said = script();
    assert!(said.contains("cannot do -O2"), "{said}");
}

fn set<'a>((name, value): (&'a OsStr, Option<&'a OsStr>)) -> Option<(&'a OsStr, &'a OsStr)> {
    Some((name, value?))
}

#[test]
fn checks_verifies_and_cleans() {
    let project = workspace();
    ends(&cargo_gowasm(&project, "work/host", &["check"]), 0, &[]);
    assert!(!project.exists("work/target/gowasm"));
    ends(
        &cargo_gowasm(&project, "work/host", &["verify"]),
        1,
        &["calc.wasm is not there", "hint:"],
    );
    ends(&cargo_gowasm(&project, "work/host", &["build", "--no-verify"]), 0, &[]);
    let run = cargo_gowasm(&project, "work/host", &["verify", "--message-format=json"]);
    ends(&run, 0, &[]);
    assert_eq!(run.json()["modules"][0]["verdict"]["passed"], true);

    project.write("work/calc.plan.toml", &PLAN.replace('5', "6"));
    let run = cargo_gowasm(&project, "work/host", &["verify"]);
    ends(&run, 1, &[]);
    assert!(run.stdout.contains("FAIL add(2, 3)"), "{}", run.stdout);
    ends(&cargo_gowasm(&project, "work/host", &["build"]), 1, &["calc: failed", "FAIL add(2, 3)"]);
    project.write("work/main.go", &REACTOR.replace("wasmexport add", "wasmexprot add"));
    ends(&cargo_gowasm(&project, "work/host", &["check"]), 0, &["main.go:3:1: warning[GW017]"]);

    ends(&cargo_gowasm(&project, "work/host", &["clean"]), 0, &[]);
    assert!(project.exists("work/target") && !project.exists("work/target/gowasm"));
}

#[test]
fn faults_of_cargo_toml_name_their_places() {
    let project = workspace();
    let manifest = String::from_utf8(project.read("work/host/Cargo.toml")).unwrap();
    project.write("work/host/Cargo.toml", &manifest.replace("buildmode", "buildmod"));
    let text = ["host/Cargo.toml:7:1: error: `buildmod`", "hint: did you mean `buildmode`?"];
    ends(&cargo_gowasm(&project, "work", &["build", "--workspace"]), 1, &text);
    project.write("work/host/Cargo.toml", &manifest.replace("gowasm.calc", "gowasm.one"));
    let twice = ["both name a module `one`", "hint:"];
    ends(&cargo_gowasm(&project, "work", &["build", "--workspace"]), 1, &twice);
    let unknown = ["no package `hots`", "hint: did you mean `host`?"];
    ends(&cargo_gowasm(&project, "work", &["build", "-p", "hots"]), 2, &unknown);
    // Cargo's own refusal, in its words.
    ends(&cargo_gowasm(&project, "work", &["build", "--locked"]), 1, &["--locked"]);
    let plain = project.path("plain");
    std::fs::create_dir_all(&plain).unwrap();
    ends(&cargo_gowasm(&project, "plain", &["build"]), 1, &["Cargo.toml"]);
}

#[test]
fn one_bad_module_does_not_keep_the_others_from_being_built() {
    let project = workspace();
    project.write("work/other/plugins/one/main.go", "package main\n\nfunc main() { nothing() }\n");
    let run = cargo_gowasm(&project, "work/other", &["build", "--message-format=json"]);
    ends(&run, 1, &["one: failed", "undefined: nothing"]);
    let json = run.json();
    assert_eq!(
        (&json["modules"][0]["exit_code"], &json["modules"][1]["exit_code"]),
        (&1.into(), &0.into())
    );
    assert!(project.exists("work/target/gowasm/two.wasm"));
    assert!(!project.exists("work/target/gowasm/one.wasm"));
}
