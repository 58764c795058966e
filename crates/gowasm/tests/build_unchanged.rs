//! A build in which nothing changed does not start Go; a build in which anything did, does.

#![cfg(unix)]

mod support;

use std::fs::{self, File, FileTimes};
use std::process::Command;
use support::{Project, REACTOR, Run};

/// A project that was built, and builds again without Go.
struct Built {
    project: Project,
    args: Vec<&'static str>,
}

impl Built {
    fn new() -> Self {
        Self::of(Project::new(REACTOR))
    }

    fn of(project: Project) -> Self {
        let built = Built {
            project,
            args: vec!["build", "-v", "--buildmode=c-shared", "--message-format=json"],
        };
        built.rebuilds("the first build");
        built.stays("a second build");
        built
    }

    fn run(&self) -> (usize, Run) {
        let before = self.project.calls();
        let run = self.project.ok(&self.args);
        (self.project.calls() - before, run)
    }

    #[track_caller]
    fn stays(&self, what: &str) -> Run {
        let (calls, run) = self.run();
        assert_eq!(calls, 0, "{what} started go: {}", run.stderr);
        assert_eq!(run.json()["up_to_date"], true);
        run
    }

    #[track_caller]
    fn rebuilds(&self, what: &str) -> Run {
        let (calls, run) = self.run();
        assert!(calls > 0, "{what} did not start go");
        assert_eq!(run.json()["up_to_date"], false);
        run
    }
}

#[test]
fn an_edited_file() {
    let built = Built::new();
    let module = built.project.read("work/calc.wasm");
    built.project.write("work/main.go", &REACTOR.replace("a + b", "a - b"));
    built.rebuilds("an edit");
    assert_ne!(built.project.read("work/calc.wasm"), module);
    built.stays("no edit");
}

#[test]
fn an_edit_of_the_same_size_with_its_time_put_back() {
    let built = Built::new();
    let path = built.project.path("work/main.go");
    let times = path.metadata().unwrap();
    let module = built.project.read("work/calc.wasm");
    built.project.write("work/main.go", &REACTOR.replace("a + b", "a - b"));
    let times = FileTimes::new()
        .set_modified(times.modified().unwrap())
        .set_accessed(times.accessed().unwrap());
    File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
    built.rebuilds("an edit with its time put back");
    assert_ne!(built.project.read("work/calc.wasm"), module);
}

#[test]
fn a_touched_file() {
    let built = Built::new();
    built.project.write("work/main.go", REACTOR);
    built.stays("the same bytes written again");
    let file = File::options().write(true).open(built.project.path("work/main.go")).unwrap();
    file.set_times(FileTimes::new().set_modified(std::time::SystemTime::now())).unwrap();
    built.stays("a touch");
    built.stays("a touch before");
}

#[test]
fn a_file_added_and_removed() {
    let built = Built::new();
    built.project.write("work/b.go", "package main\n\nfunc init() { println(1) }\n");
    built.rebuilds("an added file");
    built.stays("no added file");
    fs::remove_file(built.project.path("work/b.go")).unwrap();
    built.rebuilds("a removed file");
    built.project.write("work/README.md", "nothing that Go reads");
    built.project.write("work/b_test.go", "package main\n");
    built.stays("a file that is in no build");
}

#[test]
fn a_build_constraint_of_an_ignored_file() {
    let project = Project::new(REACTOR);
    project.write("work/b.go", "//go:build never\n\npackage main\n\nfunc init() { println(1) }\n");
    let built = Built::of(project);
    built.project.write("work/b.go", "package main\n\nfunc init() { println(1) }\n");
    built.rebuilds("a constraint that went away");
}

#[test]
fn a_package_that_is_imported() {
    let project =
        Project::new("package main\n\nimport _ \"example.com/calc/sub/deep\"\n\nfunc main() {}\n");
    project.write("work/sub/deep/deep.go", "package deep\n");
    let built = Built::of(project);
    built.project.write("work/sub/deep/deep.go", "package deep\n\nfunc init() { println(1) }\n");
    built.rebuilds("an edit in an imported package");
    built.project.write("work/sub/deep/more.go", "package deep\n");
    built.rebuilds("a file added to an imported package");
}

