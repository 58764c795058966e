//! `gowasm check` and `gowasm inspect` as a user meets them.

#![cfg(unix)]

mod support;

use serde_json::Value;
use support::{Project, REACTOR};

const TWICE: &str = "package main\n\n\
    import _ \"example.com/calc/lib\"\n\n\
    //go:wasmexport add\n\
    func add(a, b int32) int32 { return a + b }\n\n\
    //go:wasmexprot sub\n\
    func sub() {}\n\n\
    //go:wasmexport entry\n\
    func main() {}\n";
const LIB: &str = "package lib\n\n//go:wasmexport add\nfunc Add() {}\n";

#[test]
fn errors_name_their_places_and_fail() {
    let project = Project::new(TWICE);
    project.write("work/lib/lib.go", LIB);
    let run = project.run(&["check", "--buildmode", "c-shared"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    // The conflict is told at the later place and shows the earlier one.
    let wanted = "main.go:5:1: error[GW016]: two functions export `add` \
                  (packages example.com/calc/lib and example.com/calc)\n  lib/lib.go:3:1: the other one\n";
    assert!(run.stderr.contains(wanted), "{}", run.stderr);
    assert!(run.stderr.contains("main.go:8:1: warning[GW017]"), "{}", run.stderr);
    assert!(!run.stderr.contains("GW015"), "{}", run.stderr);
    // In a command the exported main is one more error.
    assert!(project.run(&["check"]).stderr.contains("main.go:11:1: error[GW015]"));
}

#[test]
fn json_is_one_object_and_the_only_thing_on_stdout() {
    let project = Project::new(TWICE);
    project.write("work/lib/lib.go", LIB);
    let run = project.run(&["check", "--buildmode=c-shared", "--message-format=json"]);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(object["exit_code"], 1);
    let codes: Vec<_> =
        object["diagnostics"].as_array().unwrap().iter().map(|one| &one["code"]).collect();
    assert_eq!(codes, ["GW016", "GW017"]);

    let project = Project::new(&TWICE.replace("import _ \"example.com/calc/lib\"\n\n", ""));
    let run = project.ok(&["check", "--buildmode=c-shared", "--message-format=json"]);
    let object: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&object["status"], &object["exit_code"]), (&"checked".into(), &0.into()));
    assert_eq!(object["diagnostics"][0]["code"], "GW017");
}

