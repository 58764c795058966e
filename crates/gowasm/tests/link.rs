//! `gowasm link` and `gowasm toolexec` as cmd/go and people call them.

mod support;

use gowasm_guard::Guard;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::{go, gos};

const GOWASM: &str = env!("CARGO_BIN_EXE_gowasm");

/// A folder with the Go module `example.com/calc`.
struct Folder {
    root: tempfile::TempDir,
    go: PathBuf,
}

const EXPORTS: &str = "package main\n\n\
    //go:wasmexport add\n\
    func add(a, b int32) int32 { return a + b }\n\n\
    func main() {}\n";

impl Folder {
    fn new(main: &str) -> Self {
        Self::with_go(main, go())
    }

    fn with_go(main: &str, go: PathBuf) -> Self {
        let folder = Folder { root: tempfile::tempdir().unwrap(), go };
        folder.write("go.mod", "module example.com/calc\n\ngo 1.24\n");
        folder.write("main.go", main);
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root.path()).env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
        command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("NO_COLOR", "1")]);
        command
    }

    /// `go build` to a file, with our linker or Go's.
    fn build(&self, output: &str, ours: bool, arguments: &[&str]) -> Output {
        let mut command = self.command(&self.go);
        command.args(["build", "-buildmode=c-shared", "-o", output]).args(arguments);
        if ours {
            command.arg(format!("-toolexec={GOWASM} toolexec"));
        }
        command.arg(".").output().unwrap()
    }

    fn builds(&self, output: &str, ours: bool, arguments: &[&str]) -> Vec<u8> {
        let built = self.build(output, ours, arguments);
        assert!(built.status.success(), "{}", text(&built.stderr));
        fs::read(self.path(output)).unwrap()
    }

    /// What our linker says to a program that cannot be linked.
    fn refused(&self) -> String {
        let built = self.build("refused.wasm", true, &[]);
        assert!(!built.status.success(), "it was linked");
        assert!(!self.path("refused.wasm").exists());
        text(&built.stderr)
    }

    fn tool(&self) -> PathBuf {
        let asked = self.command(&self.go).args(["tool", "-n", "link"]).output().unwrap();
        PathBuf::from(text(&asked.stdout).trim())
    }

    /// The archive of main and an import configuration for the rest.
    fn inputs(&self) -> PathBuf {
        let list = ["list", "-export", "-deps", "-f", "{{.Name}} {{.ImportPath}} {{.Export}}", "."];
        let listed = self.command(&self.go).args(list).output().unwrap();
        assert!(listed.status.success(), "{}", text(&listed.stderr));
        let (mut config, mut main) = (String::new(), PathBuf::new());
        for line in text(&listed.stdout).lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["main", _, archive] => main = archive.into(),
                [_, package, archive] if !archive.is_empty() => {
                    config.push_str(&format!("packagefile {package}={archive}\n"));
                }
                _ => {}
            }
        }
        self.write("importcfg", &config);
        main
    }

    fn link(&self, arguments: &[&str]) -> Output {
        self.command(Path::new(GOWASM)).arg("link").args(arguments).output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn toolexec_links_what_go_links_and_their_caches_never_mix() {
    for go in gos() {
        let folder = Folder::with_go(EXPORTS, go);
        // Without a build ID, which names the linker.
        let flags = ["-trimpath", "-ldflags=-buildid="];
        let theirs = folder.builds("theirs.wasm", false, &flags);
        let ours = folder.builds("ours.wasm", true, &flags);
        assert!(theirs == ours, "{}: the modules differ", folder.go.display());
        // With it: each linker's module is the one its own build makes, in whatever order.
        let theirs = folder.builds("theirs.wasm", false, &["-trimpath"]);
        let ours = folder.builds("ours.wasm", true, &["-trimpath"]);
        assert_ne!(theirs, ours);
        assert!(theirs == folder.builds("again.wasm", false, &["-trimpath"]));
        assert!(ours == folder.builds("again.wasm", true, &["-trimpath"]));
    }
}

#[test]
fn the_version_tells_our_linker_from_gos() {
    let folder = Folder::new(EXPORTS);
    let tool = folder.tool();
    let theirs = folder.command(&tool).arg("-V=full").output().unwrap();
    let mut ours = folder.command(Path::new(GOWASM));
    let ours = ours.arg("toolexec").arg(&tool).arg("-V=full").output().unwrap();
    let (theirs, ours) = (text(&theirs.stdout), text(&ours.stdout));
    assert!(theirs.starts_with("link version go"), "{theirs}");
    assert!(
        ours.starts_with(theirs.split_whitespace().take(3).collect::<Vec<_>>().join(" ").as_str())
    );
    assert!(ours.contains(" gowasm-") && ours != theirs, "{ours}");
    // Other tools speak for themselves.
    let compiler = tool.with_file_name("compile");
    let theirs = folder.command(&compiler).arg("-V=full").output().unwrap();
    let mut ours = folder.command(Path::new(GOWASM));
    let ours = ours.arg("toolexec").arg(&compiler).arg("-V=full").output().unwrap();
    assert_eq!((ours.status.code(), text(&ours.stdout)), (Some(0), text(&theirs.stdout)));
    // Asked by itself, it says what it is in the form that cmd/go reads.
    let own = folder.link(&["-V=full"]);
    assert!(text(&own.stdout).starts_with("link version gowasm-"), "{}", text(&own.stdout));
}

#[test]
fn unknown_and_unusable_flags_are_wrong_usage() {
    let folder = Folder::new(EXPORTS);
    for (flag, says) in [
        ("-nosuchflag", "flag provided but not defined: -nosuchflag"),
        ("-race", "flag -race cannot be used"),
        ("-linkmode=external", "not supported for wasm"),
        ("-buildmode=plugin", "not supported for wasm"),
        ("-s=perhaps", "invalid boolean value"),
        ("-guard=half", "-guard: a guard is full, allow-exit or none"),
    ] {
        let linked = folder.link(&[flag, "main.a"]);
        assert_eq!(linked.status.code(), Some(2), "{flag}");
        assert!(text(&linked.stderr).contains(says), "{flag}: {}", text(&linked.stderr));
    }
    assert_eq!(folder.link(&[]).status.code(), Some(2));
    assert_eq!(folder.link(&["-o", "x.wasm", "absent.a"]).status.code(), Some(1));
}

/// cmd/go writes one where a command line would be too long.
#[test]
fn response_files_are_those_of_go_tool_link() {
    for go in gos() {
        let folder = Folder::with_go(
            "package main\n\nvar text = \"unset\"\n\nfunc main() { println(text) }\n",
            go,
        );
        let main = folder.inputs();
        let inner = folder.path("inner").display().to_string();
        // Go 1.27 quotes as GCC does; before, a line was an argument.
        let release = Command::new(&folder.go).args(["env", "GOVERSION"]).output().unwrap().stdout;
        let is_line_an_argument =
            ["go1.24", "go1.25", "go1.26"].iter().any(|old| text(&release).starts_with(old));
        let inner_text = match is_line_an_argument {
            true => "-X\r\nmain.text=a\\nb\\\\c d\n-s\n",
            false => "-X\r\n\"main.text=a\nb\\\\c d\" -s\n",
        };
        folder.write("inner", inner_text);
        let write = |name: &str, output: &str| {
            let main = main.display();
            let lines =
                format!("-o\n{output}\n-importcfg=importcfg\n@{inner}\n-buildid=x\n{main}\n\n");
            folder.write(name, &lines);
        };
        write("theirs", "theirs.wasm");
        write("ours", "ours.wasm");
        let theirs = folder.command(&folder.tool()).arg("@theirs").output().unwrap();
        assert!(theirs.status.success(), "{}", text(&theirs.stderr));
        let ours = folder.link(&["@ours"]);
        assert!(ours.status.success(), "{}", text(&ours.stderr));
        let read = |name: &str| fs::read(folder.path(name)).unwrap();
        assert!(read("ours.wasm") == read("theirs.wasm"), "{}", folder.go.display());
        assert!(read("ours.wasm").windows(7).any(|bytes| bytes == b"a\nb\\c d"));
        let refused = folder.link(&["@gone"]);
        assert_eq!(refused.status.code(), Some(1));
        assert!(text(&refused.stderr).contains("gone"), "{}", text(&refused.stderr));
    }
}

#[cfg(unix)]
#[test]
fn a_module_that_cannot_be_written_is_the_machines_fault() {
    let folder = Folder::new("package main\n\nfunc main() {}\n");
    let main = folder.inputs();
    for (output, says) in
        [("/dev/full", "No space left"), ("gone/x.wasm", "gone"), (".", "directory")]
    {
        let linked = folder.link(&["-o", output, "-importcfg=importcfg", main.to_str().unwrap()]);
        assert_eq!(linked.status.code(), Some(3), "{output}: {}", text(&linked.stderr));
        let said = text(&linked.stderr);
        assert!(said.contains(says) && said.contains("hint: "), "{said}");
    }
}

/// A damaged archive can be linked like any other: only the module shows it.
#[test]
fn a_module_that_no_engine_takes_is_not_written() {
    let folder =
        Folder::new(&EXPORTS.replace("return a + b", "return int32(int64(a + b) * 123456789)"));
    let main = folder.inputs();
    let mut archive = fs::read(&main).unwrap();
    // `i64.const` and that number; it becomes a constant of another type.
    let constant = b"\x42\x95\x9a\xef\x3a";
    let places = archive.windows(constant.len()).enumerate();
    let places: Vec<usize> =
        places.filter(|(_, bytes)| bytes == constant).map(|(place, _)| place).collect();
    assert!(!places.is_empty(), "the number is not in the archive");
    places.iter().for_each(|&place| archive[place] = 0x41);
    fs::write(folder.path("main.a"), archive).unwrap();
    let rest = ["-o", "m.wasm", "-importcfg", "importcfg", "-buildmode=c-shared"];
    let linked = folder.link(&[&["-validate"], &rest[..], &["main.a"]].concat());
    assert_eq!(linked.status.code(), Some(1), "{}", text(&linked.stderr));
    for part in ["m.wasm", "type mismatch", "an archive is damaged"] {
        assert!(text(&linked.stderr).contains(part), "{part} in {}", text(&linked.stderr));
    }
    assert!(!folder.path("m.wasm").exists());
    let whole = [&["-validate", "-guard"], &rest[..], &[main.to_str().unwrap()]].concat();
    let linked = folder.link(&whole);
    assert!(linked.status.success(), "{}", text(&linked.stderr));
}

#[test]
fn the_first_flag_asks_for_a_guard() {
    let folder = Folder::new(EXPORTS);
    let main = folder.inputs();
    let linked = |flags: &[&str]| {
        let rest = ["-o", "m.wasm", "-importcfg", "importcfg", "-buildmode=c-shared"];
        let linked = folder.link(&[flags, &rest, &[main.to_str().unwrap()]].concat());
        assert!(linked.status.success(), "{}", text(&linked.stderr));
        fs::read(folder.path("m.wasm")).unwrap()
    };
    let plain = linked(&[]);
    for (flag, guard) in [
        ("-guard", Guard::Full),
        ("--guard=allow-exit", Guard::AllowExit),
        ("-guard=none", Guard::None),
    ] {
        assert!(linked(&[flag]) == gowasm_guard::guard(&plain, guard).unwrap(), "{flag}");
    }
}

#[test]
fn archives_are_found_in_folders() {
    let folder = Folder::new(EXPORTS);
    let main = folder.inputs();
    let main = main.to_str().unwrap();
    for line in fs::read_to_string(folder.path("importcfg")).unwrap().lines() {
        let (package, archive) = line["packagefile ".len()..].split_once('=').unwrap();
        let place = folder.path(&format!("lib/{package}.a"));
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::copy(archive, place).unwrap();
    }
    let mode = "-buildmode=c-shared";
    let with_config = folder.link(&["-o", "a.wasm", "-importcfg", "importcfg", mode, main]);
    assert!(with_config.status.success(), "{}", text(&with_config.stderr));
    let with_folder = folder.link(&["-o", "b.wasm", "-L", "absent", "-L", "lib", mode, main]);
    assert!(with_folder.status.success(), "{}", text(&with_folder.stderr));
    assert!(fs::read(folder.path("a.wasm")).unwrap() == fs::read(folder.path("b.wasm")).unwrap());
    fs::remove_file(folder.path("lib/internal/abi.a")).unwrap();
    let refused = folder.link(&["-o", "c.wasm", "-L", "lib", mode, main]);
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains("cannot find package internal/abi") && said.contains("-L"), "{said}");
}

