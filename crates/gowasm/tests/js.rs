//! Commands for GOOS=js where they are used: in node and in a browser, with Go's own wasm_exec.js.

#![cfg(unix)]

mod support;

use gowasm_testbed::browser;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Project, Run, gos};

const PROGRAM: &str = r#"package main

import (
	"fmt"
	"syscall/js"
	"time"
)

var calls int

//go:wasmexport add
func add(a, b int32) int32 { calls++; return a + b }

//go:wasmexport tell
func tell(value float64) { js.Global().Call("say", fmt.Sprint("told ", value)) }

func main() {
	time.Sleep(5 * time.Millisecond)
	fmt.Println("slept")
	ready := js.Global().Get("ready")
	if !ready.Truthy() {
		return // nobody to talk to
	}
	finished := make(chan struct{})
	ready.Invoke(js.FuncOf(func(js.Value, []js.Value) any { close(finished); return nil }))
	<-finished
	fmt.Println("calls", calls)
}
"#;

/// What either host does with the program: it calls exports while `main` waits.
const HOST: &str = r#"
async function host(bytes) {
	const seen = [];
	globalThis.say = line => seen.push(line);
	const log = console.log;
	console.log = line => seen.push(line);
	const go = new Go();
	// At once: a browser that measures time by timers would not wait for a thread that compiles.
	const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), go.importObject);
	globalThis.ready = finish => setTimeout(() => {
		say("add " + instance.exports.add(40, 2));
		say("add " + instance.exports.add(0x7fffffff, 1));
		instance.exports.tell(0.5);
		finish();
	}, 1);
	await go.run(instance);
	console.log = log;
	return seen;
}
"#;

const SEEN: [&str; 5] = ["slept", "add 42", "add -2147483648", "told 0.5", "calls 2"];

fn wasm_exec(go: &Path) -> PathBuf {
    let mut ask = Command::new(go);
    let output = ask.args(["env", "GOROOT"]).env("GOTOOLCHAIN", "local").output().unwrap();
    let goroot = String::from_utf8(output.stdout).unwrap();
    Path::new(goroot.trim()).join("lib/wasm/wasm_exec.js")
}

fn built(go: &Path) -> Project {
    let project = Project::with_go(PROGRAM, go);
    project.ok(&["build", "-q", "--no-verify", "--goos=js", "-o", "../module.wasm"]);
    project.write("wasm_exec.js", &std::fs::read_to_string(wasm_exec(go)).unwrap());
    project
}

#[test]
fn exports_answer_in_node_while_main_waits() {
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: a program for js in node: there is no node");
        return;
    }
    for go in gos() {
        let project = built(&go);
        let run = format!(
            "require('./wasm_exec.js');\n{HOST}\n\
             host(require('fs').readFileSync('module.wasm')).then(s => console.log(s.join('\\n')));"
        );
        project.write("host.cjs", &run);
        let mut node = Command::new("node");
        let output = node.arg("host.cjs").current_dir(project.path("")).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(stdout.lines().collect::<Vec<_>>(), SEEN, "{}: {stderr}", go.display());
    }
}

#[test]
fn exports_answer_in_a_browser_while_main_waits() {
    for go in gos() {
        let project = built(&go);
        // A page of a file cannot fetch another file, but it can run one as a script.
        let hex: String =
            project.read("module.wasm").iter().map(|byte| format!("{byte:02x}")).collect();
        project.write("module.js", &format!("const HEX = \"{hex}\";"));
        let page = format!(
            "<body><script src=wasm_exec.js></script><script src=module.js></script><script>{HOST}\n\
             const bytes = Uint8Array.from(HEX.match(/../g), byte => parseInt(byte, 16));\n\
             host(bytes).then(s => s, e => [String(e)]).then(lines => {{\n\
               const seen = document.createElement('pre');\n\
               seen.id = 'seen'; seen.textContent = lines.join('\\n'); document.body.append(seen);\n\
             }});</script></body>"
        );
        let page = project.write("page.html", &page);
        let html = match browser::open(&page) {
            Ok(html) => html,
            Err(error) => {
                println!("skipped: a program for js in a browser: no chromium: {error}");
                return;
            }
        };
        let seen =
            html.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let (seen, _) = seen.unwrap_or_else(|| panic!("{}: the page has no result", go.display()));
        assert_eq!(seen.lines().collect::<Vec<_>>(), SEEN, "{}", go.display());
    }
}

