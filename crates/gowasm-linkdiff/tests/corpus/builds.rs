//! Which programs are built, and how.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One run of `go` that links one program or more.
pub(crate) struct Build {
    pub(crate) label: String,
    pub(crate) goos: &'static str,
    pub(crate) folder: PathBuf,
    /// `build` or `test -c`, flags and packages; `-o` is added.
    pub(crate) arguments: Vec<String>,
}

/// The programs of the Go distribution that are ready-made stress inputs.
const PROGRAMS: &[&str] = &["cmd/gofmt", "cmd/link", "cmd/go", "cmd/compile"];

/// Packages whose test binaries are linked with every toolchain.
const TESTED: &[&str] = &[
    "bufio",
    "bytes",
    "container/heap",
    "container/list",
    "context",
    "encoding/base64",
    "encoding/binary",
    "encoding/csv",
    "encoding/hex",
    "errors",
];

/// And with `GOWASM_CORPUS=full`, since Go 1.27.
const TESTED_FULL: &[&str] = &[
    "archive/tar",
    "archive/zip",
    "cmp",
    "compress/bzip2",
    "compress/flate",
    "compress/gzip",
    "crypto/md5",
    "crypto/sha256",
    "encoding/json",
    "encoding/xml",
    "expvar",
    "fmt",
    "go/ast",
    "go/format",
    "go/parser",
    "go/scanner",
    "go/token",
    "hash/crc32",
    "hash/fnv",
    "html",
    "html/template",
    "image",
    "image/png",
    "io",
    "iter",
    "log",
    "log/slog",
    "maps",
    "math",
    "math/big",
    "math/bits",
    "math/rand",
    "mime",
    "net/http",
    "net/url",
    "os",
    "path",
    "path/filepath",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "strconv",
    "strings",
    "sync",
    "text/tabwriter",
    "text/template",
    "time",
    "unicode/utf8",
];

/// Whether all of the corpus was asked for, and the toolchain is none of these: older ones differ little
/// from each other, and each program is minutes of a test run.
fn full(go: &Path, older: &[&str]) -> bool {
    let asked = std::env::var("GOWASM_CORPUS").is_ok_and(|which| which == "full");
    asked && !older.iter().any(|older| version(go).starts_with(older))
}

pub(crate) fn version(go: &Path) -> String {
    query(go, &["env", "GOVERSION"])
}

fn query(go: &Path, arguments: &[&str]) -> String {
    let output = Command::new(go)
        .args(arguments)
        .envs([("GOTOOLCHAIN", "local"), ("GOOS", "wasip1"), ("GOARCH", "wasm")])
        .current_dir(fixtures())
        .output()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", go.display()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("go prints UTF-8").trim().to_owned()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// All the builds for one toolchain. `keep` is a folder for generated programs.
pub(crate) fn all(go: &Path, keep: &Path) -> Vec<Build> {
    let mut builds = fixture_builds();
    builds.push(wasip1("every std package", &every_std_package(go, keep), &["build", "."]));
    let programs = if full(go, &["go1.24", "go1.25"]) { PROGRAMS } else { &PROGRAMS[..1] };
    let mut arguments = vec!["build"];
    arguments.extend(programs);
    builds.push(wasip1("distribution", &fixtures(), &arguments));
    let mut tested = TESTED.to_vec();
    if full(go, &["go1.24", "go1.25", "go1.26"]) {
        tested.extend(TESTED_FULL);
    }
    // A handful of packages at a time, so that their work files do not pile up.
    for packages in tested.chunks(10) {
        let mut arguments = vec!["test", "-c"];
        arguments.extend(packages);
        builds.push(wasip1("test of", &fixtures(), &arguments));
    }
    if let Ok(only) = std::env::var("GOWASM_CORPUS_ONLY") {
        builds.retain(|build| build.label.contains(&only));
    }
    // The largest first, so that nothing long is left for the end.
    builds.reverse();
    builds
}

fn fixture_builds() -> Vec<Build> {
    let here = fixtures();
    let reactor = "-buildmode=c-shared";
    let set = "-ldflags=-X main.version=1.2.3 -X=main.unset=set -X main.empty=";
    vec![
        wasip1("exe", &here, &["build", "./hello", "./calc", "./ldflags"]),
        wasip1("reactor", &here, &["build", reactor, "./calc"]),
        wasip1("reactor", &here, &["build", reactor, "./params"]),
        wasip1("reactor without exports", &here, &["build", reactor, "./hello"]),
        wasip1("third party", &here.join("proxywasm"), &["build", reactor, "."]),
        wasip1("trimpath", &here, &["build", "-trimpath", "./hello"]),
        wasip1("-s", &here, &["build", "-ldflags=-s", "./hello", "./calc"]),
        wasip1("-s -w", &here, &["build", "-ldflags=-s -w", reactor, "./calc"]),
        wasip1("-X", &here, &["build", set, "./ldflags"]),
        wasip1("without inlining", &here, &["build", "-gcflags=all=-l", "./hello"]),
        Build { goos: "js", ..wasip1("js", &here, &["build", "./js", "./hello", "./calc"]) },
        Build { goos: "js", ..wasip1("js -s", &here, &["build", "-ldflags=-s", "./js"]) },
    ]
}

fn wasip1(label: &str, folder: &Path, arguments: &[&str]) -> Build {
    Build {
        label: label.to_owned(),
        goos: "wasip1",
        folder: folder.to_owned(),
        arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
    }
}

/// A program that imports all of the standard library that the target has.
fn every_std_package(go: &Path, keep: &Path) -> PathBuf {
    let folder = keep.join("stdprogram");
    std::fs::create_dir_all(&folder).expect("a folder for the program");
    let listed = query(go, &["list", "-f", "{{if .GoFiles}}{{.ImportPath}}{{end}}", "std"]);
    let public = |path: &&str| {
        let parts = ["internal", "vendor", "cgo", "race", "msan", "asan", "plugin"];
        !path.is_empty() && !path.split('/').any(|part| parts.contains(&part))
    };
    let mut source = "package main\n\nimport (\n".to_owned();
    let mut count = 0;
    for path in listed.lines().filter(public) {
        source.push_str(&format!("\t_ {path:?}\n"));
        count += 1;
    }
    assert!(count >= 160, "only {count} std packages");
    source.push_str(")\n\nfunc main() { println(\"all here\") }\n");
    std::fs::write(folder.join("main.go"), source).expect("the program's source");
    std::fs::write(folder.join("go.mod"), "module everything\n\ngo 1.24\n").expect("its go.mod");
    folder
}
