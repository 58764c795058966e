//! `gowasm run` and `gowasm test` as a user meets them.

#![cfg(unix)]

mod support;

use std::io::Write;
use std::process::Stdio;
use support::{Project, REACTOR, Run};

const TOOL: &str = r#"package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(9)
	}
}

func main() {
	if os.Getenv("PANIC") != "" {
		panic("as asked for")
	}
	in, err := io.ReadAll(os.Stdin)
	check(err)
	fmt.Println(strings.Join(os.Args[1:], " "), os.Getenv("MODE"), string(in))
	if time.Now().Year() < 2020 {
		os.Exit(8)
	}
	check(os.MkdirAll("/data/a/b", 0o755))
	check(os.WriteFile("/data/a/b/new", []byte("abc"), 0o644))
	check(os.Rename("/data/a/b/new", "/data/new"))
	check(os.Truncate("/data/new", 2))
	file, err := os.OpenFile("/data/new", os.O_APPEND|os.O_WRONLY, 0)
	check(err)
	_, err = file.Write([]byte("xy"))
	check(err)
	check(file.Close())
	check(os.Chtimes("/data/new", time.Unix(1, 0), time.Unix(2, 0)))
	info, err := os.Stat("/data/new")
	check(err)
	fmt.Println(info.Size(), info.ModTime().Unix())
	check(os.Symlink("new", "/data/link"))
	target, err := os.Readlink("/data/link")
	check(err)
	fmt.Println(target)
	check(filepath.Walk("/data", func(path string, _ os.FileInfo, err error) error {
		fmt.Println(path)
		return err
	}))
	check(os.RemoveAll("/data/a"))
	for _, path := range []string{"/secret", "/data/../secret", "/data/out"} {
		if _, err := os.ReadFile(path); err == nil {
			os.Exit(10)
		}
	}
	os.Exit(7)
}
"#;

#[test]
fn a_program_has_what_it_is_given_and_no_more() {
    let project = Project::new(TOOL);
    project.go_build("wasip1", &[], "work/tool.wasm");
    project.write("data/given", "");
    project.write("secret", "nobody's business");
    std::os::unix::fs::symlink(project.path("secret"), project.path("data/out")).unwrap();
    let dir = format!("{}::/data", project.path("data").display());
    let mut command = project.gowasm(&["run", "--dir", &dir, "--env", "MODE=fast", "--env", "OWN"]);
    command.args(["tool.wasm", "one", "--two"]).env("OWN", "x");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"typed").unwrap();
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!((run.code, run.stderr.as_str()), (Some(7), ""), "{}", run.stdout);
    let wanted = "one --two fast typed\n4 2\nnew\n\
                  /data\n/data/a\n/data/a/b\n/data/given\n/data/link\n/data/new\n/data/out\n";
    assert_eq!(run.stdout, wanted);
    assert_eq!(project.read("data/new"), b"abxy");
    assert!(!project.exists("data/a"));
}

/// The engines that are there beside wasmi.
fn other_engines() -> Vec<&'static str> {
    let mut engines = Vec::new();
    match std::process::Command::new("node").arg("--version").output() {
        Ok(_) => engines.push("node"),
        Err(_) => println!("skipped: programs in node: there is none"),
    }
    if cfg!(feature = "wasmtime") {
        engines.extend(["wasmtime", "winch"]);
    }
    engines
}

#[test]
fn a_program_runs_in_the_engine_that_is_named() {
    let project = Project::new(TOOL);
    project.go_build("wasip1", &[], "work/tool.wasm");
    for engine in other_engines() {
        project.write(&format!("{engine}/given"), "");
        let dir = format!("{}::/data", project.path(engine).display());
        let run =
            project.run(&["run", "--engine", engine, "--dir", &dir, "tool.wasm", "one", "-v"]);
        assert_eq!((run.code, run.stderr.as_str()), (Some(7), ""), "{engine}: {}", run.stdout);
        assert!(run.stdout.starts_with("one -v  \n4 2\nnew\n/data\n"), "{engine}: {}", run.stdout);
        assert_eq!(project.read(&format!("{engine}/new")), b"abxy");
    }
    if cfg!(feature = "wasmtime") {
        let run = project.run(&["run", "--engine=wasmtime", "--step-limit=100000", "tool.wasm"]);
        assert_eq!(run.code, Some(134), "{}", run.stderr);
        assert!(run.stderr.contains("the step limit was reached"), "{}", run.stderr);
    }
    for command in ["run", "test"] {
        let run = project.run(&[command, "--engine=v8", "tool.wasm"]);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("wasmi, wasmtime, winch, node, wazero"), "{}", run.stderr);
    }
}

const DEEP: &str = r#"package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

type shape interface{ area(depth int) float64 }

type square struct{ sides []float64 }

func (s *square) area(depth int) float64 {
	if depth > 0 {
		defer func() { fmt.Println("leaving", depth, len(s.sides)) }()
		return (&square{append(s.sides, float64(depth))}).area(depth - 1)
	}
	return s.sides[len(os.Args)+5]
}

