//! Builds on machines that share nothing but a server: a real one, buildbox-casd or BuildGrid.

mod support;

use gowasm_store::Digest;
use gowasm_testbed::{BuildGrid, Casd, Change, Interposer, Refusal, Treatment};
use serde_json::Value;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::machines::{Machine, PLAN, programs};
use support::{Project, REACTOR, Run};

fn second_machine_gets_everything(url: &str) {
    let flags = ["--remote-cache", url];
    let a = Machine::new();
    let built = a.build(&flags);
    assert_eq!(
        (&built["link_from_store"], &built["verify_from_store"]),
        (&false.into(), &false.into())
    );
    assert_eq!(built["remote"]["hits"], 0);
    assert_eq!(built["remote"]["uploads"], 2);

    let b = Machine::new();
    let mut command = b.command(&flags);
    // What compiles or assembles here is a failure.
    let forbid = b.project.script(
        "forbid",
        "case \"$*\" in *-V=full*) exec \"$@\";; esac; echo \"$*\" >> \"$0.calls\"; exit 1",
    );
    command.args(["--message-format", "json"]);
    command.env("GOFLAGS", format!("-toolexec={}", forbid.display()));
    let run = Run::of(&mut command);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    let fetched = run.json();
    assert_eq!(
        (&fetched["link_from_store"], &fetched["verify_from_store"]),
        (&true.into(), &true.into())
    );
    assert_eq!(fetched["remote"]["hits"], 2);
    assert_eq!(fetched["remote"]["misses"], 0);
    assert_eq!(fetched["remote"]["uploads"], 0);
    assert!(!b.project.exists("forbid.calls"));
    assert_eq!(b.compiled_here(), 0);
    assert!(a.published() == b.published(), "the machines have different files");
}

#[test]
fn a_second_machine_gets_everything_from_casd() {
    let Some(programs) = programs() else { return };
    let casd = Casd::start(&programs).unwrap();
    second_machine_gets_everything(&casd.url());
}

#[test]
fn a_second_machine_gets_everything_from_buildgrid() {
    let Some(programs) = programs() else { return };
    let grid = BuildGrid::start(&programs, 0).unwrap();
    second_machine_gets_everything(&grid.url());
}

/// The module and verdict that an executor makes are those that are made here.
fn executor_does_the_same(url: &str) {
    let flags = ["--remote-executor", url];
    let here = Machine::new();
    here.build(&[]);
    let there = Machine::new();
    let built = there.build(&flags);
    // Link, verification, and every package that Go compiles.
    assert!(built["remote"]["executions"].as_u64() > Some(2 + 20), "{built}");
    let [module, manifest, verdict] = there.published();
    assert!(module == here.published()[0] && manifest == here.published()[1]);
    let verdict: Value = serde_json::from_slice(&verdict).unwrap();
    assert_eq!(verdict["passed"], true);

    // A second one finds what the executor made.
    let again = Machine::new().build(&flags);
    assert_eq!((&again["remote"]["executions"], &again["remote"]["hits"]), (&0.into(), &2.into()));

    // What fails there fails here, in the same words.
    let broken = Machine::new();
    broken.project.write("work/plan.toml", &PLAN.replace("42", "43"));
    let run = broken.run(&flags);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("42"), "{}", run.stderr);
    assert!(!broken.project.exists("work/calc.wasm"));
}

#[test]
fn casd_compiles_links_and_verifies() {
    let Some(programs) = programs() else { return };
    let casd = Casd::start(&programs).unwrap();
    executor_does_the_same(&casd.url());
}