fn no_node(what: &str) -> bool {
    let missing = Command::new("node").arg("--version").output().is_err();
    if missing {
        println!("skipped: {what}: there is no node");
    }
    missing
}

/// A program for js: what it imports beside syscall/js, what stands before `main`, and what in it.
fn program(imports: &str, before: &str, main: &str) -> String {
    format!(
        "package main\n\nimport (\n\t{imports}\n\t\"syscall/js\"\n)\n\n{before}\n\n\
         func main() {{\n\t{main}\n}}\n\n\
         func callback() js.Func {{\n\treturn js.FuncOf(func(js.Value, []js.Value) any {{ return nil }})\n}}\n"
    )
}

#[test]
fn a_program_that_waits_for_calls_has_started() {
    if no_node("programs for js that wait") {
        return;
    }
    let print = "println(\"there\")";
    let waits = format!("js.Global().Set(\"f\", callback()); {print}; select {{}}");
    let export = "//go:wasmexport add\nfunc add(a, b int32) int32 { return a + b }";
    let released = format!("f := callback(); f.Release(); {print}; select {{}}");
    for go in gos() {
        let project = Project::with_go(&program("", "", &waits), &go);
        let says = |name: &str, text: &str| project.write(&format!("work/{name}"), text);
        says("lives.toml", "[start]\nstderr = \"there\\n\"\n");
        says("ends.toml", "[start]\nexits = 0\n");
        project.ok(&["build", "-q", "--goos=js", "--plan=lives.toml"]);
        let verdict: serde_json::Value =
            serde_json::from_slice(&project.read("work/calc.verdict.json")).unwrap();
        assert_eq!(verdict["steps"].as_array().unwrap().last().unwrap()["waits"], true);
        let run = project.run(&["build", "-q", "--goos=js", "--plan=ends.toml"]);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        assert!(run.stderr.contains("waits for calls of its functions, and was to end"));

        // Its exports are functions that may be called, too.
        says("main.go", &program("", export, "_ = callback; select {}"));
        project.ok(&["build", "-q", "--goos=js"]);
        // Nobody can wake these.
        for main in [released.as_str(), "_ = callback; select {}"] {
            says("main.go", &program("", "", main));
            let run = project.run(&["build", "-q", "--goos=js"]);
            assert_eq!(run.code, Some(1), "{}", run.stderr);
            assert!(run.stderr.contains("nothing can wake it"), "{}", run.stderr);
        }
    }
}

/// As github.com/syumai/workers does: it looks for what its host has while packages are initialised.
#[test]
fn a_plan_supplies_what_a_program_finds_in_its_host() {
    if no_node("a plan for a program for js") {
        return;
    }
    let before = "var binding = js.Global().Get(\"context\").Get(\"binding\")\n\n\
                  //go:wasmimport workers ready\nfunc ready()\n";
    let main = "binding.Set(\"handle\", callback()); ready(); \
                println(len(os.Args), os.Args[0], os.Getenv(\"MODE\")); select {}";
    let project = Project::new(&program("\"os\"", before, main));
    let script = "globalThis.context = { binding: {} };";
    let plan = |name: &str, script: &str| {
        let text = format!(
            "[world]\nargs = [\"worker\"]\nenv = {{ MODE = \"fast\" }}\n\
             [start]\nstderr = \"1 worker fast\\n\"\n[js]\nscript = '''{script}'''\n"
        );
        project.write(&format!("work/{name}"), &text);
    };
    plan("whole.toml", &format!("{script} imports.workers = {{ ready() {{}} }};"));
    plan("half.toml", script);
    plan("broken.toml", "const const;");
    let build = |more: &[&str]| project.run(&[&["build", "-q", "--goos=js"], more].concat());
    assert_eq!(build(&["--plan=whole.toml"]).code, Some(0));
    for (more, text) in [
        (&[][..], "hint: a program for a certain host finds what that host has in a plan: `[js]`"),
        (&["--plan=half.toml"], "the import `workers.ready` (main.go:"),
        (&["--plan=broken.toml"], "the script in [js] of the plan: "),
    ] {
        let run = build(more);
        assert_eq!(run.code, Some(1), "{more:?}: {}", run.stderr);
        assert!(run.stderr.contains(text), "{more:?}: {}", run.stderr);
    }
    project.write("work/stops.toml", &format!("[js]\nscript = '''{script}'''\n"));
    assert_eq!(build(&["--plan=stops.toml", "--missing-imports=stop"]).code, Some(0));
    assert_eq!(build(&["--plan=stops.toml", "--missing-imports=refuse"]).code, Some(1));
}

