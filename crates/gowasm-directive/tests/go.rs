//! Against Go itself: its own tree raises no alarm, and what it links has what the directives say.
//!
//! `GOWASM_TEST_GOS` names the `go` commands to try, with colons between them; without it the `go` on
//! the path is tried.

use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Directives, GoModule, GoPackage, Goos, Manifest, Target, scan};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

fn go_commands() -> Vec<PathBuf> {
    match std::env::var_os("GOWASM_TEST_GOS").filter(|list| !list.is_empty()) {
        Some(list) => std::env::split_paths(&list).collect(),
        None => vec![PathBuf::from("go")],
    }
}

fn go(go: &Path, dir: &Path, target: Target, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new(go);
    command.args(arguments).current_dir(dir);
    command.env("GOTOOLCHAIN", "local").env("GOOS", target.goos.as_str()).env("GOARCH", "wasm");
    command.env("GOFLAGS", "").env("GOWORK", "off").env("CGO_ENABLED", "0");
    let output = command.output().expect("a go command that starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {arguments:?}: {stderr}", go.display());
    output.stdout
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("text").trim().to_owned()
}

const REACTOR: Target = Target { goos: Goos::Wasip1, build_mode: BuildMode::CShared };
const COMMAND: Target = Target { goos: Goos::Wasip1, build_mode: BuildMode::Exe };
const JS: Target = Target { goos: Goos::Js, build_mode: BuildMode::Exe };

/// Every folder of Go files below `dir`, whatever the build tags, as a package of its own.
fn all_folders(dir: &Path, import_path: &str, into: &mut Vec<GoPackage>) {
    let mut go_files = Vec::new();
    let entries = std::fs::read_dir(dir).expect("a folder of Go's tree");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "testdata" {
            all_folders(&path, &format!("{import_path}/{name}"), into);
        } else if path.extension().is_some_and(|extension| extension == "go") {
            go_files.push(path);
        }
    }
    go_files.sort();
    let (import_path, dir) = (import_path.to_owned(), dir.to_owned());
    into.push(GoPackage { import_path, dir, go_files, module: None, standard: false });
}