#[test]
fn a_go_mod_of_ones_own_in_between() {
    let project =
        Project::new("package main\n\nimport _ \"example.com/calc/sub/deep\"\n\nfunc main() {}\n");
    project.write("work/sub/deep/deep.go", "package deep\n");
    let built = Built::of(project);
    built.project.write("work/sub/go.mod", "module example.com/calc/sub\n\ngo 1.24\n");
    let before = built.project.calls();
    let run = built.project.run(&built.args);
    assert!(built.project.calls() > before, "go was not asked");
    assert_eq!(run.code, Some(1), "the package is another module's now: {}", run.stderr);
}

#[test]
fn module_files() {
    let built = Built::new();
    built.project.write("work/go.mod", "module example.com/calc\n\ngo 1.24.0\n");
    built.rebuilds("another go.mod");
    built.project.write("work/go.sum", "");
    built.rebuilds("a go.sum");
    built.project.write("work/go.work", "go 1.24.0\n\nuse .\n");
    built.rebuilds("a go.work");
    built.stays("nothing");
    built.project.write("work/go.work.sum", "");
    built.rebuilds("a go.work.sum");
    fs::remove_file(built.project.path("work/go.work")).unwrap();
    built.rebuilds("no go.work");
    built.project.write("go.work", "go 1.24.0\n\nuse ./work\n");
    built.rebuilds("a go.work in a folder above");
}

#[test]
fn a_vendor_folder() {
    let project = Project::new(
        "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.F()) }\n",
    );
    project.write("lib/go.mod", "module example.com/lib\n\ngo 1.24\n");
    project.write("lib/lib.go", "package lib\n\nfunc F() int { return 1 }\n");
    let go_mod = "module example.com/calc\n\ngo 1.24\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n";
    project.write("work/go.mod", go_mod);
    let built = Built::of(project);
    built.project.write("lib/lib.go", "package lib\n\nfunc F() int { return 2 }\n");
    built.rebuilds("an edit in a replacing folder");
    built.project.write("lib/go.mod", "module example.com/lib\n\ngo 1.24.0\n");
    // Whatever Go says to it: it has to be asked.
    let before = built.project.calls();
    built.project.run(&built.args);
    assert!(built.project.calls() > before);
    built.project.write("lib/go.mod", "module example.com/lib\n\ngo 1.24\n");
    built.stays("a replacing folder's go.mod put back to what was built");
    built.project.write("work/vendor/modules.txt", "# example.com/lib v0.0.0 => ../lib\n## explicit; go 1.24\nexample.com/lib\n# example.com/lib => ../lib\n");
    built
        .project
        .write("work/vendor/example.com/lib/lib.go", "package lib\n\nfunc F() int { return 3 }\n");
    built.rebuilds("a vendor folder");
    built.stays("nothing");
    built
        .project
        .write("work/vendor/example.com/lib/lib.go", "package lib\n\nfunc F() int { return 4 }\n");
    built.rebuilds("an edit in the vendor folder");
}

#[test]
fn embedded_files() {
    let project = Project::new(
        "package main\n\nimport \"embed\"\n\n//go:embed data\nvar data embed.FS\n\n\
         func main() { entries, _ := data.ReadDir(\"data\"); println(len(entries)) }\n",
    );
    project.write("work/data/a.txt", "a");
    fs::create_dir(project.path("work/data/empty")).unwrap();
    let built = Built::of(project);
    built.project.write("work/data/a.txt", "b");
    built.rebuilds("an embedded file's content");
    built.project.write("work/data/b.txt", "b");
    built.rebuilds("a file in an embedded folder");
    built.project.write("work/data/empty/c.txt", "c");
    built.rebuilds("a file in an embedded folder that was empty");
    built.stays("nothing");
}

/// What decides which files of a folder Go embeds.
#[test]
fn embedded_folders() {
    let project = Project::new(
        "package main\n\nimport \"embed\"\n\n//go:embed all:data\nvar data embed.FS\n\n\
         func main() { entries, _ := data.ReadDir(\"data\"); println(len(entries)) }\n",
    );
    project.write("work/data/a.txt", "a");
    project.write("work/data/sub/b.txt", "b");
    let go_mod = "module example.com/other\n";
    project.write("work/data/other/go.mod", go_mod);
    project.write("work/data/other/deep/c.txt", "c");
    let built = Built::of(project);
    built.project.write("work/data/sub/go.mod", go_mod);
    built.rebuilds("a folder that became another module's");
    built.stays("nothing");
    fs::remove_file(built.project.path("work/data/sub/go.mod")).unwrap();
    built.rebuilds("a folder that is no other module's any more");
    fs::remove_file(built.project.path("work/data/other/go.mod")).unwrap();
    built.rebuilds("a folder that never was in the module before");
    built.project.write("work/data/other/deep/d.txt", "d");
    built.rebuilds("a file in it");
    built.project.write("work/data/.gowasm-x", "the user's own");
    built.rebuilds("a file that is called like ours");
    built.stays("nothing");
    // Go embeds no links, whatever they lead to.
    let path = built.project.path("work/data/a.txt");
    fs::rename(&path, built.project.path("work/a.txt")).unwrap();
    std::os::unix::fs::symlink("../a.txt", &path).unwrap();
    built.rebuilds("a link in place of an embedded file");
    built.stays("nothing");
}

