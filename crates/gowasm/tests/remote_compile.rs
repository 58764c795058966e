//! Go's compiler on the workers of a real BuildGrid: the same archives, the same errors, and no hang when
//! a worker is lost.
#![cfg(target_os = "linux")]

mod support;

use gowasm_testbed::{BuildGrid, PROPERTIES};
use std::collections::BTreeMap;
use std::process::Command;
use std::thread;
use std::time::Duration;
use support::machines::{Machine, programs};
use support::{Project, Run};

/// Every kind of input that a compiler has: imports, assembly and its header, files to embed, a profile,
/// sources with a place of their own.
fn everything() -> Project {
    let project = Project::new(
        "package main\n\n\
         import (\n\t_ \"embed\"\n\t\"fmt\"\n\n\t\"example.com/calc/sum\"\n)\n\n\
         //go:embed words/hello.txt\nvar hello string\n\n\
         //go:wasmexport add\n\
         func add(a, b int32) int32 { fmt.Sprint(hello); return sum.Of(a, b) }\n\n\
         func main() {}\n",
    );
    project.write("work/words/hello.txt", "hello\n");
    project.write(
        "work/sum/sum.go",
        "package sum\n\nconst Step = 8\n\nfunc assembled(a, b int32) int32\n\n\
         func Of(a, b int32) int32 { return generated(assembled(a, b)) }\n",
    );
    project.write(
        "work/sum/sum_wasm.s",
        "#include \"textflag.h\"\n#include \"go_asm.h\"\n\n\
         TEXT ·assembled(SB), NOSPLIT, $0-20\n\
         \tGet SP\n\tI32Load a+0(FP)\n\tI32Load b+4(FP)\n\tI32Add\n\tI32Store ret+const_Step(FP)\n\tRET\n",
    );
    project.write(
        "work/sum/generated.go",
        "package sum\n\n//line sum.y:7\nfunc generated(n int32) int32 {\n\tif n == -1 { panic(n) }\n\treturn n\n}\n",
    );
    project
}

fn flags(grid: &BuildGrid) -> Vec<String> {
    let mut flags = vec!["--remote-executor".to_owned(), grid.url()];
    for property in PROPERTIES {
        flags.extend(["--remote-default-exec-properties".to_owned(), property.to_owned()]);
    }
    flags
}

/// Import paths and the bytes of their archives, as `go list -export` has them made.
fn archives(machine: &Machine, with: impl FnOnce(&mut Command)) -> BTreeMap<String, Vec<u8>> {
    let mut list = Command::new(support::go());
    list.current_dir(machine.project.path("work")).env("GOTOOLCHAIN", "local");
    list.env("GOCACHE", machine.project.path("gocache")).env_remove("GOFLAGS");
    list.env("GOOS", "wasip1").env("GOARCH", "wasm").env("CGO_ENABLED", "0");
    list.env("GOWASM_STORE", machine.project.path("store"));
    list.args(["list", "-deps", "-export", "-trimpath", "-buildmode=c-shared"]);
    list.args(["-f", "{{.ImportPath}}={{.Export}}"]);
    with(&mut list);
    let run = Run::of(list.arg("."));
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines = run.stdout.lines().filter_map(|line| line.split_once('='));
    let compiled = lines.filter(|(_, path)| !path.is_empty());
    compiled.map(|(name, path)| (name.to_owned(), std::fs::read(path).unwrap())).collect()
}

/// One grid for all of it: it compiles the standard library once.
#[test]
fn workers_compile_what_is_compiled_here() {
    let Some(programs) = programs() else { return };
    let mut grid = BuildGrid::start(&programs, 2).unwrap();
    let flags = flags(&grid);
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let here = Machine::with(everything());
    here.build(&[]);
    let local = archives(&here, |_| {});
    assert!(local.len() > 40 && local.contains_key("example.com/calc/sum"), "{:?}", local.keys());

    // Machine A: every package, the link and the verification.
    let a = Machine::with(everything());
    let built = a.build(&flags);
    assert_eq!(built["remote"]["executions"], 2 + local.len(), "{built}");
    assert!(a.published()[..2] == here.published()[..2], "another module");
    // Machine B: all of it has been made.
    let b = Machine::with(everything());
    let built = b.build(&flags);
    assert_eq!((&built["remote"]["executions"], &built["remote"]["hits"]), (&0.into(), &2.into()));
    assert!(a.published() == b.published(), "the machines have different files");

    the_archives_are_the_same(&grid, &local);
    errors_are_those_of_go_build(&here, &a, &flags);
    a_lost_worker_costs_time_only(&here, &a, &mut grid, &flags);
    without_workers_a_build_ends(&a, &mut grid, &flags);
}