#[test]
fn a_package_with_two_archives_is_refused() {
    let folder = Folder::new(EXPORTS);
    let main = folder.inputs();
    let main = main.to_str().unwrap();
    let config = fs::read_to_string(folder.path("importcfg")).unwrap();
    let line = config.lines().find(|line| line.starts_with("packagefile internal/abi=")).unwrap();
    let archive = line.split_once('=').unwrap().1;
    let link =
        || folder.link(&["-o", "a.wasm", "-importcfg", "importcfg", "-buildmode=c-shared", main]);
    folder.write("importcfg", &format!("{config}{line}\n"));
    assert!(link().status.success(), "the same line twice");
    fs::remove_file(folder.path("a.wasm")).unwrap();
    folder.write("importcfg", &format!("{config}packagefile internal/abi=other.a\n"));
    let refused = link();
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    let place = format!("importcfg:{}: ", config.lines().count() + 1);
    for part in [&place, "internal/abi has two archives", archive, "other.a", "hint:"] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    assert!(!folder.path("a.wasm").exists());
}

/// Go's linker passes over it in silence. Ours says so, and does the same: bytes and exit code.
#[test]
fn a_definition_of_nothing_is_a_warning() {
    for go in gos() {
        let folder = Folder::with_go(
            "package main\n\nvar version = \"none\"\n\nvar unused string\n\nfunc main() { println(version) }\n",
            go,
        );
        let main = folder.inputs();
        let flags = ["-importcfg", "importcfg", "-X=main.version=1", "-X=main.unused=2"];
        let nothing = ["-X=main.verison=1", "-X=main.main=2", "-X=example.com/absent.v=3"];
        let link = |tool: &mut std::process::Command, output: &str, flags: &[&str]| {
            let made = tool.args(["-o", output]).args(flags).arg(&main).output().unwrap();
            assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
            (fs::read(folder.path(output)).unwrap(), text(&made.stderr))
        };
        let all = [&flags[..], &nothing].concat();
        let (theirs, _) = link(&mut folder.command(&folder.tool()), "theirs.wasm", &all);
        let (ours, said) = link(folder.command(Path::new(GOWASM)).arg("link"), "ours.wasm", &all);
        assert!(theirs == ours, "{}: the modules differ", folder.go.display());
        assert_eq!(said.matches("warning: -X names").count(), 3, "{said}");
        for name in ["main.verison", "main.main", "example.com/absent.v"] {
            assert!(said.contains(&format!("-X names {name}, ")), "{said}");
        }
        let (_, said) = link(folder.command(Path::new(GOWASM)).arg("link"), "ours.wasm", &flags);
        assert_eq!(said, "");
        let flag = "-ldflags=-X main.verison=1";
        let built = folder.build("built.wasm", true, &[flag]);
        assert!(built.status.success() && text(&built.stderr).contains("-X names main.verison"));
    }
}

