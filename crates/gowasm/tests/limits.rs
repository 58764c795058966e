//! What ends a command that would not end by itself: signals and bounds.

#![cfg(unix)]

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Project, REACTOR};

/// Far more than ending takes, also on a machine that is busy, and far less than what is waited for.
const SOON: Duration = Duration::from_secs(15);
const LONG: &str = "600";

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill").args([name, &id.to_string()]).status().unwrap();
    assert!(sent.success(), "kill {name} {id}");
}

/// A started command, whose temporary files go into a folder of the project.
fn start(project: &Project, command: &mut Command) -> Child {
    fs::create_dir_all(project.path("tmp")).unwrap();
    command.env("TMPDIR", project.path("tmp"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_interrupted(child: Child) -> String {
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.ends_with("interrupted\n"), "{said}");
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn lives(id: &str) -> bool {
    // What was killed may still be there for its parent to see.
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// The system may take a moment to end what was killed.
fn dies(id: &str) {
    wait_for("its end", || (!lives(id)).then_some(()));
}

#[test]
fn a_program_that_reads_is_ended() {
    let project = Project::new(
        "package main\n\nimport \"os\"\n\nfunc main() {\n\tprintln(\"ready\")\n\tos.Stdin.Read(make([]byte, 1))\n}\n",
    );
    project.go_build("wasip1", &[], "work/reads.wasm");
    for name in ["-INT", "-TERM"] {
        let mut child = start(&project, &mut project.gowasm(&["run", "reads.wasm"]));
        // It waits for more as long as this is open.
        let _stdin = child.stdin.take();
        let mut line = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        signal(child.id(), name);
        let begun = Instant::now();
        assert_eq!(child.wait().unwrap().code(), Some(130));
        assert!(begun.elapsed() < SOON);
        line.clear();
        stderr.read_to_string(&mut line).unwrap();
        assert_eq!(line, "interrupted\n");
    }
}

#[test]
fn whoever_opens_a_pipe_is_ended() {
    let project = Project::new(REACTOR);
    let pipe = project.path("work/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let args = ["link", "-o", "out.wasm", "-importcfg", "pipe", "main.a"];
    let child = start(&project, &mut project.gowasm(&args));
    // Its main thread waits in `open` from some moment on; signals are watched for before.
    std::thread::sleep(Duration::from_millis(500));
    signal(child.id(), "-TERM");
    is_interrupted(child);
}

#[test]
fn the_cache_of_go_is_ended_in_the_midst_of_a_body() {
    let project = Project::new(REACTOR);
    let mut child = start(&project, &mut project.gowasm(&["cacheprog"]));
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert!(line.contains("KnownCommands"), "{line}");
    let request = "{\"ID\":1,\"Command\":\"put\",\"ActionID\":\"AAAA\",\"OutputID\":\"AAAA\",\"BodySize\":900}\n\"AAAAAAAAAAAA";
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, request.as_bytes()).unwrap();
    let tmp = project.path("store/tmp");
    let files = || fs::read_dir(&tmp).map_or(0, Iterator::count);
    wait_for("the body", || (files() == 1).then_some(()));
    signal(child.id(), "-TERM");
    is_interrupted(child);
    assert_eq!(files(), 0);
    drop(stdin);
}

/// A `go` that starts something, which does not heed SIGINT, and waits for it.
fn stubborn(project: &Project) {
    let body = format!(
        "trap '' INT\nsleep {LONG} &\necho $! > '{}'\nwait",
        project.path("sleeper").display()
    );
    project.script("go-counted", &body);
}

fn sleeper(project: &Project) -> String {
    wait_for("the child", || {
        let id = fs::read_to_string(project.path("sleeper")).ok()?;
        id.ends_with('\n').then(|| id.trim().to_owned())
    })
}

#[test]
fn children_and_temporary_files_do_not_stay() {
    let project = Project::new(REACTOR);
    stubborn(&project);
    for command in ["build", "test"] {
        let _ = fs::remove_file(project.path("sleeper"));
        let child = start(&project, &mut project.gowasm(&[command]));
        let sleeper = sleeper(&project);
        signal(child.id(), "-TERM");
        is_interrupted(child);
        dies(&sleeper);
        assert_eq!(project.names("tmp"), [""; 0], "{command}");
    }
    // The second signal waits for nothing.
    let _ = fs::remove_file(project.path("sleeper"));
    let child = start(&project, &mut project.gowasm(&["build"]));
    let sleeper = sleeper(&project);
    signal(child.id(), "-INT");
    std::thread::sleep(Duration::from_millis(100));
    signal(child.id(), "-INT");
    let begun = Instant::now();
    is_interrupted(child);
    assert!(begun.elapsed() < Duration::from_millis(1800), "{:?}", begun.elapsed());
    dies(&sleeper);
    assert_eq!(project.names("tmp"), [""; 0]);
}

#[test]
fn a_compilation_is_ended_with_all_its_processes() {
    let project = Project::new(REACTOR);
    let go = support::go();
    // The real one, in the midst of compiling the standard library anew.
    let cache = project.path("gocache");
    project.script("go-counted", &format!("exec '{}' \"$@\"", go.display()));
    let mut command = project.gowasm(&["build", "--buildmode", "c-shared"]);
    let child = start(&project, command.env("GOCACHE", &cache));
    let compiler = wait_for("a compiler", || {
        let own = project.path("tmp");
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes.map(|entry| entry.path()).find(|process| {
            let line = fs::read(process.join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            line.contains("/compile\0") && line.contains(own.to_str().unwrap())
        })
    });
    signal(child.id(), "-TERM");
    is_interrupted(child);
    let compiler = compiler.file_name().unwrap().to_string_lossy().into_owned();
    dies(&compiler);
    assert_eq!(project.names("tmp"), [""; 0]);
    assert!(!project.exists("work/calc.wasm"));
}

#[test]
fn a_server_that_does_not_answer_and_a_helper_that_sleeps_are_not_waited_for() {
    let project = Project::new(REACTOR);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("--remote-cache=grpc://{}", server.local_addr().unwrap());
    let json = "--message-format=json";
    let child = start(&project, &mut project.gowasm(&["build", json, &url]));
    let _connection = server.accept().unwrap();
    signal(child.id(), "-INT");
    let object: serde_json::Value = serde_json::from_str(&is_interrupted(child)).unwrap();
    assert_eq!((&object["status"], &object["exit_code"]), (&"interrupted".into(), &130.into()));

    let asleep = project.path("sleeper");
    let body = format!("echo $$ > '{}'\nexec sleep {LONG}", asleep.display());
    let helper = project.script("helper", &body);
    let helper = format!("--credential-helper={}", helper.display());
    let child = start(&project, &mut project.gowasm(&["build", json, &url, &helper]));
    let sleeper = sleeper(&project);
    signal(child.id(), "-INT");
    let object: serde_json::Value = serde_json::from_str(&is_interrupted(child)).unwrap();
    assert_eq!(object["status"], "interrupted");
    dies(&sleeper);
}

#[test]
fn a_lock_is_not_waited_for() {
    let project = Project::new(REACTOR);
    project.ok(&["check"]);
    project.ok(&["store", "prune", "--max-size", "1G"]);
    let lock = fs::read_dir(project.path("store")).unwrap().flatten().map(|entry| entry.path());
    let lock = lock.into_iter().find(|path| is_lock(path)).expect("a lock in the store");
    let held = fs::File::open(lock).unwrap();
    held.lock().unwrap();
    let mut child = start(&project, &mut project.gowasm(&["store", "prune", "--max-size", "1G"]));
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("lock"), "{line}");
    signal(child.id(), "-TERM");
    let begun = Instant::now();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(begun.elapsed() < SOON);
}

fn is_lock(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("lock"))
}

#[test]
fn the_time_of_a_program_is_over_while_it_reads() {
    let project = Project::new(
        "package main\n\nimport \"os\"\n\nfunc main() { os.Stdin.Read(make([]byte, 1)) }\n",
    );
    project.go_build("wasip1", &[], "work/reads.wasm");
    let args = ["run", "--time-limit", "1", "reads.wasm"];
    let mut child = start(&project, &mut project.gowasm(&args));
    let _stdin = child.stdin.take();
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(134), "{said}");
    assert!(said.contains("reads.wasm: the time limit was reached"), "{said}");
    assert!(begun.elapsed() < SOON);
}

#[test]
fn what_may_never_end_is_no_module() {
    let project = Project::new(REACTOR);
    let pipe = project.path("work/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::File::create(project.path("work/large")).unwrap().set_len(5 << 30).unwrap();
    let words =
        [("/dev/zero", "device or a pipe"), ("pipe", "device or a pipe"), ("large", "1 GiB")];
    for (file, words) in words {
        for command in ["inspect", "run", "size", "verify"] {
            let run = project.run(&[command, file]);
            assert_eq!(run.code, Some(1), "{command} {file}: {}", run.stderr);
            assert!(run.stderr.contains(words), "{command} {file}: {}", run.stderr);
        }
        for args in [&["diff", file, file][..], &["build", "--plan", file]] {
            assert_eq!(project.run(args).code, Some(1), "{args:?}");
        }
    }
}

/// Builds a program for GOOS=js.
fn js(main: &str) -> Option<Project> {
    if Command::new("node").arg("--version").output().is_err() {
        println!("skipped: there is no node");
        return None;
    }
    let project = Project::new(main);
    project.go_build("js", &[], "work/js.wasm");
    Some(project)
}

#[test]
fn memory_outside_of_the_module_counts() {
    let Some(project) = js("package main\n\nimport \"syscall/js\"\n\n\
        func main() {\n\tvar all []js.Value\n\tfor range 30 {\n\
        \t\tall = append(all, js.Global().Get(\"Uint8Array\").New(100<<20).Call(\"fill\", 1))\n\
        \t}\n\tprintln(len(all))\n}\n")
    else {
        return;
    };
    let run = project.run(&["verify", "js.wasm", "--memory-limit", "64M"]);
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.contains("memory limit was reached"), "{}{}", run.stdout, run.stderr);
}

const REACHES_OUT: &str = r#"package main

import (
	"fmt"
	"syscall/js"
)

const script = `return (async () => {
	const worked = [];
	const attempt = async (name, act) => {
		try { await act(); worked.push(name); } catch {}
	};
	const connected = socket => new Promise((ok, no) => socket.on("connect", ok).on("error", no));
	await attempt("fetch", () => fetch("http://127.0.0.1:" + port));
	await attempt("net", async () => {
		const { connect } = await import("node:net");
		await connected(connect(port, "127.0.0.1"));
	});
	await attempt("http", async () => {
		const { get } = await import("node:http");
		await new Promise((ok, no) => get("http://127.0.0.1:" + port).on("socket", ok).on("error", no));
	});
	await attempt("dns", async () => (await import("node:dns/promises")).lookup("localhost"));
	await attempt("listen", async () => {
		const { createServer } = await import("node:net");
		await new Promise((ok, no) => createServer().listen(0, ok).on("error", no));
	});
	await attempt("process", async () => {
		const { spawnSync } = await import("node:child_process");
		if (spawnSync("true").status !== 0) throw new Error();
	});
	await attempt("worker", async () => {
		const { Worker } = await import("node:worker_threads");
		new Worker("", { eval: true });
	});
	await attempt("files", async () => (await import("node:fs")).readFileSync("/etc/passwd"));
	await attempt("internals", async () => (await import("node:process")).default.binding("tcp_wrap"));
	await attempt("environment", async () => {
		if (!(await import("node:process")).default.env.PATH) throw new Error();
	});
	if (filters) await attempt("a socket of node's own", async () => {
		const Socket = (await import("node:process")).default.stdout.constructor;
		await connected(new Socket().connect({ port, host: "127.0.0.1" }));
	});
	return worked.join() || "nothing";
})()`

func main() {
	worked := make(chan string, 1)
	promise := js.Global().Get("Function").New("port", "filters", script).Invoke(PORT, FILTERS)
	promise.Call("then", js.FuncOf(func(_ js.Value, of []js.Value) any {
		worked <- of[0].String()
		return nil
	}))
	fmt.Println(<-worked)
}
"#;

#[test]
fn a_js_program_reaches_nothing_outside_of_itself() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let filters = if cfg!(target_os = "linux") { "true" } else { "false" };
    let main = REACHES_OUT.replace("PORT", &port.to_string()).replace("FILTERS", filters);
    let Some(project) = js(&main) else { return };
    project.write("work/plan.toml", "[start]\nstdout = \"nothing\\n\"\n");
    let run = project.run(&["verify", "js.wasm", "--plan", "plan.toml"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);
    server.set_nonblocking(true).unwrap();
    assert!(server.accept().is_err());
}