/// A package that is in a second place as well is refused by Go.
#[test]
fn an_import_that_becomes_ambiguous() {
    let project = Project::new(
        "package main\n\nimport \"example.com/calc/lib/sub\"\n\nfunc main() { println(sub.F()) }\n",
    );
    let (lib, sub) =
        ("module example.com/calc/lib\n", "package sub\n\nfunc F() int { return 1 }\n");
    project.write("lib/go.mod", lib);
    project.write("lib/sub/sub.go", sub);
    let go_mod = "module example.com/calc\n\ngo 1.24\n\nrequire example.com/calc/lib v0.0.0\n\n\
        replace example.com/calc/lib => ../lib\n";
    project.write("work/go.mod", go_mod);
    let built = Built::of(project);
    let refused = |what: &str| {
        let run = built.project.run(&built.args);
        assert_eq!(run.code, Some(1), "{what}: {}", run.stderr);
        assert!(run.stderr.contains("ambiguous import"), "{what}: {}", run.stderr);
    };
    built.project.write("work/lib/sub/sub.go", sub);
    refused("a folder in the main module");
    fs::remove_file(built.project.path("work/lib/sub/sub.go")).unwrap();
    built.rebuilds("a folder without Go files");
    built.stays("nothing");
    built.project.write("work/lib/sub/sub.go", sub);
    refused("a Go file in that folder");
    built.project.write("work/lib/go.mod", lib);
    built.rebuilds("a folder of another module");
    built.stays("nothing");
    fs::remove_file(built.project.path("work/lib/go.mod")).unwrap();
    refused("a folder that is the main module's again");
}

#[test]
fn a_profile() {
    let project = Project::new(REACTOR);
    project.write("work/default.pgo", "");
    let built = Built::of(project);
    built.project.write("work/default.pgo", "no profile");
    let before = built.project.calls();
    built.project.run(&built.args);
    assert!(built.project.calls() > before, "go was not asked");
}

/// Whether `-o` names a folder depends on what is there.
#[test]
fn a_folder_that_the_output_named() {
    let mut built = Built::new();
    built.args.extend(["-o", "out"]);
    fs::create_dir(built.project.path("work/out")).unwrap();
    built.rebuilds("a folder");
    built.stays("the same folder");
    fs::remove_dir_all(built.project.path("work/out")).unwrap();
    built.rebuilds("no folder");
    assert!(built.project.path("work/out").is_file());
    built.stays("a file");
}

/// A project on another disk than the store and the temporary folder.
#[test]
fn another_disk() {
    use std::os::unix::fs::MetadataExt;
    let (shared, own) = (std::path::Path::new("/dev/shm"), std::env::temp_dir());
    let device = |dir: &std::path::Path| dir.metadata().map(|metadata| metadata.dev()).ok();
    if device(shared).is_none() || device(shared) == device(&own) {
        return println!("skipped: /dev/shm is no other file system than {}", own.display());
    }
    let project = Project::new(REACTOR);
    let folder = tempfile::tempdir_in(shared).unwrap();
    for name in ["go.mod", "main.go"] {
        fs::copy(project.path("work").join(name), folder.path().join(name)).unwrap();
    }
    // Two clocks may be so far apart.
    std::thread::sleep(std::time::Duration::from_secs(3));
    let up_to_date = || {
        let mut build = project.gowasm(&["build", "--no-verify", "--message-format=json"]);
        Run::of(build.current_dir(folder.path())).json()["up_to_date"] == true
    };
    assert!(!up_to_date());
    assert!(up_to_date());
}

