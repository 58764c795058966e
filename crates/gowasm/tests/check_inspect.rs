//! `gowasm check` and `gowasm inspect` as a user meets them.

#![cfg(unix)]

mod support;

use serde_json::Value;
use std::process::{Command, Stdio};
use support::{Project, REACTOR, Run};

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
    let run = project.ok(&["check", "./...", "--buildmode=c-shared"]);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("", ""));
    // Nothing was compiled: Go was asked for a list, no more.
    assert_eq!(project.calls(), 1);
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
    let first = check(1, 1, "the first time");
    assert_eq!(check(1, 1, "nothing changed, and it is told again"), first);
    project.write("work/lib/lib.go", &LIB.replace("add", "add2"));
    assert!(check(0, 1, "a directive put right").contains("GW017"));
    project.write("work/main.go", &TWICE.replace("wasmexprot", "wasmexport"));
    assert_eq!(check(0, 1, "the other one put right"), "");
    assert_eq!(check(0, 1, "nothing to tell"), "");
    project.write("work/lib/lib.go", &LIB.replace("add", "sub"));
    assert!(check(1, 1, "a new conflict").contains("GW016"));

    project.write("work/lib/lib.go", &format!("//go:build !wasm\n\n{LIB}"));
    project.write("work/lib/other.go", "package lib\n");
    check(0, 2, "a constraint, and another file");
    let embeds = "package lib\n\nimport _ \"embed\"\n\n//go:embed a.txt\nvar text string\n";
    project.write("work/lib/a.txt", "a");
    project.write("work/lib/other.go", embeds);
    check(0, 3, "an import");
    check(0, 3, "nothing changed again");
    project.write("work/lib/other.go", &embeds.replace("a.txt", "b.txt"));
    check(1, 4, "a file that is not there");
    project.write("work/lib/other.go", "package lib\n\nfunc\n");
    check(0, 5, "a file that does not parse");
    project.run(&["check", "--buildmode=c-shared", "--tags=x"]);
    assert_eq!(project.calls(), 6);
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

/// A module that exports one function, under a name that would steer a terminal.
const HOSTILE: &str = "x\u{1b}[2J\r\nerror: y\u{202e}z\u{9b}";

fn hostile_module() -> Vec<u8> {
    let mut module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0".to_vec();
    let name = HOSTILE.as_bytes();
    module.extend([7, name.len() as u8 + 4, 1, name.len() as u8]);
    module.extend(name);
    module.extend([0, 0, 10, 5, 1, 3, 0, 0, 11]);
    module
}