func main() {
	_, file, line, ok := runtime.Caller(0)
	fmt.Println(file[strings.LastIndex(file, "/")+1:], line, ok)
	done := make(chan float64)
	go func() {
		defer func() { fmt.Println(recover()); done <- 1 }()
		shape(&square{}).area(3)
	}()
	fmt.Println(<-done)
	fmt.Println(nested(1), nested(2))
	var s shape = &square{}
	fmt.Println(s.area(4))
}

// recover counts the frames between it and the panic, inlined ones too.
func nested(depth int) (recovered string) {
	defer func() { fmt.Println("outermost", recover()) }()
	defer func() {
		if depth == 1 {
			recovered = fmt.Sprint("once ", recover())
			return
		}
		inner := func() { recovered = fmt.Sprint("twice ", recover()) }
		inner()
	}()
	return at([]string{}, depth)
}

func at(list []string, place int) string { return list[place] }
"#;

#[test]
fn a_small_module_tells_files_and_lines_as_a_whole_one_does() {
    let project = Project::new(DEEP);
    let [whole, small] = ["none", "safe"].map(|size| {
        let module = format!("{size}.wasm");
        project.ok(&["build", "-q", "-o", &module, "--no-verify", "--size", size]);
        let run = project.run(&["run", &module]);
        assert_eq!(run.code, Some(2), "{}", run.stderr);
        assert!(run.stderr.contains("main.(*square).area"), "{}", run.stderr);
        assert!(run.stderr.contains("main.go:19 "), "{}", run.stderr);
        (run.stdout, run.stderr, project.read(&format!("work/{module}")).len())
    });
    assert_eq!((&whole.0, &whole.1), (&small.0, &small.1));
    assert!(small.2 * 10 < whole.2 * 9, "{} and {} bytes", small.2, whole.2);
}