/// On a machine where every cache is empty, what Go fetches and compiles is younger than the build.
#[test]
fn empty_caches() {
    let project = Project::new(
        "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.F()) }\n",
    );
    project.write(
        "work/go.mod",
        "module example.com/calc\n\ngo 1.24\n\nrequire example.com/lib v1.0.0\n",
    );
    let lib = ("lib.go", "package lib\n\nfunc F() int { return 1 }\n");
    let proxy = project.go_proxy("example.com/lib", "v1.0.0", &[lib]);
    let build = || {
        let mut build = project.gowasm(&["build"]);
        build.env("GOMODCACHE", project.path("modules")).env("GOCACHE", project.path("gocache"));
        // So that the folder can be removed. And Go writes go.sum.
        build.env("GOFLAGS", "-modcacherw -mod=mod");
        build.env("GOPROXY", &proxy).env("GONOSUMDB", "*");
        let run = Run::of(&mut build);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stderr
    };
    let first = build();
    assert!(first.contains("downloading example.com/lib"), "{first}");
    assert_eq!(first.matches("compiling the standard library, once").count(), 1, "{first}");
    let summary = first.lines().last().unwrap();
    assert!(summary.contains(", verified; took "), "{first}");
    assert!(summary.ends_with(" of it compiling"), "{first}");
    let second = build();
    assert!(second.contains("nothing changed"), "{second}");

    // The same for a check, which has a note of its own.
    let check = || {
        let mut check = project.gowasm(&["check"]);
        check.env("GOMODCACHE", project.path("modules-of-check")).env("GOPROXY", &proxy);
        check.env("GOFLAGS", "-modcacherw -mod=mod").env("GONOSUMDB", "*");
        let before = project.calls();
        let run = Run::of(&mut check);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        project.calls() - before
    };
    assert!(check() > 0);
    assert_eq!(check(), 0, "the second check");
}

#[test]
fn flags_and_environment() {
    let mut built = Built::new();
    for more in [
        "--tags=a",
        "--ldflags=-s",
        "--goos=wasip1",
        "--memory-limit=200MiB",
        "--step-limit=100000000",
        "--remote-local-fallback",
        "--remote-upload-local-results=false",
        "--remote-accept-cached=false",
        "--remote-instance-name=x",
        "--embed-manifest",
        "--no-guard",
    ] {
        built.args.push(more);
        if more != "--goos=wasip1" {
            built.rebuilds(more);
        }
        built.stays(more);
    }
    for (name, value) in
        [("GOFLAGS", "-tags=b"), ("GOEXPERIMENT", "nosynchashtriemap"), ("GODEBUG", "gctrace=0")]
    {
        // Go may refuse it.
        let run = Run::of(built.project.gowasm(&built.args).env(name, value));
        let built_anew = run.code != Some(0) || run.json()["up_to_date"] == false;
        assert!(built_anew, "{name}={value} changed nothing");
    }
}

#[test]
fn the_file_of_go_env() {
    let built = Built::new();
    let file = built.project.path("goenv");
    let run = || {
        let before = built.project.calls();
        let run = Run::of(built.project.gowasm(&built.args).env("GOENV", &file));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        built.project.calls() - before
    };
    assert!(run() > 0, "another GOENV");
    assert_eq!(run(), 0, "the same GOENV");
    fs::write(&file, "GOFLAGS=-tags=x\n").unwrap();
    assert!(run() > 0, "a setting written by `go env -w`");
    assert_eq!(run(), 0);
}

#[test]
fn another_go() {
    let built = Built::new();
    built.project.wrap("go-counted", &support::go());
    built.rebuilds("the go command written again");
    built.stays("the same go command");
    let other = built.project.wrap("go-other", &support::go());
    let before = built.project.calls();
    let run = Run::of(built.project.gowasm(&built.args).env("GOWASM_GO", &other));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(built.project.calls() > before, "another go command");
    built.project.script(
        "go-other",
        &format!(
            "echo changed >> '{}'\nexec '{}' \"$@\"",
            built.project.path("calls").display(),
            support::go().display()
        ),
    );
    let before = built.project.calls();
    Run::of(built.project.gowasm(&built.args).env("GOWASM_GO", &other));
    assert!(built.project.calls() > before, "the go command replaced");
}