/// gowasm.toml, flags and variables, told apart by the server that each names: nobody is there.
#[test]
fn settings_come_from_flags_variables_and_a_file() {
    let project = Project::new(REACTOR);
    let build = |arguments: &[&str], variable: Option<&str>| {
        let mut command = project.gowasm(&["build", "--remote-retries", "0"]);
        command.args(arguments);
        if let Some(url) = variable {
            command.env("GOWASM_REMOTE_CACHE", url);
        }
        Run::of(&mut command)
    };
    let fails = |run: Run, code: i32, texts: &[&str]| {
        assert_eq!(run.code, Some(code), "{}", run.stderr);
        for text in texts {
            assert!(run.stderr.contains(text), "`{text}` is not in: {}", run.stderr);
        }
    };
    // Found from the folders below it as well; a relative certificate is one beside the file.
    project.write("gowasm.toml", "[remote]\nremote_cache = \"grpc://127.0.0.1:1\"\n");
    let at = |port: u16| format!("capabilities at grpc://127.0.0.1:{port}:");
    fails(build(&[], None), 3, &[&at(1), "hint:"]);
    fails(build(&[], Some("grpc://127.0.0.1:2")), 3, &[&at(2)]);
    let flag = ["--remote_cache=grpc://127.0.0.1:3"];
    fails(build(&flag, Some("grpc://127.0.0.1:2")), 3, &[&at(3)]);

    for (text, expected) in [
        ("[remote]\nremote_cach = \"x\"\n", "gowasm.toml:2:1: error: `remote_cach` is no key"),
        ("[remot]\n", "gowasm.toml:1:2: error: `remot` is no key"),
        ("[remote]\n\nremote_retries = \"many\"\n", "gowasm.toml:3:18: error: invalid type"),
        ("[remote]\nremote_header = [\"hunter2\n", "gowasm.toml:2:"),
        ("[remote]\nremote_timeout = 0\n", "--remote-timeout takes a number of seconds above 0"),
        ("[remote]\nremote_header = [\"hunter2\"]\n", "--remote-header takes NAME=VALUE"),
    ] {
        project.write("gowasm.toml", text);
        let run = build(&[], None);
        assert!(matches!(run.code, Some(1 | 2)), "{text}{}", run.stderr);
        assert!(run.stderr.contains(expected), "`{expected}` is not in: {}", run.stderr);
        assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
    }
    project.write("gowasm.toml", "[remote]\nremote_cach = \"x\"\n");
    fails(build(&[], None), 1, &["hint: did you mean `remote_cache`?"]);
}

/// A Cargo workspace of so many modules, each of which prints its number.
fn many(count: usize) -> Project {
    let project = Project::new(REACTOR);
    let mut cargo = String::from("[workspace]\nmembers = []\n");
    for number in 0..count {
        let name = format!("m{number:03}");
        cargo += &format!("[workspace.metadata.gowasm.{name}]\npackage = \"./{name}\"\n");
        let main = format!("package main\n\nfunc main() {{ println({number}) }}\n");
        project.write(&format!("work/{name}/main.go"), &main);
    }
    project.write("work/Cargo.toml", &cargo);
    project
}

