//! `go list` chooses the same files, in Go's own source tree and in folders made of what is odd.

use super::*;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Listed {
    dir: PathBuf,
    name: String,
    go_files: Vec<String>,
    #[serde(rename = "SFiles")]
    s_files: Vec<String>,
    embed_patterns: Vec<String>,
    /// Of tests `go list -find` has the patterns only.
    embed_files: Vec<String>,
    test_go_files: Vec<String>,
    test_embed_patterns: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    x_test_go_files: Vec<String>,
    #[serde(rename = "XTestEmbedPatterns")]
    x_test_embed_patterns: Vec<String>,
    ignored_go_files: Vec<String>,
}

/// Those that `cargo xtask test` gives, or the one on the PATH.
fn gos() -> Vec<PathBuf> {
    match std::env::var_os("GOWASM_TEST_GOS") {
        Some(gos) => std::env::split_paths(&gos).collect(),
        None => vec![PathBuf::from("go")],
    }
}

fn go(go: &Path, goos: Goos, folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(go);
    command.args(arguments).current_dir(folder).env("GOOS", goos.as_str()).env("GOARCH", "wasm");
    command.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
    let output = command.env("GO111MODULE", "off").output().expect("go starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn context(program: &Path, goos: Goos, more: &str) -> Context {
    let form = "{{join context.ReleaseTags \" \"}} {{join context.ToolTags \" \"}}";
    let said = go(program, goos, Path::new("/"), &["list", "-f", form, "unsafe"]);
    let said = String::from_utf8(said).unwrap();
    Context::new(goos, said.split_whitespace().chain(more.split_terminator(',')).map(str::to_owned))
}

fn list(program: &Path, goos: Goos, folder: &Path, tags: &str, what: &str) -> Vec<Listed> {
    let arguments = ["list", "-e", "-find", "-json", "-tags", tags, what];
    let said = go(program, goos, folder, &arguments);
    serde_json::Deserializer::from_slice(&said).into_iter().collect::<Result<_, _>>().unwrap()
}

/// The files of a folder and of those below, as a target's srcs and embedsrcs would name them.
fn names(dir: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(dir).into_iter().flatten();
    let files = walk.filter(|entry| entry.file_type().is_file());
    let below = files.map(|entry| entry.path().strip_prefix(dir).unwrap().to_owned());
    below.map(|path| path.to_str().unwrap().to_owned()).collect()
}

fn ours(context: &Context, dir: &Path) -> (Package, Vec<String>) {
    let names = names(dir);
    let candidates: Vec<_> = names
        .iter()
        .filter(|name| !name.contains('/'))
        .map(|name| Candidate { name, shown: name })
        .collect();
    let read = |name: &str| Ok(fs::read(dir.join(name)).unwrap());
    match choose(context, &candidates, read) {
        Ok(package) => (package, names),
        Err(error) => panic!("{}: {error:?}", dir.display()),
    }
}

fn compare(context: &Context, listed: &Listed) {
    let place = listed.dir.display();
    let (package, names) = ours(context, &listed.dir);
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    if !package.files.go.is_empty() {
        assert_eq!(package.name, listed.name, "{place}");
    }
    assert_eq!(package.s_files, listed.s_files, "{place}");
    let mut ignored = [package.ignored, package.cgo].concat();
    ignored.sort();
    // Go lists what begins with a dot or an underscore as well.
    let theirs = listed.ignored_go_files.iter().filter(|name| !name.starts_with(['_', '.']));
    assert_eq!(ignored, theirs.cloned().collect::<Vec<_>>(), "{place}");
    for (files, go_files, patterns, embedded) in [
        (&package.files, &listed.go_files, &listed.embed_patterns, Some(&listed.embed_files)),
        (&package.tests, &listed.test_go_files, &listed.test_embed_patterns, None),
        (&package.external_tests, &listed.x_test_go_files, &listed.x_test_embed_patterns, None),
    ] {
        assert_eq!(&files.go, go_files, "{place}");
        let mut ours: Vec<_> = files.patterns.iter().map(|at| at.pattern.clone()).collect();
        ours.sort();
        ours.dedup();
        assert_eq!(&ours, patterns, "{place}");
        let config = EmbedConfig::new(files, &names, &listed.dir).unwrap();
        let ours: Vec<_> = config.files.into_keys().collect();
        if let Some(embedded) = embedded {
            assert_eq!(&ours, embedded, "{place}");
        }
    }
}

#[test]
fn gos_own_packages_have_the_files_that_go_chooses() {
    let mut packages = 0;
    for program in gos() {
        for goos in [Goos::Wasip1, Goos::Js] {
            let context = context(&program, goos, "");
            for listed in list(&program, goos, Path::new("/"), "", "std") {
                compare(&context, &listed);
                packages += 1;
            }
        }
    }
    assert!(packages > 400, "{packages}");
}

/// Names and contents; a file of the package itself is always there.
const ODD: &[(&str, &str)] = &[
    ("a.go", "package odd\n"),
    ("linux.go", "package odd\n"),
    ("x_linux.go", "package odd\n"),
    ("x_wasip1.go", "package odd\n"),
    ("x_js_test.go", "package odd\n"),
    ("x_wasip1_wasm.go", "package odd\n"),
    ("x_linux_wasm.go", "package odd\n"),
    ("x_wasm_linux.go", "package odd\n"),
    ("x_wasip1_amd64.go", "package odd\n"),
    ("x_unix.go", "package odd\n"),
    ("x_wasm.more.go", "package odd\n"),
    ("_hidden.go", "package odd\n"),
    (".dot.go", "package odd\n"),
    ("b1.go", "//go:build wasip1 && !js || (special && go1.21)\n\npackage odd\n"),
    ("b2.go", "//go:build unix\n\npackage odd\n"),
    ("b3.go", "//go:build gc && !cgo && go1.24 && !go1.99\n\npackage odd\n"),
    ("b4.go", "// Comment.\n\n//go:build special\n// more\npackage odd\n"),
    ("b5.go", "/* c\n*/ //go:build special\n\npackage odd\n"),
    ("b6.go", "/* c\n//go:build special\n*/\n\npackage odd\n"),
    ("b7.go", "package odd\n\n//go:build special\n"),
    ("b8.go", "\u{feff}//go:build !special\n\npackage odd\n"),
    ("b9.go", "//go:buildx special\n\npackage odd\n"),
    ("b10.go", "  //go:build\tspecial\r\n\r\npackage odd\r\n"),
    ("p1.go", "// +build special js\n\npackage odd\n"),
    ("p2.go", "// +build special\npackage odd\n"),
    ("p3.go", "// +build wasip1,!js special\n// +build gc\n\npackage odd\n"),
    ("p4.go", "//go:build wasm\n// +build special\n\npackage odd\n"),
    ("p5.go", "//+build !special\n\n// text\n\npackage odd\n"),
    ("p6.go", "// +build !!special\n\npackage odd\n"),
    ("p7.go", "// +buildspecial\n\npackage odd\n"),
    ("p8.go", "// +build\n\npackage odd\n"),
    ("p9.go", "// +build special,\n\npackage odd\n"),
    ("c1.go", "package odd\n\nimport \"C\"\n"),
    ("c2.go", "package odd\n\nimport (\n\t\"fmt\"\n\t_ \"C\"\n)\n\nvar _ = fmt.Sprint\n"),
    ("c3.go", "package odd\n\nvar s = `\nimport \"C\"\n`\n"),
    ("d.go", "package documentation\n"),
    ("t_test.go", "package odd\n"),
    ("u_test.go", "package odd_test\n"),
    ("s1.s", "// text\n"),
    ("s2_linux.s", "// text\n"),
    ("s3.s", "//go:build special\n\n// text\n"),
    ("h.h", ""),
    ("README.md", ""),
    (
        "e1.go",
        "package odd\n\nimport _ \"embed\"\n\n//go:embed data\n//go:embed *.md \"sp ace.txt\" `back quote`\n\
         var x string\n\n/*\n//go:embed none\n*/\nvar s = `\n//go:embed none\n`\n\nvar t = \"\\\"\" // x\n\
         // //go:embed none\n\t//go:embed all:data/sub\nvar y string\nvar q = '\"'\n\n//go:embedx none\n",
    ),
    ("e2.go", "package odd\n\n//go:embed none\nvar z string\n"),
    (
        "e_test.go",
        "package odd\n\nimport \"embed\"\n\n//go:embed data/[^a-c].txt\nvar f embed.FS\n",
    ),
    ("data/a.txt", ""),
    ("data/d.txt", ""),
    ("data/_e.txt", ""),
    ("data/sub/.f.txt", ""),
    ("data/sub/g.txt", ""),
    ("data/mod/go.mod", ""),
    ("data/mod/h.txt", ""),
    ("sp ace.txt", ""),
    ("back quote", ""),
];

#[test]
fn odd_files_are_chosen_as_go_chooses() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("src/odd");
    for (name, text) in ODD {
        let file = dir.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    for program in gos() {
        for goos in [Goos::Wasip1, Goos::Js] {
            for tags in ["", "special"] {
                let context = context(&program, goos, tags);
                let listed = list(&program, goos, &dir, tags, ".");
                compare(&context, &listed[0]);
            }
        }
    }
}

#[test]
fn files_of_two_packages_are_an_error_with_their_names() {
    let candidates = [("a.go", "x/a.go"), ("b.go", "x/b.go"), ("c_test.go", "x/c_test.go")]
        .map(|(name, shown)| Candidate { name, shown });
    let read = |name: &str| Ok(format!("package {}\n", &name[..1]).into_bytes());
    let error = choose(&Context::default(), &candidates, read).unwrap_err();
    let error = format!("{error:?}");
    assert!(error.contains("two packages: a (x/a.go) and b (x/b.go)"), "{error}");
}

#[test]
fn a_constraint_that_cannot_be_read_is_an_error_with_its_place() {
    for line in ["a &&", "!!a", "(a", "a b", "a | b", ""] {
        let candidates = [Candidate { name: "a.go", shown: "x/a.go" }];
        let read = |_: &str| Ok(format!("// Text.\n//go:build {line}\n\npackage a\n").into_bytes());
        let error = choose(&Context::default(), &candidates, read).unwrap_err();
        let error = format!("{error:?}");
        assert!(error.contains("x/a.go") && error.contains("//go:build line"), "{line}: {error}");
    }
}