#[test]
fn names_do_not_steer_the_terminal() {
    let project = Project::new(REACTOR);
    std::fs::write(project.path("work/m.wasm"), hostile_module()).unwrap();
    std::fs::write(project.path("work/n\u{1b}[1m\nerror: n.wasm"), hostile_module()).unwrap();
    std::fs::write(project.path("work/empty.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let odd = "n\u{1b}[1m\nerror: n.wasm";
    let plan = "[[call]]\nexport = \"x\\u001b\\n\"\n";
    project.write("work/plan.toml", plan);
    project.write("work/other\r.toml", "[[call]]\nexport = \n");
    for args in [
        &["inspect", "m.wasm"][..],
        &["verify", "m.wasm"],
        &["verify", "m.wasm", "--plan=plan.toml"],
        &["verify", "m.wasm", "--plan=other\r.toml"],
        &["verify", "m.wasm", "--message-format=json"],
        &["size", "m.wasm", "--by=function"],
        &["size", odd, "--html=a\u{1b}.html"],
        &["diff", "m.wasm", "empty.wasm"],
        &["run", odd],
        &["inspect", "gone\u{202e}.wasm"],
        &["build", "./gone\u{1b}"],
        &["build", "--remote-cache=grpc://\u{1b}[0m:1"],
        &["store", "stat", "--store=st\u{202e}ore\u{1b}"],
        &["check", "--\u{1b}\u{202e}"],
        &["\u{1b}\u{202e}"],
    ] {
        let run = project.run(args);
        for text in [&run.stdout, &run.stderr] {
            let raw = text.contains(['\u{1b}', '\r', '\u{202e}', '\u{9b}']);
            assert!(
                !raw && !text.contains("\nerror: y") && !text.contains("\nerror: n"),
                "{args:?}: {text:?}"
            );
        }
        assert!(!(run.stdout.clone() + &run.stderr).is_empty(), "{args:?} said nothing");
    }
    // To programs they are what they are.
    let inspected = project.ok(&["inspect", "m.wasm"]).json();
    assert_eq!(inspected["exports"][0]["name"], HOSTILE);
}

#[test]
fn a_result_that_cannot_be_written_is_no_success() {
    let project = Project::new(REACTOR);
    project.ok(&["build", "-q", "--buildmode=c-shared"]);
    let go_link = Command::new(support::go()).args(["tool", "-n", "link"]).output().unwrap();
    let go_link = String::from_utf8(go_link.stdout).unwrap();
    for args in [
        &["inspect", "calc.wasm"][..],
        &["diff", "calc.wasm", "calc.wasm", "--message-format=json"],
        &["size", "calc.wasm"],
        &["size", "calc.wasm", "--json"],
        &["verify", "calc.wasm"],
        &["verify", "calc.wasm", "--engine=all"],
        &["verify", "calc.wasm", "--against=calc.wasm"],
        &["build", "--buildmode=c-shared", "--message-format=json"],
        &["build", ".", "./...", "-o=.", "--buildmode=c-shared", "--message-format=json"],
        &["check", "--message-format=json"],
        &["check", "missing", "--message-format=json"],
        &["store", "dir"],
        &["store", "stat"],
        &["store", "verify"],
        &["store", "clean", "--message-format=json"],
        &["link", "-V=full"],
        &["toolexec", go_link.trim(), "-V=full"],
        &["help"],
        &["--version"],
        &["build", "--help"],
    ] {
        let write = |place: &str| {
            let file = std::fs::OpenOptions::new().write(true).open(place).unwrap();
            let mut command = project.gowasm(args);
            Run::of(command.env("GOARCH", "wasm").env("GOOS", "wasip1").stdout(file))
        };
        let full = write("/dev/full");
        assert_eq!(full.code, Some(3), "{args:?}: {}", full.stderr);
        assert!(
            full.stderr.contains("stdout: No space left on device"),
            "{args:?}: {}",
            full.stderr
        );
        // A reader that went away wants no more.
        let mut command = project.gowasm(args);
        command.env("GOARCH", "wasm").env("GOOS", "wasip1");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let code = child.wait_with_output().unwrap().status.code();
        let expected = if args.contains(&"missing") { 1 } else { 0 };
        assert_eq!(code, Some(expected), "{args:?}");
    }
}

/// A warning is an error where it is denied; those of modules of others are one line.
#[test]
fn warnings_are_denied_and_folded() {
    let main = "package main\n\nimport _ \"example.com/other\"\n\n//export add\nfunc add() {}\n\n\
                // go:wasmexport sub\nfunc sub() {}\n\nfunc main() {}\n";
    let project = Project::new(main);
    let other = "package other\n\n//export one\nfunc one() {}\n\n//export two\nfunc two() {}\n";
    project.write("work/vendor/example.com/other/other.go", other);
    let modules = "# example.com/other v1.2.3\n## explicit\nexample.com/other\n";
    project.write("work/vendor/modules.txt", modules);
    let go_mod = "module example.com/calc\n\ngo 1.24\n\nrequire example.com/other v1.2.3\n";
    project.write("work/go.mod", go_mod);
    let reactor = ["check", "--buildmode=c-shared"];
    let run = project.ok(&reactor);
    let one_line = "warning: 2 findings in modules of others: example.com/other@v1.2.3 (GW031 x2)";
    assert!(run.stderr.contains(one_line), "{}", run.stderr);
    assert_eq!(run.stderr.matches("warning[GW031]").count(), 1, "{}", run.stderr);
    let verbose = project.ok(&[&reactor[..], &["-v"]].concat());
    assert_eq!(verbose.stderr.matches("warning[GW031]").count(), 3, "{}", verbose.stderr);
    let json = project.ok(&[&reactor[..], &["--message-format=json"]].concat()).json();
    assert_eq!(json["diagnostics"].as_array().unwrap().len(), 4);

    for (denied, codes) in [
        (&["-D", "GW018"][..], &["GW018"][..]),
        (&["-DGW031", "--deny=GW018"], &["GW018", "GW031"]),
        (&["--deny-warnings"], &["GW018", "GW031"]),
        (&["-D", "GW016"], &[]),
    ] {
        for command in ["check", "build"] {
            let run = project.run(&[&[command, "--buildmode=c-shared"], denied].concat());
            let expected = if codes.is_empty() { 0 } else { 1 };
            assert_eq!(run.code, Some(expected), "{denied:?}: {}", run.stderr);
            assert_eq!(run.stderr.matches("error[").count(), codes.len(), "{}", run.stderr);
            for code in codes {
                assert!(run.stderr.contains(&format!("error[{code}]")), "{}", run.stderr);
            }
        }
    }
    let mut with_variable = project.gowasm(&reactor);
    assert_eq!(Run::of(with_variable.env("GOWASM_DENY", "GW018,GW027")).code, Some(1));
    let wrong = project.run(&["check", "-D", "GW999"]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn wrong_usage_and_a_folder_that_is_gone_have_their_object_too() {
    let project = Project::new(REACTOR);
    for args in [
        &["build", "--nonsense", "--message-format=json"][..],
        &["--message-format", "json", "nonsense"],
        &["build", "-race", "--message-format=json"],
    ] {
        let run = project.run(args);
        assert_eq!((run.code, &run.json()["exit_code"]), (Some(2), &2.into()), "{args:?}");
        assert!(!run.stderr.is_empty());
    }
    let gone = project.path("gone");
    std::fs::create_dir(&gone).unwrap();
    let mut shell = Command::new("sh");
    let script = "cd \"$1\" && rmdir \"$1\" && exec \"$0\" check --message-format=json";
    shell.args(["-c", script, env!("CARGO_BIN_EXE_gowasm")]).arg(&gone);
    let run = Run::of(&mut shell);
    assert_eq!((run.code, &run.json()["exit_code"]), (Some(3), &3.into()), "{}", run.stderr);
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
    let run = project.run(&["diff", "--exact", "../old.wasm", "../more.wasm"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), "compatible: export `mul` is new\n"));
    project.ok(&["diff", "--exact", "../old.wasm", "../old.wasm"]);
    let host = project.ok(&["bindings", "../old.manifest.json"]).stdout;
    assert!(host.contains("include_bytes!(\"old.wasm\")") && host.contains("fn add("), "{host}");
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