/// One folder by two names, and one name for two folders, as version managers arrange it.
#[test]
fn another_name_of_go() {
    let built = Built::new();
    let go = support::go().canonicalize().unwrap();
    let goroot = go.parent().unwrap().parent().unwrap();
    let link = built.project.path("current");
    let point = |to: &std::path::Path| {
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(to, &link).unwrap();
    };
    let up_to_date = |go: &std::path::Path| {
        let run = Run::of(built.project.gowasm(&built.args).env("GOWASM_GO", go));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.json()["up_to_date"] == true
    };
    point(goroot);
    assert!(!up_to_date(&link.join("bin/go")));
    assert!(up_to_date(&link.join("bin/go")));
    assert!(!up_to_date(&go), "the same Go by its own name");
    assert!(!up_to_date(&link.join("bin/go")));
    // A copy whose other files are the same ones.
    let copy = built.project.path("copy");
    fs::create_dir_all(copy.join("bin")).unwrap();
    for entry in goroot.read_dir().unwrap().map(Result::unwrap) {
        if entry.file_name() != "bin" {
            std::os::unix::fs::symlink(entry.path(), copy.join(entry.file_name())).unwrap();
        }
    }
    // Not a hard link: that would change the stamp of the Go that other tests watch.
    fs::copy(&go, copy.join("bin/go")).unwrap();
    assert!(up_to_date(&link.join("bin/go")));
    point(&copy);
    assert!(!up_to_date(&link.join("bin/go")), "the name leads to the copy");
}

/// A go command that is no Go itself may choose one, and set it up, by whatever it likes.
#[test]
fn a_launcher_of_go() {
    let built = Built::new();
    let go = support::go();
    let chosen = built.project.write("chosen", "-tags=a");
    built.project.script(
        "go-counted",
        &format!(
            "echo \"$1\" >> '{}'\nGOFLAGS=$(cat '{}') exec '{}' \"$@\"",
            built.project.path("calls").display(),
            chosen.display(),
            go.display()
        ),
    );
    built.rebuilds("another launcher");
    built.stays("the same choice");
    built.project.write("chosen", "-tags=b");
    built.rebuilds("another choice");
    built.stays("the same choice");
}

/// The Go that a go.mod asks for is looked for on the path before it is fetched.
#[test]
fn a_chosen_go_on_the_path() {
    let [.., other] = &support::gos()[..] else { return };
    let (own, other) = (support::go(), other);
    let version =
        |go: &std::path::Path| Run::of(Command::new(go).args(["env", "GOVERSION"])).stdout;
    let (own_version, other_version) = (version(&own), version(other));
    if own_version == other_version {
        return println!("skipped: GOWASM_TEST_GOS names one Go only");
    }
    let project = Project::new(REACTOR);
    let name = other_version.trim();
    fs::create_dir(project.path("bin")).unwrap();
    fs::create_dir(project.path("before")).unwrap();
    std::os::unix::fs::symlink(other, project.path("bin").join(name)).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let own_folders = ["before", "bin"].map(|folder| project.path(folder));
    let path = std::env::join_paths(own_folders.into_iter().chain(std::env::split_paths(&path)));
    let up_to_date = || {
        let mut build = project.gowasm(&["build", "--no-verify", "--message-format=json"]);
        build.env("PATH", path.as_ref().unwrap()).env("GOTOOLCHAIN", name).env("GOWASM_GO", &own);
        let run = Run::of(&mut build);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        assert_eq!(run.json()["go_version"], name);
        run.json()["up_to_date"] == true
    };
    assert!(!up_to_date());
    assert!(up_to_date());
    std::os::unix::fs::symlink(other, project.path("before").join(name)).unwrap();
    assert!(!up_to_date(), "another one comes first");
}

#[test]
fn a_plan() {
    let mut built = Built::new();
    built
        .project
        .write("work/calc.plan.toml", "[[call]]\nexport = \"add\"\nargs = [2, 3]\nreturns = 5\n");
    built.args.extend(["--plan", "calc.plan.toml"]);
    built.rebuilds("a plan");
    built.stays("the same plan");
    built
        .project
        .write("work/calc.plan.toml", "[[call]]\nexport = \"add\"\nargs = [2, 4]\nreturns = 6\n");
    built.rebuilds("another plan");
}

