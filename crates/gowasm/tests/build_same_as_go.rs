//! A module is what `go build -trimpath -buildvcs=false` makes, but for the guard, its size and the build ID.

#![cfg(unix)]

mod support;

use std::path::Path;
use support::{Project, REACTOR, Run, gos};

/// Both for wasip1, or for js if that is the first flag, and with one build ID, so that nothing may differ.
fn assert_same(project: &Project, flags: &[&str], ldflags: &str, what: &str) {
    let ldflags = format!("{ldflags} -buildid=same");
    let go_ldflags = format!("-ldflags={ldflags}");
    let mut go_flags: Vec<String> = flags.iter().map(|flag| flag.replacen("--", "-", 1)).collect();
    go_flags.push(go_ldflags);
    let (goos, go_flags) = match go_flags.split_first() {
        Some((first, rest)) if first == "-goos=js" => ("js", rest),
        _ => ("wasip1", go_flags.as_slice()),
    };
    project.go_build(goos, &go_flags.iter().map(String::as_str).collect::<Vec<_>>(), "go.wasm");
    let mut args = vec![
        "build",
        "-q",
        "-o",
        "../ours.wasm",
        "--no-verify",
        "--no-guard",
        "--size=none",
        "--ldflags",
        &ldflags,
    ];
    args.extend(flags);
    project.ok(&args);
    let (ours, theirs) = (project.read("ours.wasm"), project.read("go.wasm"));
    let differ = ours.iter().zip(&theirs).position(|(a, b)| a != b);
    assert!(
        ours == theirs,
        "{what}: {} and {} bytes, first difference {differ:?}",
        ours.len(),
        theirs.len()
    );
}

#[test]
fn modes_tags_and_linker_flags() {
    for go in gos() {
        let project = Project::with_go(REACTOR, &go);
        project.write(
            "work/extra.go",
            "//go:build extra\n\npackage main\n\nfunc init() { println(version) }\n",
        );
        project.write("work/version.go", "package main\n\nvar version = \"none\"\n");
        let what = |text: &str| format!("{text}, {}", go.display());
        assert_same(&project, &["--buildmode=c-shared"], "", &what("reactor"));
        assert_same(&project, &["--buildmode=exe"], "-s -w", &what("command, -s -w"));
        assert_same(&project, &["--tags=extra,more"], "-X main.version=1.2", &what("tags and -X"));
        assert_same(&project, &["--goos=js", "--buildmode=exe"], "-w", &what("js"));
        assert_same(&project, &["--tags=extra"], "-X 'main.version=a b'", &what("quoted -X"));
    }
}

#[test]
fn embedded_files_and_replaced_modules() {
    let project = Project::new(
        "package main\n\nimport (\n\t\"embed\"\n\t\"example.com/lib\"\n)\n\n//go:embed data\nvar data embed.FS\n\n\
         func main() { entries, _ := data.ReadDir(\"data\"); println(len(entries), lib.F()) }\n",
    );
    project.write("work/data/a.txt", "a");
    project.write("work/data/deep/b.txt", "b");
    project.write("lib/go.mod", "module example.com/lib\n\ngo 1.24\n");
    project.write("lib/lib.go", "package lib\n\nfunc F() int { return 1 }\n");
    project.write(
        "work/go.mod",
        "module example.com/calc\n\ngo 1.24\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n",
    );
    assert_same(&project, &[], "", "replace");

    project.write("work/vendor/modules.txt", "# example.com/lib v0.0.0 => ../lib\n## explicit; go 1.24\nexample.com/lib\n# example.com/lib => ../lib\n");
    project
        .write("work/vendor/example.com/lib/lib.go", "package lib\n\nfunc F() int { return 2 }\n");
    assert_same(&project, &[], "", "vendor");
}

#[test]
fn workspaces() {
    let project = Project::new(
        "package main\n\nimport \"example.com/lib\"\n\nfunc main() { println(lib.F()) }\n",
    );
    project.write("lib/go.mod", "module example.com/lib\n\ngo 1.24\n");
    project.write("lib/lib.go", "package lib\n\nfunc F() int { return 1 }\n");
    project.write("work/go.work", "go 1.24\n\nuse (\n\t.\n\t../lib\n)\n");
    assert_same(&project, &[], "", "workspace");
}

