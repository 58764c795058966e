//! Packages of the standard library come out as Go's own build makes them, to the byte.

use gowasm_bazel::{Compile, Source, Tags, compile, tags};
use gowasm_directive::Goos;
use gowasm_goobj::Archive;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// One each of what differs: assembly; functions whose bodies the runtime has; a copy of another module, and who
/// imports it under that module's name; and the runtime itself.
const PACKAGES: [&str; 6] = [
    "internal/bytealg",
    "os",
    "runtime",
    "vendor/golang.org/x/net/dns/dnsmessage",
    "vendor/golang.org/x/text/unicode/norm",
    "vendor/golang.org/x/text/secure/bidirule",
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    import_path: String,
    dir: PathBuf,
    #[serde(default)]
    export: PathBuf,
}

/// Those that `cargo xtask test` gives, or the one on the PATH.
fn gos() -> Vec<PathBuf> {
    match std::env::var_os("GOWASM_TEST_GOS") {
        Some(gos) => std::env::split_paths(&gos).collect(),
        None => vec![PathBuf::from("go")],
    }
}

fn ask(go: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(go);
    command.args(arguments).current_dir("/").env("GOOS", "wasip1").env("GOARCH", "wasm");
    command.env("CGO_ENABLED", "0").env("GOTOOLCHAIN", "local").env("GOFLAGS", "");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// All but Go's own member, which has what importers need, and but the build id.
fn objects(archive: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = fs::read(archive).unwrap();
    let members = Archive::parse(&bytes).unwrap().members;
    let code = members.iter().filter(|member| member.name != b"__.PKGDEF");
    code.map(|member| {
        let lines = member.bytes.split(|byte| *byte == b'\n');
        let lines: Vec<_> = lines.filter(|line| !line.starts_with(b"build id ")).collect();
        (String::from_utf8_lossy(member.name).into_owned(), lines.join(&b'\n'))
    })
    .collect()
}

#[test]
fn packages_are_those_of_gos_own_build() {
    let never = AtomicBool::new(false);
    for go in gos() {
        let sdk = PathBuf::from(ask(&go, &["env", "GOROOT"]).trim());
        let folder = tempfile::tempdir().unwrap();
        let toolchain_tags = folder.path().join("tags.json");
        let request = Tags {
            sdk: sdk.clone(),
            goos: Goos::Wasip1,
            goexperiment: String::new(),
            output: toolchain_tags.clone(),
        };
        tags(&request, &never).unwrap_or_else(|failure| panic!("{failure}"));
        let fields = "-json=ImportPath,Dir,Export";
        let arguments =
            [&["list", "-deps", "-export", "-trimpath", fields], &PACKAGES[..]].concat();
        let listed = ask(&go, &arguments);
        let listed: Vec<Listed> = serde_json::Deserializer::from_str(&listed)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        let of_go: Vec<&Listed> = listed.iter().filter(|it| it.import_path != "unsafe").collect();
        for package in of_go.iter().filter(|it| PACKAGES.contains(&it.import_path.as_str())) {
            let names = fs::read_dir(&package.dir).unwrap().map(|entry| entry.unwrap().file_name());
            let names = names.map(|name| name.into_string().unwrap());
            let is_source = |name: &String| {
                [".go", ".s", ".h"].iter().any(|end| name.ends_with(end))
                    && !name.ends_with("_test.go")
            };
            let sources = names
                .filter(is_source)
                .map(|name| Source { path: package.dir.join(&name), name })
                .collect();
            let others = of_go.iter().filter(|it| it.import_path != package.import_path);
            let output = folder.path().join("package.a");
            let request = Compile {
                sdk: sdk.clone(),
                toolchain_tags: toolchain_tags.clone(),
                std: others.map(|it| (it.import_path.clone(), it.export.clone())).collect(),
                standard: true,
                goos: Goos::Wasip1,
                import_path: package.import_path.clone(),
                label: "//:std".to_owned(),
                module: None,
                language: None,
                tags: Vec::new(),
                sources,
                with_tests: false,
                importers: Vec::new(),
                deps: Vec::new(),
                import_map: Vec::new(),
                flags: Vec::new(),
                cover: None,
                output: output.clone(),
                export: Some(folder.path().join("package.x")),
                directives: folder.path().join("package.json"),
            };
            compile(&request, &never).unwrap_or_else(|failure| panic!("{failure}"));
            let (ours, theirs) = (objects(&output), objects(&package.export));
            let path = &package.import_path;
            assert!(ours == theirs, "{}: {path} is another one", go.display());
        }
    }
}