#[test]
fn linknames_that_go_refuses_are_refused_with_their_place() {
    let folder = Folder::new(
        "package main\n\nimport _ \"unsafe\"\n\n\
         //go:linkname newcoro runtime.newcoro\nfunc newcoro(func()) uintptr\n\n\
         func main() { println(newcoro(nil)) }\n",
    );
    folder.write("empty.s", "");
    let theirs = folder.build("theirs.wasm", false, &[]);
    assert!(text(&theirs.stderr).contains("main: invalid reference to runtime.newcoro"));
    let said = folder.refused();
    let place = "main.go:5:1: error: main: invalid reference to runtime.newcoro";
    assert!(said.contains(place) && said.contains("hint:"), "{said}");
    let flags = ["-trimpath", "-ldflags=-checklinkname=0 -buildid="];
    assert!(folder.builds("theirs.wasm", false, &flags) == folder.builds("a.wasm", true, &flags));
}

#[test]
fn two_exports_of_one_name_are_shown_both() {
    let folder = Folder::new(
        "package main\n\nimport (\n\t_ \"example.com/calc/a\"\n\t_ \"example.com/calc/b\"\n)\n\n\
         func main() {}\n",
    );
    folder.write("a/a.go", "package a\n\n//go:wasmexport add\nfunc Add() {}\n");
    folder.write("b/b.go", "package b\n\n// Plus adds.\n//\n//go:wasmexport add\nfunc Plus() {}\n");
    let said = folder.refused();
    assert!(said.contains("export add is defined twice"), "{said}");
    assert!(said.contains("a/a.go:3:1") && said.contains("b/b.go:5:1"), "{said}");
}