fn build_all(project: &Project, url: &str, cacheprog: Option<&str>) -> Value {
    let like = project.gowasm(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-gowasm"));
    command.args(["gowasm", "build", "--quiet", "--message-format", "json", "--jobs", "8"]);
    command.args(["--remote-cache", url]).current_dir(project.path("work"));
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    // Cargo itself is looked for below the real HOME.
    command.env("GOCACHE", project.path("gocache")).env_remove("CARGO_TARGET_DIR");
    if let Some(own) = cacheprog {
        command.env("GOCACHEPROG", own);
    }
    let run = Run::of(&mut command);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    assert_eq!(run.stderr, "");
    run.json()
}

#[test]
fn modules_that_are_built_together_share_a_connection() {
    let Some(programs) = programs() else { return };
    let casd = Casd::start(&programs).unwrap();
    let proxy = Interposer::start(casd.port(), |_, _| Treatment::Forward).unwrap();
    // What Go keeps stays here: each go command would start a program with a connection of its own.
    let own = format!("'{}' cacheprog", env!("CARGO_BIN_EXE_gowasm"));
    let project = many(8);
    let built = build_all(&project, &proxy.url(), Some(&own));
    for module in built["modules"].as_array().unwrap() {
        assert_eq!(module["remote"]["uploads"], 2, "{module}");
    }
    assert_eq!(proxy.calls("GetCapabilities").len(), 1);
    assert_eq!(proxy.calls("UpdateActionResult").len(), 2 * 8);

    // When there is nothing to do, nobody is asked.
    let again = build_all(&project, &proxy.url(), Some(&own));
    assert!(again["modules"].as_array().unwrap().iter().all(|module| module["up_to_date"] == true));
    assert_eq!(proxy.calls("GetCapabilities").len(), 1);
}

#[test]
fn two_hundred_modules_share_a_cache() {
    const MODULES: usize = 200;
    let Some(programs) = programs() else { return };
    let casd = Casd::start(&programs).unwrap();
    let from_store = |built: &Value| -> usize {
        let modules = built["modules"].as_array().unwrap();
        assert_eq!(modules.len(), MODULES);
        modules.iter().filter(|module| module["link_from_store"] == true).count()
    };
    let (a, b) = (many(MODULES), many(MODULES));
    assert_eq!(from_store(&build_all(&a, &casd.url(), None)), 0);
    assert_eq!(from_store(&build_all(&b, &casd.url(), None)), MODULES);
    for number in 0..MODULES {
        let module = format!("work/target/gowasm/m{number:03}.wasm");
        assert!(a.read(&module) == b.read(&module), "{module}");
    }
}

/// What a server has for an action is its word. A mix-up costs a warning and time; nothing of it stays.
#[test]
fn wrong_results_of_a_server_are_not_kept() {
    let Some(programs) = programs() else { return };
    let casd = Casd::start(&programs).unwrap();
    let url = casd.url();
    let flags = ["--remote-cache", url.as_str()];
    let good = Machine::new();
    good.build(&flags);
    let other = Machine::with(Project::new(&REACTOR.replace("a + b", "b + a + 0*a*b")));
    other.build(&flags);
    let more = "\n//go:wasmexport more\nfunc more() {}\n";
    let more = Machine::with(Project::new(&format!("{REACTOR}{more}")));
    more.build(&flags);
    let [module, manifest, verdict] = good.published();
    let verdict = String::from_utf8(verdict).unwrap();
    let is_link = |files: &[String]| files.iter().any(|path| path == "module.wasm");
    let module_of = |machine: &Machine| {
        let digest = Digest::of(&machine.published()[0]);
        (digest.hex(), digest.size as i64)
    };
    let wrong_module = |(hash, size): (String, i64)| {
        Change::new(move |result| {
            let files: Vec<String> =
                result.output_files.iter().map(|file| file.path.clone()).collect();
            if is_link(&files)
                && let Some(digest) = &mut result.output_files[0].digest
            {
                (digest.hash, digest.size_bytes) = (hash.clone(), size);
            }
        })
    };
    let wrong_verdict = |text: String| {
        Change::new(move |result| {
            if result.output_files.is_empty() {
                result.stdout_digest = None;
                result.stdout_raw = text.clone().into_bytes();
            }
        })
    };
    let no_module = Change::new(move |result| {
        let files: Vec<String> = result.output_files.iter().map(|file| file.path.clone()).collect();
        if is_link(&files) {
            result.output_files.clear();
        }
    });
    let other_verdict = String::from_utf8(other.published()[2].clone()).unwrap();
    let mut failed: Value = serde_json::from_str(&verdict).unwrap();
    failed["steps"][0]["status"] = "failed".into();
    let mut fewer: Value = serde_json::from_str(&verdict).unwrap();
    fewer["steps"].as_array_mut().unwrap().pop();
    let mut limits: Value = serde_json::from_str(&verdict).unwrap();
    limits["limits"]["steps"] = 1.into();
    let mut engine: Value = serde_json::from_str(&verdict).unwrap();
    engine["engine"]["name"] = "another".into();
    for (change, says) in [
        (wrong_module(module_of(&other)), "the module is made of other inputs"),
        (wrong_module(module_of(&more)), "the module is made of other inputs"),
        (no_module, "it has no module"),
        (wrong_verdict(other_verdict), "the verdict is of another module"),
        (wrong_verdict("{}".to_owned()), "it has no verdict"),
        (wrong_verdict(failed.to_string()), "at odds with its own steps"),
        (wrong_verdict(fewer.to_string()), "the verdict is of another plan"),
        (wrong_verdict(limits.to_string()), "the verdict is of other limits"),
        (wrong_verdict(engine.to_string()), "the verdict is of another engine"),
    ] {
        let proxy = Interposer::start(casd.port(), move |method, _| match method {
            "GetActionResult" => Treatment::Change(change),
            _ => Treatment::Forward,
        });
        let proxy = proxy.unwrap();
        let store = tempfile::tempdir().unwrap();
        let build = |folder: &str, flags: &[&str]| {
            let mut command = good.command(flags);
            command
                .args(["--message-format", "json", "-o", folder])
                .arg("--store")
                .arg(store.path());
            // What Go keeps is another matter, and stays here.
            let own = format!("'{}' cacheprog", env!("CARGO_BIN_EXE_gowasm"));
            let run = Run::of(command.env("GOCACHEPROG", own));
            assert_eq!(run.code, Some(0), "{says}: {}{}", run.stdout, run.stderr);
            run
        };
        let run = build("out/", &["--remote-cache", &proxy.url()]);
        let warning = format!("warning: {} has a wrong result for action ", proxy.url());
        assert_eq!(run.stderr.matches(&warning).count(), 1, "{says}: {}", run.stderr);
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
        assert!(good.project.read("work/out/calc.wasm") == module, "{says}");
        assert!(good.project.read("work/out/calc.manifest.json") == manifest, "{says}");
        // What the disk has now is right.
        let again = build("again/", &[]).json();
        let from_store = (&again["link_from_store"], &again["verify_from_store"]);
        assert_eq!(from_store, (&true.into(), &true.into()), "{says}");
        assert!(good.project.read("work/again/calc.wasm") == module, "{says}");
    }

    // A verdict is written anew, whatever it came as.
    let mut odd: Value = serde_json::from_str(&verdict).unwrap();
    odd["more"] = "\u{1b}[31m".into();
    let change = wrong_verdict(odd.to_string());
    let proxy = Interposer::start(casd.port(), move |method, _| match method {
        "GetActionResult" => Treatment::Change(change),
        _ => Treatment::Forward,
    });
    let machine = Machine::new();
    let built = machine.build(&["--remote-cache", &proxy.unwrap().url()]);
    assert_eq!(built["verify_from_store"], true);
    assert!(machine.published()[2] == verdict.as_bytes());
}

/// As gRPC numbers it.
const NOT_FOUND: i32 = 5;

/// An executor may find a wrong result in a cache of its own, or make one.
#[test]
fn wrong_results_of_an_executor_are_not_kept() {
    let Some(programs) = programs() else { return };
    let casd = Casd::start(&programs).unwrap();
    let machine = Machine::new();
    // What Go compiles of its standard library is kept for the builds that follow.
    let own = format!("'{}' cacheprog", env!("CARGO_BIN_EXE_gowasm"));
    let built = Run::of(machine.command(&[]).env("GOCACHEPROG", own));
    assert_eq!(built.code, Some(0), "{}", built.stderr);
    // Only what it links is changed, and only so many times.
    let lying = |times: usize| {
        let left = AtomicUsize::new(times);
        let change = Change::new(move |result| {
            if result.output_files.iter().any(|file| file.path == "module.wasm")
                && left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
            {
                result.output_files.clear();
            }
        });
        let treat = move |method: &str, _| match method {
            "Execute" => Treatment::Change(change),
            // So that the executor is asked, whatever it has made before.
            "GetActionResult" => Treatment::Refuse(Refusal {
                code: NOT_FOUND,
                message: "no such result",
                pause: None,
            }),
            _ => Treatment::Forward,
        };
        Interposer::start(casd.port(), treat).unwrap()
    };
    let build = |proxy: &Interposer, sum: &str, more: &[&str]| {
        machine.project.write("work/main.go", &REACTOR.replace("a + b", sum));
        let url = proxy.url();
        machine.run(&[&["--remote-executor", url.as_str(), "-o", "new.wasm"], more].concat())
    };
    let always = lying(usize::MAX);
    let run = build(&always, "b + a", &[]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    for part in [&always.url(), "use the result", "it has no module"] {
        assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
    }
    assert!(!machine.project.exists("work/new.wasm"));
    let run = build(&always, "b + a", &["--remote-local-fallback"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("it is done here"), "{}", run.stderr);

    // Asked again, it must not look in its cache. Who forbids that to begin with asks once.
    let once = lying(1);
    let run = build(&once, "1 + b + a - 1", &[]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let warning = format!("warning: {} has a wrong result for action ", once.url());
    assert_eq!(run.stderr.matches(&warning).count(), 1, "{}", run.stderr);
    let run = build(&lying(1), "2 + b + a - 2", &["--remote-accept-cached=false"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
}
