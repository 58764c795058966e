//! A module is what `go build -trimpath -buildvcs=false` makes, but for the guard, its size and the build ID.

#![cfg(unix)]

mod support;

use support::{Project, REACTOR, gos};

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

/// Two checkouts in different folders: the same bytes, and the second link out of the store.
#[test]
fn the_folder_does_not_matter() {
    let project = Project::new(REACTOR);
    let first = project.ok(&["build", "--message-format", "json", "--no-verify"]).json();
    for name in ["go.mod", "main.go"] {
        let text = String::from_utf8(project.read(&format!("work/{name}"))).unwrap();
        project.write(&format!("elsewhere/deeper/{name}"), &text);
    }
    let mut elsewhere = project.gowasm(&["build", "--message-format", "json", "--no-verify"]);
    let second = support::Run::of(elsewhere.current_dir(project.path("elsewhere/deeper")));
    assert_eq!(second.code, Some(0), "{}", second.stderr);
    let second = second.json();
    assert_eq!(first["module"]["sha256"], second["module"]["sha256"]);
    assert_eq!(first["manifest"]["sha256"], second["manifest"]["sha256"]);
    assert_eq!(second["link_from_store"], true);
    assert_eq!(second["up_to_date"], false);
    // With a store of its own as well.
    let mut fresh = project.gowasm(&["build", "--message-format", "json", "--no-verify"]);
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