#[test]
fn what_small_gives_up_is_kept_where_it_is_asked_for() {
    let project = Project::new(DEEP);
    let ends = [
        "safe",
        "small",
        "small+lines+inlined+arguments",
        "small+names+lines+inlined+arguments+bodies",
    ]
    .map(|size| {
        let module = format!("{size}.wasm");
        project.ok(&["build", "-q", "-o", &module, "--no-verify", "--size", size]);
        let run = project.run(&["run", &module]);
        assert_eq!(run.code, Some(2), "{size}: {}", run.stderr);
        assert!(run.stderr.contains("main.(*square).area"), "{size}: {}", run.stderr);
        (run, project.read(&format!("work/{module}")))
    });
    let [safe, small, told, all] = &ends;
    let (first, others) = small.0.stdout.split_once('\n').unwrap();
    assert_eq!((first, Some(others)), ("? 0 true", safe.0.stdout.split_once('\n').map(|it| it.1)));
    assert!(others.contains("once runtime error: index out of range"), "{others}");
    assert!(others.contains("twice <nil>"), "{others}");
    assert!(!small.0.stderr.contains("main.go"), "{}", small.0.stderr);
    assert!(safe.0.stderr.contains("area(0x"), "{}", safe.0.stderr);
    assert!(small.0.stderr.contains("area()"), "{}", small.0.stderr);
    assert!(!small.1.windows(7).any(|at| at == b"main.go"));
    // Less data moves the heap.
    let without_addresses = |text: &str| -> Vec<String> {
        let parts =
            text.split("0x").map(|part| part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        parts.map(str::to_owned).collect()
    };
    assert_eq!(safe.0.stdout, told.0.stdout);
    assert_eq!(without_addresses(&safe.0.stderr), without_addresses(&told.0.stderr));
    assert_eq!(safe.1, all.1);
    assert!(small.1.len() < told.1.len() && told.1.len() < all.1.len());
}

#[test]
fn ends_that_are_no_exit_say_why() {
    let project = Project::new(TOOL);
    project.go_build("wasip1", &[], "work/tool.wasm");
    let run = project.run(&["run", "--env", "PANIC=1", "tool.wasm"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("panic: as asked for"), "{}", run.stderr);
    let run = project.run(&["run", "--step-limit", "100000", "tool.wasm"]);
    assert_eq!(run.code, Some(134));
    assert_eq!(run.stderr, "error: tool.wasm: the step limit was reached\n");
    let run = project.run(&["run", "--dir", "/nowhere/at/all", "tool.wasm"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("cannot open the directory /nowhere/at/all"), "{}", run.stderr);
    let run = project.run(&["run", "--env", "NOT_THERE", "tool.wasm"]);
    assert_eq!(run.code, Some(2));

    let project = Project::new(REACTOR);
    project.go_build("wasip1", &["-buildmode=c-shared"], "work/reactor.wasm");
    let run = project.run(&["run", "reactor.wasm"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("reactor.wasm is a reactor"), "{}", run.stderr);
}

/// Options of ours that are the program's where they stand after the module.
#[test]
fn what_follows_the_module_is_the_programs() {
    let echo = "package main\n\nimport (\n\t\"fmt\"\n\t\"os\"\n)\n\n\
                func main() { fmt.Printf(\"%q\\n\", os.Args) }\n";
    let project = Project::new(echo);
    project.go_build("wasip1", &[], "work/echo.wasm");
    let lists: [&[&str]; 5] = [
        &["-v", "-q", "-h", "--help", "-V", "--version", "--color", "always", "--color=never"],
        &["--message-format=json", "--env", "A=b", "--dir", "/", "--inherit-env", "--step-limit=1"],
        &["--", "-v", "--"],
        &["", "-", "--env"],
        &[],
    ];
    for list in lists {
        for before in [&["run"][..], &["-q", "run"], &["run", "--env", "A=b"], &["run", "--"]] {
            let args = [before, &["echo.wasm"], list].concat();
            let run = project.ok(&args);
            let wanted: Vec<_> =
                ["echo.wasm"].iter().chain(list).map(|arg| format!("{arg:?}")).collect();
            assert_eq!(run.stdout, format!("[{}]\n", wanted.join(" ")), "{args:?}");
        }
    }
    let run = project.run(&["run"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(project.ok(&["run", "--help"]).stdout.contains("MODULE"));
}

#[test]
fn go_test_heeds_goos_a_folder_and_another_runner() {
    let project = Project::new("package main\n\nfunc main() {}\n");
    let test = "package sub\n\nimport (\n\t\"fmt\"\n\t\"runtime\"\n\t\"testing\"\n)\n\n\
                func TestGoos(t *testing.T) { fmt.Println(\"on\", runtime.GOOS) }\n";
    project.write("work/sub/sub_test.go", test);
    let run = |variables: &[(&str, &str)]| {
        let mut command = project.gowasm(&["test", "-C", "sub", "-v", "-count=1", "."]);
        let run = support::Run::of(command.envs(variables.iter().copied()));
        (run.code, run.stdout + &run.stderr)
    };
    let (code, said) = run(&[]);
    assert!(code == Some(0) && said.contains("on wasip1"), "{said}");
    let (code, said) = run(&[("GOOS", "linux")]);
    assert!(code == Some(2) && said.contains("GOOS is `linux`"), "{said}");
    let (code, said) = run(&[("GOFLAGS", "-exec=true")]);
    assert!(code == Some(0) && !said.contains("on wasip1"), "{said}");
    if std::process::Command::new("node").arg("--version").output().is_err() {
        eprintln!("skipped: node is not on the PATH");
        return;
    }
    let (code, said) = run(&[("GOOS", "js")]);
    assert!(code == Some(0) && said.contains("on js"), "{said}");
}

const TESTS: &str = r#"package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestAdd(t *testing.T) {
	fmt.Println("arguments", flag.Args())
	if add(1, 2) != 3 || runtime.GOOS != "wasip1" {
		t.Fatal("wrong")
	}
}

func TestFiles(t *testing.T) {
	if err := os.WriteFile(filepath.Join(t.TempDir(), "new"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := os.ReadFile("testdata/in.txt"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	time.Sleep(time.Millisecond)
	if time.Since(begun) < time.Millisecond {
		t.Fatal("too early")
	}
}

func TestOnDemand(t *testing.T) {
	if os.Getenv("FAIL") != "" {
		t.Fatal("failed as asked for")
	}
}
"#;

#[test]
fn go_test_runs_in_our_engine() {
    let project = Project::new(REACTOR);
    project.write("work/main_test.go", TESTS);
    project.write("work/testdata/in.txt", "");
    let run = project.ok(&["test", "-count=1", "-v", "-coverprofile=cover.out", "."]);
    for line in ["--- PASS: TestAdd", "--- PASS: TestFiles", "coverage: 100.0% of statements"] {
        assert!(run.stdout.contains(line), "{}", run.stdout);
    }
    let profile = String::from_utf8(project.read("work/cover.out")).unwrap();
    assert!(profile.contains("example.com/calc/main.go:4.28,4.44 1 1"), "{profile}");

    // After our own options as well, and as far as to the test program.
    let run = project.ok(&[
        "-q",
        "--color=never",
        "test",
        "-count=1",
        "-v",
        ".",
        "-args",
        "--",
        "-q",
        "--help",
    ]);
    assert!(run.stdout.contains("--- PASS: TestAdd"), "{}", run.stdout);
    assert!(run.stdout.contains("arguments [-q --help]"), "{}", run.stdout);

    for engine in other_engines() {
        let run = project.ok(&["test", "--engine", engine, "-count=1", "-v", "."]);
        assert!(run.stdout.contains("--- PASS: TestFiles"), "{engine}: {}", run.stdout);
    }

    let run = Run::of(project.gowasm(&["test", "-json", "-run=OnDemand", "."]).env("FAIL", "1"));
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    let failed = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["Action"] == "fail" && event["Test"] == "TestOnDemand"
    };
    assert!(run.stdout.lines().any(failed), "{}", run.stdout);
    assert!(!run.stdout.contains("TestAdd"), "{}", run.stdout);
}