/// Scans all folders and judges each alone: nothing may be found.
fn no_alarm(packages: &[GoPackage]) -> Directives {
    let directives = scan(packages, &|path| path.display().to_string()).expect("readable files");
    // Here commands are judged as reactors, and without the packages that they import.
    // An example of extism's for Go has functions that only TinyGo exports.
    let of_extism = |found: &Diagnostic| {
        found.position.as_ref().is_some_and(|at| at.path.contains("extism/go-pdk"))
    };
    let real = |found: &&Diagnostic| match found.code {
        Some("GW032" | "GW033") => false,
        Some("GW031") => !of_extism(found),
        _ => true,
    };
    for target in [COMMAND, REACTOR, JS] {
        for package in packages {
            let of_package = directives.of_packages(&[package.import_path.as_str()].into());
            let found: Vec<_> =
                of_package.check(target).iter().filter(real).map(Diagnostic::to_string).collect();
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
    }
    directives
}

/// The standard library and `cmd`.
#[test]
fn no_alarm_in_the_whole_of_gos_own_tree() {
    for go_command in go_commands() {
        let goroot = text(go(&go_command, Path::new("."), COMMAND, &["env", "GOROOT"]));
        let mut packages = Vec::new();
        all_folders(&Path::new(&goroot).join("src"), "src", &mut packages);
        let files: usize = packages.iter().map(|package| package.go_files.len()).sum();
        assert!(files > 5_000, "{goroot} has only {files} Go files");
        assert!(packages.iter().any(|package| package.import_path == "src/cmd/compile"));
        let directives = no_alarm(&packages);
        assert!(directives.imports.len() > 50, "{} imports", directives.imports.len());
    }
}

/// An SDK for plugins whose programs have their directives in packages of their own.
const EXTISM: &str = "github.com/extism/go-pdk@v1.1.3";

/// What the examples require, as `path@version`.
fn required_by_examples(go_command: &Path) -> Vec<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct GoMod {
        require: Option<Vec<Required>>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Required {
        path: String,
        version: String,
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let dirs = std::fs::read_dir(&examples).expect("the examples");
    let dirs = dirs.map(|entry| entry.expect("an entry").path());
    let mut required: Vec<String> = dirs
        .filter(|dir| dir.join("go.mod").is_file())
        .flat_map(|dir| {
            let json = go(go_command, &dir, COMMAND, &["mod", "edit", "-json"]);
            serde_json::from_slice::<GoMod>(&json).expect("a go.mod").require.unwrap_or_default()
        })
        .map(|required| format!("{}@{}", required.path, required.version))
        .collect();
    required.sort();
    required.dedup();
    required
}

#[test]
fn no_alarm_in_the_go_modules_of_the_examples() {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Downloaded {
        path: String,
        dir: PathBuf,
    }
    let go_command = &go_commands()[0];
    let mut wanted = required_by_examples(go_command);
    assert!(wanted.len() >= 3, "{wanted:?}");
    wanted.push(EXTISM.to_owned());
    let empty = tempfile::tempdir().expect("a folder");
    let mut download = Command::new(go_command);
    download.args(["mod", "download", "-json"]).args(&wanted).current_dir(empty.path());
    let output = download.env("GOTOOLCHAIN", "local").output().expect("a go command that starts");
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stdout);
        println!("skipped: Go modules of the examples: {}", why.trim());
        return;
    }
    let mut directives = Directives::default();
    for module in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Downloaded>() {
        let module = module.expect("a Go module");
        let mut packages = Vec::new();
        all_folders(&module.dir, &module.path, &mut packages);
        directives.append(no_alarm(&packages));
    }
    let (exports, imports) = (directives.exports.len(), directives.imports.len());
    assert!(exports >= 22 && imports >= 40, "{exports} exports, {imports} imports");
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    import_path: String,
    dir: PathBuf,
    #[serde(default)]
    standard: bool,
    #[serde(default)]
    go_files: Vec<PathBuf>,
    module: Option<ListedModule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedModule {
    path: String,
    #[serde(default)]
    main: bool,
}

fn directives(go_command: &Path, dir: &Path, target: Target) -> Directives {
    let json = go(
        go_command,
        dir,
        target,
        &["list", "-deps", "-json=ImportPath,Dir,Standard,GoFiles,Module"],
    );
    let listed = serde_json::Deserializer::from_slice(&json).into_iter::<Listed>();
    let packages: Vec<GoPackage> = listed
        .map(|listed| listed.expect("a package"))
        .map(|listed| GoPackage {
            import_path: listed.import_path,
            dir: listed.dir,
            go_files: listed.go_files,
            module: listed.module.map(|m| GoModule { path: m.path, version: None, main: m.main }),
            standard: listed.standard,
        })
        .collect();
    let shown = |path: &Path| path.strip_prefix(dir).unwrap_or(path).display().to_string();
    scan(&packages, &shown).expect("readable sources")
}

const GO_MOD: &str = "module example.com/m\n\ngo 1.24\n";

/// A package of main and one that it imports, both with exports, in every way that Go takes them.
fn write_package(dir: &Path) {
    let write = |name: &str, text: &str| {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    };
    let clean = include_str!("fixtures/rules/clean.go");
    write("go.mod", GO_MOD);
    write(
        "clean.go",
        &clean.replace("import \"fmt\"", "import (\n\t\"fmt\"\n\t_ \"example.com/m/lib\"\n)"),
    );
    // A function without a body is allowed where the package may have assembly.
    write("empty.s", "");
    write(
        "lib/lib.go",
        "package lib\n\nimport (\n\t\"structs\"\n\t\"time\"\n\t\"unsafe\"\n)\n\n\
         type Layout struct {\n\t_ structs.HostLayout\n\ta [4]int32\n}\n\n\
         type Alias = Number\ntype Number uint64\n\n\
         //go:wasmexport lib.all\n\
         func all(a Alias, b *Layout, c time.Duration, d unsafe.Pointer, e string) *Number { return nil }\n\n\
         //go:wasmimport env used\nfunc used(a string, b bool) float32\n\n\
         //go:wasmimport env unused\nfunc unused()\n\n\
         //go:wasmexport use\nfunc use() float32 { return used(\"\", true) }\n\n\
         //go:wasmexport sized\nfunc sized(a int32) {}\n",
    );
}

fn build(go_command: &Path, dir: &Path, target: Target) -> Vec<u8> {
    let mode = format!("-buildmode={}", target.build_mode);
    go(go_command, dir, target, &["build", &mode, "-o", "m.wasm", "."]);
    std::fs::read(dir.join("m.wasm")).expect("a module")
}

#[test]
fn a_module_has_what_the_directives_say() {
    for go_command in go_commands() {
        let version = text(go(&go_command, Path::new("."), COMMAND, &["env", "GOVERSION"]));
        let dir = tempfile::tempdir().expect("a folder");
        write_package(dir.path());
        for target in [COMMAND, REACTOR, JS] {
            let directives = directives(&go_command, dir.path(), target);
            let wrong = directives.check(target);
            assert!(wrong.is_empty(), "{wrong:?}");
            let module = build(&go_command, dir.path(), target);
            let manifest = Manifest::build(&directives, target, "example.com/m", &version, &module)
                .unwrap_or_else(|found| panic!("{version} {target:?}: {found:#?}"));
            let ours = manifest.exports.iter().filter(|export| export.go.is_some()).count();
            assert_eq!(ours, directives.exports.len());
            assert_eq!(ours, 13);
            let import =
                manifest.imports.iter().find(|import| import.name == "used").expect("an import");
            let position = &import.go.as_ref().expect("a directive").position;
            assert_eq!(position.to_string(), "lib/lib.go:20:1");
            assert!(!manifest.imports.iter().any(|import| import.name == "unused"));
            let machine = dir.path().to_string_lossy();
            assert!(!manifest.to_json().contains(machine.as_ref()), "{}", manifest.to_json());

            // The module alone tells the target and the Go that made it.
            let read = Manifest::from_module(&module).expect("a module");
            assert_eq!((read.goos, read.build_mode), (Some(target.goos), Some(target.build_mode)));
            assert_eq!(read.go_version.as_deref(), Some(version.as_str()));
            assert_eq!(read.exports.len(), manifest.exports.len());
        }
    }
}

#[test]
fn sources_that_changed_after_the_link_are_noticed() {
    for go_command in go_commands() {
        let dir = tempfile::tempdir().expect("a folder");
        write_package(dir.path());
        let module = build(&go_command, dir.path(), REACTOR);
        let path = dir.path().join("lib/lib.go");
        let source = std::fs::read_to_string(&path).expect("a source");
        let changed =
            source.replace("sized(a int32)", "sized(a int64)").replace("export use", "export use2");
        let changed = changed.replace("b bool) float32", "b int64) float32");
        std::fs::write(&path, changed).expect("a file");
        let directives = directives(&go_command, dir.path(), REACTOR);
        let found = Manifest::build(&directives, REACTOR, "example.com/m", "", &module);
        let found = found.expect_err("the module is older than its sources");
        let found: Vec<_> =
            found.iter().map(|one| (one.code, one.position.as_ref().map(|p| p.line))).collect();
        let wanted = [
            (Some("GW020"), Some(26)),
            (Some("GW021"), Some(29)),
            (Some("GW022"), None),
            (Some("GW024"), Some(20)),
        ];
        assert_eq!(found, wanted);
    }
}