#[test]
fn a_missing_function_is_shown_with_all_who_call_it() {
    let folder = Folder::new(
        "package main\n\nfunc gone() int\n\n\
         //go:noinline\nfunc one() int { return gone() }\n\n\
         //go:noinline\nfunc two() int { return gone() + 1 }\n\n\
         func main() { println(one(), two()) }\n",
    );
    folder.write("empty.s", "");
    let said = folder.refused();
    assert!(said.contains("main.gone not defined"), "{said}");
    assert!(said.contains("main.go:6:1") && said.contains("main.go:9:1"), "{said}");
    assert_eq!(said.matches("not defined").count(), 1, "{said}");
}

#[test]
fn experiments_are_linked_as_go_links_them() {
    let folder = Folder::new(EXPORTS);
    let known = |experiment: &str| {
        let mut command = folder.command(&folder.go);
        command.args(["env", "GOEXPERIMENT"]).env("GOEXPERIMENT", experiment);
        command.output().unwrap().status.success()
    };
    let experiment = "staticlockranking";
    assert!(known(experiment), "this Go does not know {experiment} any more");
    let build = |output: &str, ours: bool| {
        let mut command = folder.command(&folder.go);
        command.args(["build", "-trimpath", "-ldflags=-buildid=", "-o", output]);
        if ours {
            command.arg(format!("-toolexec={GOWASM} toolexec"));
        }
        let built = command.arg(".").env("GOEXPERIMENT", experiment).output().unwrap();
        assert!(built.status.success(), "{}", text(&built.stderr));
        fs::read(folder.path(output)).unwrap()
    };
    assert!(build("theirs.wasm", false) == build("ours.wasm", true));
}

#[test]
#[cfg(unix)]
fn an_interrupted_link_leaves_nothing() {
    let folder = Folder::new(EXPORTS);
    let main = folder.inputs();
    let pipe = folder.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    fs::create_dir(folder.path("out")).unwrap();
    let mut command = folder.command(Path::new(GOWASM));
    command.args(["link", "-o", "out/module.wasm", "-importcfg", "pipe"]).arg(&main);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    // Opens when the linker reads; what it does with the signal is in place by then.
    let writer = fs::File::options().write(true).open(&pipe).unwrap();
    let signalled = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    // Nobody writes what the linker waits for.
    let done = child.wait_with_output().unwrap();
    drop(writer);
    assert_eq!(done.status.code(), Some(130), "{}", text(&done.stderr));
    assert_eq!(fs::read_dir(folder.path("out")).unwrap().count(), 0);
}