#[test]
fn settings_from_goflags() {
    let project = Project::new(REACTOR);
    project
        .write("work/extra.go", "//go:build extra\n\npackage main\n\nfunc init() { println(1) }\n");
    let plain = project.ok(&["build", "--message-format", "json", "--no-verify"]).json();
    let mut with_tag = project.gowasm(&["build", "--message-format", "json", "--no-verify"]);
    let with_tag = support::Run::of(with_tag.env("GOFLAGS", "-tags=extra -ldflags=-s"));
    assert_eq!(with_tag.code, Some(0), "{}", with_tag.stderr);
    let flag = project.ok(&[
        "build",
        "--message-format",
        "json",
        "--no-verify",
        "--tags",
        "extra",
        "--ldflags=-s",
    ]);
    assert_ne!(plain["module"]["sha256"], with_tag.json()["module"]["sha256"]);
    assert_eq!(with_tag.json()["module"]["sha256"], flag.json()["module"]["sha256"]);
}

#[test]
fn flags_that_go_on_to_go() {
    for go in gos() {
        let project = Project::with_go(REACTOR, &go);
        let what = |text: &str| format!("{text}, {}", go.display());
        assert_same(&project, &["-gcflags=-N -l", "-asmflags=-D=x"], "", &what("-gcflags"));
        assert_same(&project, &["-buildmode=c-shared", "-cover"], "", &what("-cover"));
        let replaced = REACTOR.replace("add", "plus");
        let [old, new] = [project.path("work/main.go"), project.write("plus.go", &replaced)]
            .map(|path| path.canonicalize().unwrap().into_os_string().into_string().unwrap());
        let overlay = serde_json::json!({"Replace": {old: new}});
        project.write("work/overlay.json", &overlay.to_string());
        let flags = ["-overlay=overlay.json", "-buildmode=c-shared"];
        assert_same(&project, &flags, "", &what("-overlay"));
        project.write("work/other.mod", "module example.com/other\n\ngo 1.24\n");
        assert_same(&project, &["-mod=mod", "-modfile=other.mod"], "", &what("-modfile"));
    }
}