#[test]
fn packages_that_never_meet_may_share_a_name() {
    let project = Project::new(REACTOR);
    project.write("work/other/main.go", REACTOR);
    let run = project.ok(&["check", "./..."]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    // Nothing was compiled: Go was asked for its settings and for a list, no more.
    assert_eq!(project.calls(), 2);
}

/// What Go was asked once it need not be asked again, unless its answer may have become another.
#[test]
fn go_is_asked_only_where_its_answer_may_be_another() {
    let project = Project::new(TWICE);
    project.write("work/lib/lib.go", LIB);
    let check = |code: i32, calls: usize, what: &str| {
        let run = project.run(&["check", "--buildmode=c-shared"]);
        assert_eq!((run.code, project.calls()), (Some(code), calls), "{what}: {}", run.stderr);
        run.stderr
    };
    let first = check(1, 2, "the first time");
    assert_eq!(check(1, 2, "nothing changed, and it is told again"), first);
    project.write("work/lib/lib.go", &LIB.replace("add", "add2"));
    assert!(check(0, 2, "a directive put right").contains("GW017"));
    project.write("work/main.go", &TWICE.replace("wasmexprot", "wasmexport"));
    assert_eq!(check(0, 2, "the other one put right"), "");
    assert_eq!(check(0, 2, "nothing to tell"), "");
    project.write("work/lib/lib.go", &LIB.replace("add", "sub"));
    assert!(check(1, 2, "a new conflict").contains("GW016"));

    project.write("work/lib/lib.go", &format!("//go:build !wasm\n\n{LIB}"));
    project.write("work/lib/other.go", "package lib\n");
    check(0, 4, "a constraint, and another file");
    let embeds = "package lib\n\nimport _ \"embed\"\n\n//go:embed a.txt\nvar text string\n";
    project.write("work/lib/a.txt", "a");
    project.write("work/lib/other.go", embeds);
    check(0, 6, "an import");
    check(0, 6, "nothing changed again");
    project.write("work/lib/other.go", &embeds.replace("a.txt", "b.txt"));
    check(1, 8, "a file that is not there");
    project.write("work/lib/other.go", "package lib\n\nfunc\n");
    check(0, 10, "a file that does not parse");
    project.run(&["check", "--buildmode=c-shared", "--tags=x"]);
    assert_eq!(project.calls(), 12);
}

#[test]
fn what_go_refuses_is_told_in_its_words() {
    let project = Project::new(REACTOR);
    let run = project.run(&["check", "./missing"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("directory not found"), "{}", run.stderr);
    let run = project.run(&["check", "--goos=js", "--buildmode=c-shared"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
}

#[test]
fn inspect_prints_what_the_module_tells() {
    let project = Project::new(REACTOR);
    project.go_build("wasip1", &["-buildmode=c-shared"], "work/calc.wasm");
    let run = project.ok(&["inspect", "calc.wasm"]);
    let manifest: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(
        (&manifest["goos"], &manifest["build_mode"]),
        (&"wasip1".into(), &"c-shared".into())
    );
    let exports = manifest["exports"].as_array().unwrap();
    let add = exports.iter().find(|export| export["name"] == "add").unwrap();
    assert_eq!(add["params"], serde_json::json!(["i32", "i32"]));

    let run = project.run(&["inspect", "main.go"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert!(run.stderr.contains("error[GW030]: main.go: not a wasm module"), "{}", run.stderr);
    let run = project.run(&["inspect", "missing.wasm"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("cannot read missing.wasm"), "{}", run.stderr);
}

#[test]
fn a_diff_tells_breaking_changes_and_fails() {
    let project = Project::new(REACTOR);
    let build = |source: &str, output: &str| {
        project.write("work/main.go", source);
        project.ok(&["build", "-q", "--no-verify", "--buildmode=c-shared", "-o", output]);
    };
    build(REACTOR, "../old.wasm");
    let more = "\n//go:wasmexport mul\nfunc mul(a, b int32) int32 { return a * b }\n";
    build(&format!("{REACTOR}{more}"), "../more.wasm");
    let other = "\n//go:wasmimport env log\nfunc log(a int32)\n\n\
                 //go:wasmexport mul\nfunc mul(a, b uint64) uint64 { log(1); return a * b }\n";
    build(&format!("{}{other}", REACTOR.replace("add", "sum")), "../other.wasm");

    let run = project.ok(&["diff", "../old.wasm", "../old.wasm"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", "the interfaces are the same\n"));
    let run = project.ok(&["diff", "../old.wasm", "../more.wasm"]);
    assert_eq!(run.stdout, "compatible: export `mul` is new\n");
    let wanted = "breaking: export `add` is gone\n\
                  breaking: export `mul` was (i32, i32) -> i32 and is (i64, i64) -> i64\n\
                  breaking: import `env.log` is new: a host must supply it\n\
                  compatible: export `sum` is new\n";
    for ends in ["wasm", "manifest.json"] {
        let [old, new] = ["more", "other"].map(|name| format!("../{name}.{ends}"));
        let run = project.run(&["diff", &old, &new]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), wanted));
    }
    let run = project.run(&["diff", "../more.wasm", "../other.wasm", "--message-format=json"]);
    assert_eq!((run.code, &run.json()["compatible"]), (Some(1), &Value::Bool(false)));
    assert_eq!(run.json()["changes"][0]["effect"], "breaking");
    let run = project.run(&["diff", "main.go", "../other.wasm"]);
    assert_eq!(run.code, Some(1));
    assert!(
        run.stderr.contains("main.go is neither a wasm module nor a manifest"),
        "{}",
        run.stderr
    );
}

#[test]
fn an_embedded_manifest_comes_back_whole() {
    let project = Project::new(REACTOR);
    project.ok(&["build", "-q", "--buildmode=c-shared", "--embed-manifest", "-o", "../calc.wasm"]);
    let run = project.ok(&["inspect", "../calc.wasm"]);
    assert_eq!(run.stdout.as_bytes(), project.read("calc.manifest.json"));
    assert_eq!(run.json()["exports"][1]["go"]["position"]["line"], 3, "{}", run.stdout);
    // One that tells of other exports is not believed.
    let mut module = project.read("calc.wasm");
    let text = br#""name":"add""#;
    let at = module.windows(text.len()).position(|bytes| bytes == text).unwrap();
    module[at + 8] = b'o';
    std::fs::write(project.path("calc.wasm"), module).unwrap();
    let changed = project.ok(&["inspect", "../calc.wasm"]).json();
    assert_eq!(changed["exports"][1]["name"], "add");
    assert!(changed["exports"][1].get("go").is_none(), "{changed}");
}