#[test]
fn outputs_are_brought_back() {
    let built = Built::new();
    let files = ["work/calc.wasm", "work/calc.manifest.json", "work/calc.verdict.json"];
    for file in files {
        let bytes = built.project.read(file);
        fs::remove_file(built.project.path(file)).unwrap();
        built.stays("a removed output");
        assert_eq!(built.project.read(file), bytes);
        built.project.write(file, "scribbled over");
        built.stays("a changed output");
        assert_eq!(built.project.read(file), bytes);
    }
    built.stays("nothing");
    // Without the store there is no way but to build.
    fs::remove_file(built.project.path(files[0])).unwrap();
    fs::remove_dir_all(built.project.path("store")).unwrap();
    built.rebuilds("an output that is nowhere");
}

/// Many edits in quick succession: the module is always that of the last one.
#[test]
fn edits_as_fast_as_the_clock() {
    let project = Project::new(REACTOR);
    let mut modules = std::collections::BTreeMap::new();
    for round in 0..6 {
        let text = REACTOR.replace("a + b", ["a + b", "a - b", "a * b"][round % 3]);
        project.write("work/main.go", &text);
        project.ok(&["build", "-q", "--buildmode=c-shared", "--no-verify"]);
        let module = project.read("work/calc.wasm");
        assert_eq!(*modules.entry(text).or_insert(module.clone()), module, "round {round}");
    }
    assert_eq!(modules.values().collect::<std::collections::BTreeSet<_>>().len(), 3);
}

/// Whatever Go opens of the user's when it builds is looked at when there is nothing to do.
#[test]
fn what_go_opens_is_looked_at() {
    if Command::new("strace").arg("-V").output().is_err() {
        return println!("skipped: strace is not installed");
    }
    let project = Project::new(
        "package main\n\nimport (\n\"embed\"\n\"example.com/calc/sub/deep\"\n\"example.com/lib\"\n)\n\n\
         //go:embed all:data *.txt\nvar data embed.FS\n\n\
         func main() { _, err := data.ReadDir(\"data\"); println(err, deep.F(), lib.F()) }\n",
    );
    project.write("work/sub/deep/deep.go", "package deep\n\nfunc F() int { return 1 }\n");
    project.write("work/sub/deep/other_js.go", "package deep\n");
    for file in ["work/data/a", "work/data/sub/b", "work/a.txt", "work/data/.hidden"] {
        project.write(file, "text");
    }
    project.write("lib/go.mod", "module example.com/lib\n");
    project.write("lib/lib.go", "package lib\n\nfunc F() int { return 1 }\n");
    let go_mod = "module example.com/calc\n\ngo 1.24\n\nrequire example.com/lib v0.0.0\n\n\
        replace example.com/lib => ../lib\n";
    project.write("work/go.mod", go_mod);
    let root = project.path("").canonicalize().unwrap();
    // Paths below the project's folder.
    let traced = |name: &str| {
        let trace = project.path(name);
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-s", "4096", "-e", "trace=%file", "-o"]).arg(&trace);
        command.arg(env!("CARGO_BIN_EXE_gowasm")).args(["build", "--message-format=json"]);
        let like = project.gowasm(&[]);
        command.current_dir(root.join("work"));
        for (name, value) in like.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // The real Go, so that it is not asked which one it is.
        let run = Run::of(command.env("GOWASM_GO", support::go()));
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        let text = String::from_utf8_lossy(&project.read(name)).into_owned();
        let mut paths = std::collections::BTreeSet::new();
        for line in text.lines() {
            let Some(path) = line.split('"').nth(1) else { continue };
            // Compilers run in folders of their own, where they name things from.
            let path = std::path::PathBuf::from(path);
            if path.starts_with(root.join("work")) || path.starts_with(root.join("lib")) {
                paths.insert(path);
            }
        }
        (run.json()["up_to_date"] == true, paths)
    };
    let (_, _) = traced("first");
    project.write("work/sub/deep/deep.go", "package deep\n\nfunc F() int { return 2 }\n");
    let (up_to_date, opened) = traced("trace");
    assert!(!up_to_date && opened.len() > 15, "{opened:?}");
    let (up_to_date, looked_at) = traced("again");
    assert!(up_to_date);
    let missed = opened.iter().filter(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        // Go works in folders of its own, and we publish.
        let ours =
            name.starts_with(".gowasm-") || name.starts_with("go-build") || name == "gowasm.toml";
        let is_work = name.len() == 4 && name.starts_with('b');
        // A name that comes up in a folder that is watched is seen there.
        let absent = !path.exists();
        let in_folder = absent && path.parent().is_some_and(|dir| looked_at.contains(dir));
        !ours && !is_work && !in_folder && !looked_at.contains(*path)
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
