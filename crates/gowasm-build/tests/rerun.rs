//! What a build script tells Cargo of its inputs: every file, the folders in which a new one would be
//! one, and nothing else.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const JOB: &str = "GOWASM_BUILD_TEST_SCRIPT";

const FILES: [(&str, &str); 9] = [
    ("Cargo.toml", "[package]\nname = \"host\"\nversion = \"0.1.0\"\n"),
    ("plugin/go.mod", "module example.com/plugin\n\ngo 1.24\n"),
    (
        "plugin/main.go",
        "package main\n\nimport _ \"embed\"\nimport \"example.com/plugin/used\"\n\n\
         //go:embed text.txt\nvar text string\n\n\
         //go:wasmexport size\nfunc size() int32 { return int32(len(text)) + used.One }\n\n\
         func main() {}\n",
    ),
    ("plugin/text.txt", "embedded"),
    ("plugin/used/used.go", "package used\n\nconst One = 1\n"),
    ("plugin/unused/unused.go", "package unused\n"),
    ("plugin/notes.md", "not embedded\n"),
    ("plan.toml", "[[call]]\nexport = \"size\"\nreturns = 9\n"),
    ("src/main.rs", "fn main() {}\n"),
];

#[test]
fn cargo_is_told_every_input_and_no_other_file() {
    if std::env::var_os(JOB).is_some() {
        let module = gowasm_build::module("calc").package("plugin").reactor().plan("plan.toml");
        module.compile().unwrap();
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(scratch.path()).unwrap();
    let host = root.join("host");
    for (name, text) in FILES {
        let path = host.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let out = host.join("target/out");
    fs::create_dir_all(&out).unwrap();

    let mut script = Command::new(std::env::current_exe().unwrap());
    script.args(["--exact", "cargo_is_told_every_input_and_no_other_file", "--nocapture"]);
    script.env(JOB, "1").env("OUT_DIR", &out).env("CARGO_MANIFEST_DIR", &host);
    script.env("GOWASM_STORE", root.join("store")).env("GOTOOLCHAIN", "local").current_dir(&host);
    let gos = std::env::var_os("GOWASM_TEST_GOS").unwrap_or_default();
    if let Some(go) = std::env::split_paths(&gos).next().filter(|go| go.is_file()) {
        script.env("GOWASM_GO", go);
    }
    let output = script.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));

    let told: BTreeSet<&str> =
        said.lines().filter_map(|line| line.strip_prefix("cargo::rerun-if-changed=")).collect();
    let of_host = |path: &&&str| Path::new(path).starts_with(&host) && Path::new(path).is_file();
    let files: BTreeSet<_> = told.iter().filter(of_host).map(|path| host.join(path)).collect();
    let inputs = ["Cargo.toml", "plan.toml", "plugin/go.mod", "plugin/main.go", "plugin/text.txt"];
    let inputs = inputs.iter().chain(&["plugin/used/used.go"]).map(|name| host.join(name));
    assert_eq!(files, inputs.collect(), "{said}");
    // A new file there would belong to the module; one here would not.
    for (folder, belongs) in [("plugin", true), ("plugin/used", true), ("plugin/unused", false)] {
        assert_eq!(told.contains(host.join(folder).to_str().unwrap()), belongs, "{folder}\n{said}");
    }
    assert!(!told.contains(host.to_str().unwrap()), "{said}");
}