/// With plain Go, which a variable tells of the executor.
fn the_archives_are_the_same(grid: &BuildGrid, local: &BTreeMap<String, Vec<u8>>) {
    let machine = Machine::with(everything());
    let there = archives(&machine, |list| {
        list.arg(format!("-toolexec='{}' toolexec", env!("CARGO_BIN_EXE_gowasm")));
        list.env("GOWASM_REMOTE_EXECUTOR", grid.url());
        list.env("GOWASM_REMOTE_DEFAULT_EXEC_PROPERTIES", PROPERTIES.join("\n"));
    });
    assert_eq!(local.keys().collect::<Vec<_>>(), there.keys().collect::<Vec<_>>());
    for (package, archive) in local {
        assert!(there[package] == *archive, "the archive of {package} is another");
    }
}

fn errors_are_those_of_go_build(here: &Machine, there: &Machine, flags: &[&str]) {
    let [here, there] = [(here, &[][..]), (there, flags)].map(|(machine, flags)| {
        let wrong = "package sum\n\nfunc wrong() int {\n\treturn missing\n}\n";
        let wrong = machine.project.write("work/sum/wrong.go", wrong);
        let run = machine.run(&[flags, &["--quiet"]].concat());
        std::fs::remove_file(wrong).unwrap();
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        run.stderr
    });
    assert!(here.contains("sum/wrong.go:4:9: undefined: missing"), "{here}");
    assert_eq!(here, there);
}

/// A package that keeps a compiler busy for a while.
fn large(machine: &Machine) {
    let mut source = String::from("package sum\n");
    for number in 0..1500 {
        source += &format!(
            "func F{number}(a map[string]int, b []string) (n int) {{\n\
             \tfor _, s := range b {{ a[s] += {number}; n += len(s) * a[s+\"{number}\"] }}\n\
             \tdefer func() {{ n++ }}()\n\treturn n\n}}\n"
        );
    }
    machine.project.write("work/sum/large.go", &source);
}

fn a_lost_worker_costs_time_only(
    here: &Machine,
    there: &Machine,
    grid: &mut BuildGrid,
    flags: &[&str],
) {
    large(here);
    large(there);
    here.build(&[]);
    let built = losing_a_worker(grid, || there.build(flags));
    // Two packages, the link and the verification.
    assert_eq!(built["remote"]["executions"], 4, "{built}");
    assert!(there.published()[..2] == here.published()[..2], "another module");
}

fn without_workers_a_build_ends(machine: &Machine, grid: &mut BuildGrid, flags: &[&str]) {
    let before = machine.published();
    machine.project.write("work/sum/another.go", "package sum\n\nvar Another = 1\n");
    let flags = [flags, &["--remote-timeout", "1"]].concat();
    let run = losing_a_worker(grid, || machine.run(&flags));
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("\nerror: cannot execute action "), "{}", run.stderr);
    assert!(run.stderr.contains(&format!(" at {}: ", grid.url())), "{}", run.stderr);
    assert!(machine.published() == before, "a build that failed published something");
    // Or it is done here, if that is asked for.
    let run = machine.run(&[&flags[..], &["--remote-local-fallback"]].concat());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("it is done here"), "{}", run.stderr);
}

/// Kills a worker while it is at work for a build.
fn losing_a_worker<T: Send>(grid: &mut BuildGrid, build: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let running = scope.spawn(build);
        while !grid.lose_busy_worker() {
            assert!(!running.is_finished(), "the build ended before a worker was lost");
            thread::sleep(Duration::from_millis(20));
        }
        running.join().unwrap()
    })
}