#[test]
fn go_s_environment_is_heeded() {
    let project = Project::new(REACTOR);
    let build = |with: &[(&str, &str)]| {
        let mut command = project.gowasm(&["build", "--no-verify", "--message-format=json"]);
        support::Run::of(command.envs(with.iter().copied())).json()
    };
    assert_eq!(build(&[])["target"]["goos"], "wasip1");
    assert_eq!(build(&[("GOOS", "js"), ("GOARCH", "wasm")])["target"]["goos"], "js");
    project.write("goenv", "GOOS=js\nGOFLAGS=-o=from-file.wasm\n");
    let file = project.path("goenv");
    let from_file = build(&[("GOENV", file.to_str().unwrap())]);
    assert_eq!(from_file["target"]["goos"], "js");
    assert!(project.exists("work/from-file.wasm"));
    let reactor = build(&[("GOFLAGS", "-buildmode=c-shared -o=out/x.wasm")]);
    assert_eq!(reactor["target"]["build_mode"], "c-shared");
    assert!(project.exists("work/out/x.wasm"));
    // What is written on the command line comes first.
    let mut command =
        project.gowasm(&["build", "-buildmode=exe", "--goos=wasip1", "--no-verify", "-q"]);
    let run =
        support::Run::of(command.envs([("GOFLAGS", "-buildmode=c-shared"), ("GOOS", "linux")]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let elsewhere = project
        .gowasm(&["build", "-q", "-C", "work", "-o", "c.wasm"])
        .current_dir(project.path(""))
        .output();
    assert!(elsewhere.unwrap().status.success() && project.exists("work/c.wasm"));
}

#[test]
fn main_packages_become_modules_of_one_folder() {
    let project = Project::new("package lib\n");
    for name in ["one", "two"] {
        let main = format!("package main\n\nfunc main() {{ println(\"{name}\") }}\n");
        project.write(&format!("work/cmd/{name}/main.go"), &main);
    }
    project.write("work/cmd/bad/main.go", "package main\n\nfunc main() { undefined() }\n");
    let run = project.run(&["build", "./...", "-o", "dist", "--message-format=json"]);
    let json = run.json();
    assert_eq!(
        (run.code, &json["status"], &json["exit_code"]),
        (Some(1), &"failed".into(), &1.into())
    );
    let modules = json["modules"].as_array().unwrap();
    let told: Vec<_> = modules.iter().map(|m| (&m["name"], &m["status"])).collect();
    assert_eq!(
        serde_json::json!(told),
        serde_json::json!([["bad", "failed"], ["one", "built"], ["two", "built"]])
    );
    assert!(modules[0]["tool_output"].as_str().unwrap().contains("undefined"));
    assert!(run.stderr.contains("one: dist/one.wasm: "), "{}", run.stderr);
    let names = ["manifest.json", "verdict.json", "wasm"]
        .map(|end| ["one", "two"].map(|name| format!("{name}.{end}")));
    let mut names = names.concat();
    names.sort();
    assert_eq!(project.names("work/dist"), names);

    let calls = project.calls();
    let again = project
        .ok(&["build", "./cmd/one", "./cmd/two", "-o=dist/", "-p=1", "--message-format=json"])
        .json();
    assert!(again["modules"].as_array().unwrap().iter().all(|module| module["status"] == "built"));
    assert!(project.calls() > calls);
    // One main package among those that are named is as if it were named alone.
    project.ok(&["build", "-q", "./cmd/one/..."]);
    assert!(project.exists("work/one.wasm"));
}

/// Two checkouts in different folders: the same bytes, and the second link and verdict out of the
/// store, though the file has another name.
#[test]
fn the_folder_does_not_matter() {
    let project = Project::new(REACTOR);
    let build = ["build", "--buildmode=c-shared", "--message-format=json"];
    let first = project.ok(&build).json();
    for name in ["go.mod", "main.go"] {
        let text = String::from_utf8(project.read(&format!("work/{name}"))).unwrap();
        project.write(&format!("elsewhere/deeper/{name}"), &text);
    }
    let mut elsewhere = project.gowasm(&build);
    elsewhere.args(["-o", "other.wasm"]);
    let second = support::Run::of(elsewhere.current_dir(project.path("elsewhere/deeper")));
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let second = second.json();
    assert_eq!(first["module"]["sha256"], second["module"]["sha256"]);
    assert_eq!(first["manifest"]["sha256"], second["manifest"]["sha256"]);
    assert_eq!(second["link_from_store"], true);
    assert_eq!(second["verify_from_store"], true);
    assert_eq!(second["up_to_date"], false);
    // With a store of its own as well.
    let mut fresh = project.gowasm(&build);
    fresh
        .current_dir(project.path("elsewhere/deeper"))
        .env("GOWASM_STORE", project.path("other-store"));
    let third = support::Run::of(&mut fresh).json();
    assert_eq!(first["module"]["sha256"], third["module"]["sha256"]);
    assert_eq!(third["link_from_store"], false);
}

/// A real module of the proxy, whose exports and imports lie in packages of its SDK.
#[test]
fn modules_from_the_proxy() {
    let example =
        std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/proxy-wasm"));
    let project = Project::new("");
    for name in ["go.mod", "go.sum", "main.go", "proxy-wasm.plan.toml"] {
        let text = std::fs::read_to_string(example.join(name)).unwrap();
        project.write(&format!("work/{name}"), &text);
    }
    let mut download = std::process::Command::new(support::go());
    download.args(["mod", "download"]).current_dir(project.path("work"));
    let download = support::Run::of(&mut download);
    if download.code != Some(0) {
        let why = download.stderr.lines().next_back().unwrap_or_default();
        let skipped = format!("skipped: modules from the proxy: {why}\n");
        let _ = std::io::Write::write_all(&mut std::io::stderr(), skipped.as_bytes());
        return;
    }
    assert_same(&project, &["--buildmode=c-shared"], "-s", "proxy-wasm");
    let args =
        ["build", "--buildmode=c-shared", "--plan=proxy-wasm.plan.toml", "-o", "filter.wasm"];
    project.ok(&args);
    let text = project.read("work/filter.manifest.json");
    let manifest: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let exports = manifest["exports"].as_array().unwrap();
    let of_sdk = |export: &&serde_json::Value| {
        let module = export["go"]["module"].as_str();
        module.is_some_and(|module| module.starts_with("github.com/proxy-wasm/proxy-wasm-go-sdk@"))
    };
    assert_eq!(exports.iter().filter(of_sdk).count(), 22);
}

/// The verification of a js module runs in node, with the wasm_exec.js of the Go that built it.
#[test]
fn a_module_for_js_runs_in_node() {
    let project = Project::new("package main\n\nfunc main() { println(\"in node\") }\n");
    if std::process::Command::new("node").arg("--version").output().is_err() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: there is no node\n");
        return;
    }
    project.ok(&["build", "--goos=js"]);
    let verdict: serde_json::Value =
        serde_json::from_slice(&project.read("work/calc.verdict.json")).unwrap();
    assert_eq!((&verdict["passed"], &verdict["engine"]["name"]), (&true.into(), &"node".into()));
    project.write("work/main.go", "package main\n\nfunc main() { panic(\"no good\") }\n");
    let run = project.run(&["build", "--goos=js"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.contains("no good"), "{}", run.stderr);
}

/// The experiments that a Go knows, as its own source lists them.
fn experiments(go: &Path) -> Vec<String> {
    let asked = Run::of(std::process::Command::new(go).args(["env", "GOROOT"]));
    let flags = Path::new(asked.stdout.trim()).join("src/internal/goexperiment/flags.go");
    let text = std::fs::read_to_string(&flags).expect("Go's experiments");
    let (_, fields) = text.split_once("type Flags struct {").expect("the struct");
    let (fields, _) = fields.split_once("\n}").expect("its end");
    let names = fields.lines().filter_map(|line| line.trim().strip_suffix(" bool"));
    let names: Vec<String> = names.map(|name| name.trim().to_lowercase()).collect();
    assert!(names.len() > 10, "{names:?}");
    names
}

/// A field that is tracked, for `fieldtrack`; a map, for those that change maps.
const EXPERIMENTS: &str = "package main\n\ntype tracked struct {\n\tfield int `go:\"track\"`\n}\n\n\
    //go:noinline\nfunc (t *tracked) get() int { return t.field }\n\n\
    func main() {\n\tm := map[string]*tracked{\"a\": {42}}\n\tprintln(m[\"a\"].get())\n}\n";

#[test]
fn every_experiment_is_linked_as_go_links_it_verified_and_run() {
    for go in gos() {
        let project = Project::with_go(EXPERIMENTS, &go);
        let all = experiments(&go);
        // With this one Go's runtime ends itself on wasm; tests/link.rs links it.
        let on = all.iter().filter(|name| *name != "staticlockranking").cloned();
        let off = all.iter().map(|name| format!("no{name}"));
        for set in [on.collect::<Vec<_>>(), off.collect()] {
            let set = set.join(",");
            let what = format!("GOEXPERIMENT={set} of {}", go.display());
            let flags = ["-ldflags=-buildid=same"];
            let theirs = project.try_go_build("wasip1", &flags, "go.wasm", &set);
            assert_eq!(theirs.code, Some(0), "{what}: {}", theirs.stderr);
            let build = |args: &[&str]| {
                let mut command = project.gowasm(&[&["build", "-q", "-o"], args].concat());
                let run = Run::of(command.env("GOEXPERIMENT", &set));
                assert_eq!(run.code, Some(0), "{what}: {}", run.stderr);
            };
            let same = ["--no-verify", "--no-guard", "--size=none", "--ldflags=-buildid=same"];
            build(&[&["../ours.wasm"], &same[..]].concat());
            assert!(project.read("ours.wasm") == project.read("go.wasm"), "{what}");
            build(&["../small.wasm", "--size=small"]);
            let run = project.ok(&["run", "../small.wasm"]);
            assert_eq!(run.stderr, "42\n", "{what}");
        }
    }
}

/// Go compiles a function that uses `simd` more than once, so an export cannot do so itself.
const VECTORS: &str = "package main\n\nimport \"simd\"\n\n\
    //go:wasmexport twice\nfunc twice(n int32) int32 { return double(n) }\n\n\
    func double(n int32) int32 {\n\
    \tin, out := make([]int8, 64), make([]int8, 64)\n\
    \tfor i := range in {\n\t\tin[i] = int8(n)\n\t}\n\
    \tv := simd.LoadInt8s(in)\n\tv.Add(v).Store(out)\n\
    \treturn int32(out[0]) + 1000*int32(out[v.Len()-1])\n}\n\nfunc main() {}\n";

#[test]
fn vectors_are_verified_and_made_small() {
    let mut tried = 0;
    for go in gos() {
        let root = Run::of(std::process::Command::new(&go).args(["env", "GOROOT"])).stdout;
        if !Path::new(root.trim()).join("src/simd/tofrom_wasm.go").is_file() {
            continue;
        }
        tried += 1;
        let project = Project::with_go(VECTORS, &go);
        let plan = "[[call]]\nexport = \"twice\"\nargs = [21]\nreturns = 42042\n";
        project.write("work/plan.toml", plan);
        let mut builds = vec![vec!["--size=safe"], vec!["--size=small"]];
        if cfg!(feature = "wasm-opt") {
            builds.push(vec!["--wasm-opt=O1"]);
        }
        for more in builds {
            let common =
                ["build", "-q", "--buildmode=c-shared", "--plan=plan.toml", "-o=../v.wasm"];
            let mut command = project.gowasm(&[&common[..], &more[..]].concat());
            let run = Run::of(command.env("GOEXPERIMENT", "simd"));
            assert_eq!(run.code, Some(0), "{more:?}: {}", run.stderr);
            // The opcode of i8x16.add.
            assert!(
                project.read("v.wasm").windows(2).any(|bytes| bytes == [0xfd, 0x6e]),
                "{more:?}"
            );
            let verify = ["verify", "../v.wasm", "--plan=plan.toml", "--engine=all"];
            let run = project.run(&verify);
            assert_eq!(run.code, Some(0), "{more:?}: {}{}", run.stdout, run.stderr);
            project.ok(&["size", "../v.wasm"]);
            project.ok(&["inspect", "../v.wasm"]);
        }
    }
    if tried == 0 {
        println!("skipped: no Go of this test run has SIMD for wasm");
    }
}
