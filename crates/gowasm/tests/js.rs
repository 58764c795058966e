//! Commands for GOOS=js where they are used: in node and in a browser, with Go's own wasm_exec.js.

#![cfg(unix)]

mod support;

use gowasm_testbed::browser;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Project, gos};

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