const TALKS: &str = r#"package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	in, err := io.ReadAll(os.Stdin)
	fmt.Println(os.Args[1:], os.Getenv("MODE"), string(in), err)
	_, err = os.Stat("main.go")
	fmt.Println(err == nil)
	os.Exit(7)
}
"#;

#[test]
fn programs_for_js_run_in_node() {
    if no_node("gowasm run of a program for js") {
        return;
    }
    for go in gos() {
        let project = Project::with_go(TALKS, &go);
        project.go_build("js", &[], "work/talks.wasm");
        let run = |args: &[&str]| {
            use std::io::Write;
            use std::process::Stdio;
            let mut command = project.gowasm(args);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"typed").unwrap();
            support::Run::from(child.wait_with_output().unwrap())
        };
        let own = run(&["run", "--env", "MODE=fast", "talks.wasm", "one", "-v"]);
        assert_eq!((own.code, own.stderr.as_str()), (Some(7), ""), "{}", own.stdout);
        assert_eq!(own.stdout, "[one -v] fast typed <nil>\nfalse\n");
        let all = run(&["run", "--dir", "/", "--engine=node", "talks.wasm"]);
        assert_eq!((all.code, all.stdout.as_str()), (Some(7), "[]  typed <nil>\ntrue\n"));
        for (option, hint) in [
            ("--dir=/tmp", "give it all of them: --dir /"),
            ("--step-limit=1", "leave out --step-limit"),
            ("--engine=wasmi", "use --engine node"),
        ] {
            let run = run(&["run", option, "talks.wasm"]);
            assert_eq!(run.code, Some(1), "{}", run.stderr);
            assert!(run.stderr.contains(hint), "{}", run.stderr);
        }
    }
}

/// What a verdict came through: node, and Go's file for it.
#[test]
fn another_node_or_wasm_exec_is_a_change() {
    let project = Project::new("package main\n\nfunc main() {}\n");
    // A Go of our own: its other files are those of the real one.
    let goroot = Run::of(Command::new(support::go()).args(["env", "GOROOT"])).stdout;
    let (goroot, copy) = (PathBuf::from(goroot.trim()), project.path("go"));
    let link = |from: &Path, to: &Path| std::os::unix::fs::symlink(from, to).unwrap();
    std::fs::create_dir_all(copy.join("lib")).unwrap();
    std::fs::create_dir(copy.join("bin")).unwrap();
    for entry in goroot.read_dir().unwrap().map(Result::unwrap) {
        if entry.file_name() != "lib" && entry.file_name() != "bin" {
            link(&entry.path(), &copy.join(entry.file_name()));
        }
    }
    std::fs::copy(goroot.join("bin/go"), copy.join("bin/go")).unwrap();
    let text = std::fs::read_to_string(goroot.join("lib/wasm/wasm_exec.js")).unwrap();
    let exec = project.write("go/lib/wasm/wasm_exec.js", &text);
    let real = support::on_path("node");
    std::fs::create_dir(project.path("bin")).unwrap();
    let node = project.path("bin/node");
    let path = std::env::var_os("PATH").unwrap();
    let own = [project.path("bin")].into_iter();
    let path = std::env::join_paths(own.chain(std::env::split_paths(&path))).unwrap();
    let up_to_date = || {
        let mut build = project.gowasm(&["build", "--goos=js", "--message-format=json"]);
        build.env("PATH", &path).env("GOWASM_GO", copy.join("bin/go"));
        let run = Run::of(&mut build);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.json()["up_to_date"] == true
    };
    assert!(!up_to_date());
    assert!(up_to_date());
    std::fs::write(&exec, format!("{text}\n// changed\n")).unwrap();
    assert!(!up_to_date(), "another wasm_exec.js");
    assert!(up_to_date());
    link(&real, &node);
    assert!(!up_to_date(), "another node comes first");
    assert!(up_to_date());
    std::fs::remove_file(&node).unwrap();
    project.script("bin/node", &format!("exec '{}' \"$@\"", real.display()));
    assert!(!up_to_date(), "a script in place of node");
    assert!(!up_to_date(), "a script may start any node");
}
