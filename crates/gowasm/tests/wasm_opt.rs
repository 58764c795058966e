//! `--wasm-opt` and `gowasm wasm-opt` as a user meets them.

#![cfg(unix)]

mod support;

use support::{Project, REACTOR};

#[cfg(feature = "wasm-opt")]
#[test]
fn what_binaryen_made_smaller_still_does_as_the_plan_says() {
    let project = Project::new(REACTOR);
    let plan = "[[call]]\nexport = \"add\"\nargs = [40, 2]\nreturns = 42\n";
    project.write("work/plan.toml", plan);
    let build = |output: &str, more: &[&str]| {
        let common = ["build", "--buildmode=c-shared", "--plan=plan.toml", "-o", output];
        let args = [&common, more, &["--message-format=json"]].concat();
        project.ok(&args).json()
    };
    let size = |built: &serde_json::Value| built["module"]["size"].as_u64().unwrap();
    let plain = build("plain.wasm", &[]);
    let named = build("named.wasm", &["--wasm-opt=Oz"]);
    assert!(size(&named) * 100 < size(&plain) * 97, "{} of {}", size(&named), size(&plain));
    assert_eq!(named["link_from_store"], false);
    let text = String::from_utf8_lossy(&project.read("work/named.wasm")).into_owned();
    assert!(text.contains("runtime.mallocgc"), "the names of functions are gone");
    // Once among the texts of the guard, and once as the name of the function that traps.
    let reasons = text.matches("gowasm: export called before _initialize").count();
    assert_eq!(reasons, 2, "the function that names the reason is gone");

    // The same again under another name: neither linked, nor optimized, nor verified.
    let again = build("again.wasm", &["--wasm-opt=Oz"]);
    assert_eq!(again["link_from_store"], true);
    assert_eq!(again["verify_from_store"], true);
    assert_eq!(project.read("work/again.wasm"), project.read("work/named.wasm"));

    // The command alone makes the same of the same.
    let manifests = ["--manifest=plain.manifest.json", "--manifest-output=alone.manifest.json"];
    project.ok(&[&["wasm-opt", "Oz", "plain.wasm", "-o", "alone.wasm"][..], &manifests].concat());
    assert_eq!(project.read("work/alone.wasm"), project.read("work/named.wasm"));
    let manifest = |name: &str| {
        serde_json::from_slice::<serde_json::Value>(&project.read(name)).unwrap()["module"].take()
    };
    assert_eq!(manifest("work/alone.manifest.json"), manifest("work/named.manifest.json"));
}

#[cfg(all(feature = "wasm-opt", target_os = "linux"))]
#[test]
fn memory_that_is_refused_is_told_and_nothing_is_published() {
    let project = Project::new(REACTOR);
    let mode = "--buildmode=c-shared";
    let run = project.run(&[
        "build",
        mode,
        "-o",
        "m.wasm",
        "--wasm-opt=Oz",
        "--wasm-opt-memory-limit=24M",
    ]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for part in ["gave up", "24.0 MiB of memory", "--wasm-opt-memory-limit"] {
        assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
    }
    assert!(!project.exists("work/m.wasm"));
}

#[cfg(not(feature = "wasm-opt"))]
#[test]
fn without_binaryen_inside_the_command_says_how_to_get_it() {
    let project = Project::new(REACTOR);
    let run = project.run(&["build", "--wasm-opt=Oz"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    for part in ["built without wasm-opt", "--features wasm-opt", "--wasm-opt-program"] {
        assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
    }
    assert_eq!(project.calls(), 0);
}

#[test]
fn a_program_that_is_named_is_called_and_ended_in_time() {
    let project = Project::new(REACTOR);
    let build = |program: &str, limit: &str| {
        let program = format!("--wasm-opt-program={program}");
        let limit = format!("--wasm-opt-time-limit={limit}");
        let mode = "--buildmode=c-shared";
        project.run(&["build", mode, "-o", "m.wasm", "--wasm-opt=O2", &program, &limit])
    };
    let slow = project.script("slow", "sleep 60");
    let run = build(slow.to_str().unwrap(), "0");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for part in ["wasm-opt -O2 gave up", "--wasm-opt-time-limit"] {
        assert!(run.stderr.contains(part), "{part} in {}", run.stderr);
    }
    let wrong = project.script("wrong", "echo \"cannot do $1\" >&2\nexit 7\n");
    let run = build(wrong.to_str().unwrap(), "60");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("cannot do -O2") && run.stderr.contains("7"), "{}", run.stderr);
    // What it writes is verified like any other module.
    let script = "for last; do :; done\nprintf '\\0asm\\001\\0\\0\\0' > \"$last\"\n";
    let empties = project.script("empties", script);
    let run = build(empties.to_str().unwrap(), "60");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    assert!(run.stderr.contains("add"), "{}", run.stderr);
    assert!(!project.exists("work/m.wasm"));

    let run = build("no-such-wasm-opt", "60");
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("no program no-such-wasm-opt"), "{}", run.stderr);
}

#[test]
fn limits_without_wasm_opt_are_refused() {
    let project = Project::new(REACTOR);
    let run = project.run(&["build", "--wasm-opt-time-limit=5"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}
