//! Archives that are broken in every way there is a check for: each is an error that names the
//! file, and none is a panic.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use gowasm_link::Options;

/// The archives of a small program, copied so that tests can break them.
struct Program {
    folder: tempfile::TempDir,
}

impl Program {
    /// The archives of `package main` and all it needs, from Go's build cache.
    fn new() -> Program {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        fs::create_dir(&source).unwrap();
        fs::write(source.join("go.mod"), "module small\n\ngo 1.24\n").unwrap();
        fs::write(
            source.join("main.go"),
            "package main\n\nfunc main() { defer println(\"done\") }\n",
        )
        .unwrap();
        let listed = Command::new("go")
            .args(["list", "-export", "-deps", "-f", "{{.Name}} {{.ImportPath}} {{.Export}}", "."])
            .current_dir(&source)
            .envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOTOOLCHAIN", "local")])
            .output()
            .expect("these tests need go in the path");
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let mut config = String::new();
        for line in String::from_utf8(listed.stdout).unwrap().lines() {
            let [name, path, archive] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
            if archive.is_empty() {
                continue; // unsafe
            }
            let file = match name {
                "main" => "main.a".to_owned(),
                _ => format!("{}.a", path.replace('/', "_")),
            };
            let copy = folder.path().join(&file);
            fs::write(&copy, fs::read(archive).unwrap()).unwrap();
            if name != "main" {
                config.push_str(&format!("packagefile {path}={}\n", copy.display()));
            }
        }
        fs::write(folder.path().join("importcfg"), config).unwrap();
        Program { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn link(&self) -> Result<(), String> {
        self.link_for(None)
    }

    /// Links with another GOROOT than the environment's.
    fn link_for(&self, goroot: Option<&Path>) -> Result<(), String> {
        let (config, output) = (self.path("importcfg"), self.path("out.wasm"));
        let main = self.path("main.a");
        let arguments = [
            Path::new("-importcfg"),
            &config,
            Path::new("-o"),
            &output,
            Path::new("-buildid=x"),
            &main,
        ];
        let mut options = Options::parse(arguments.map(|path| path.into())).unwrap();
        if let Some(goroot) = goroot {
            options.goroot = goroot.display().to_string();
        }
        gowasm_link::link(&options, &AtomicBool::new(false))
            .map(drop)
            .map_err(|error| error.to_string())
    }

    /// Links with `broken` in the place of an archive: an error that names it, and only then.
    fn refuses(&self, name: &str, broken: &[u8], how: &str) -> String {
        let whole = self.read(name);
        fs::write(self.path(name), broken).unwrap();
        let result = self.link();
        fs::write(self.path(name), whole).unwrap();
        match result {
            Ok(()) => panic!("{name}, {how}: was linked"),
            Err(error) if error.contains(name) => error,
            Err(error) => panic!("{name}, {how}: the error does not name the file: {error}"),
        }
    }
}

/// Where the tables of the first Go object begin.
fn object_start(archive: &[u8]) -> usize {
    archive.windows(8).position(|window| window == b"\0go120ld").unwrap()
}

#[test]
fn whole_archives_link() {
    Program::new().link().unwrap();
}

#[test]
fn cut_off_archives_are_refused() {
    let program = Program::new();
    for name in ["main.a", "internal_goarch.a", "internal_cpu.a"] {
        let whole = program.read(name);
        let mut lengths: Vec<usize> = (0..whole.len()).step_by(whole.len() / 60 + 1).collect();
        lengths.extend([1, 7, 8, 9, 67, 68, 69, 100, whole.len() / 2, whole.len() - 3]);
        for length in lengths {
            program.refuses(name, &whole[..length], &format!("cut to {length} bytes"));
        }
    }
}

#[test]
fn what_is_no_archive_is_refused() {
    let program = Program::new();
    for name in ["main.a", "runtime.a", "internal_cpu.a"] {
        program.refuses(name, b"", "empty");
        program.refuses(name, b"package main\n\nfunc main() {}\n", "text");
        program.refuses(name, b"\0asm\x01\0\0\0", "a wasm module");
        program.refuses(name, b"!<arch>\n", "an archive of nothing");
        program.refuses(name, &[0xff; 4096], "all ones");
    }
}

#[test]
fn huge_counts_are_refused() {
    let program = Program::new();
    let whole = program.read("main.a");
    let tables = object_start(&whole) + 20;
    // Every table's place, one after the other, beyond the file.
    for table in 0..19 {
        let mut broken = whole.clone();
        broken[tables + table * 4..][..4].fill(0xff);
        program.refuses("main.a", &broken, &format!("table {table} at the end of all numbers"));
    }
    // The size that the archive gives its first member.
    let mut broken = whole.clone();
    broken[8 + 48..8 + 58].copy_from_slice(b"9999999999");
    program.refuses("main.a", &broken, "a member larger than the file");
}

#[test]
fn archives_of_other_versions_are_refused() {
    let program = Program::new();
    let replace = |name: &str, from: &[u8], to: &[u8]| {
        let mut bytes = program.read(name);
        let mut at = 0;
        while let Some(found) = bytes[at..].windows(from.len()).position(|window| window == from) {
            bytes[at + found..][..to.len()].copy_from_slice(to);
            at += found + from.len();
        }
        bytes
    };
    let error = program.refuses(
        "internal_cpu.a",
        &replace("internal_cpu.a", b" wasm go1.", b" wasm go9."),
        "of Go 9",
    );
    assert!(error.contains("go9."), "{error}");
    program.refuses(
        "internal_cpu.a",
        &replace("internal_cpu.a", b"wasip1 wasm", b"plan9  wasm"),
        "for plan9",
    );
    program.refuses(
        "internal_cpu.a",
        &replace("internal_cpu.a", b"\0go120ld", b"\0go114ld"),
        "old format",
    );
}

#[test]
fn archives_of_another_toolchain_than_the_named_one_are_refused() {
    let program = Program::new();
    let listed = Command::new("go").args(["env", "GOROOT"]).output().unwrap();
    let own = PathBuf::from(String::from_utf8(listed.stdout).unwrap().trim());
    program.link_for(Some(&own)).unwrap();
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("VERSION"), "go1.25.77\ntime 2026-01-01T00:00:00Z\n").unwrap();
    let error = program.link_for(Some(other.path())).unwrap_err();
    let version = fs::read_to_string(own.join("VERSION")).unwrap();
    for part in ["main.a", "go1.25.77", version.lines().next().unwrap()] {
        assert!(error.contains(part), "{part} is named: {error}");
    }
}

#[test]
fn a_package_that_is_another_one_is_refused() {
    let program = Program::new();
    // The program in the place of a package that it imports: a circle of one.
    program.refuses("runtime.a", &program.read("main.a"), "main itself");
    program.refuses("internal_cpu.a", &program.read("internal_goarch.a"), "another package");
}

#[test]
fn a_symbol_that_is_defined_twice_is_refused() {
    let program = Program::new();
    let mut bytes = program.read("internal_bytealg.a");
    // The last member is an assembly file's object; a second one defines its functions again.
    let headers: Vec<usize> = bytes
        .windows(2)
        .enumerate()
        .filter(|(at, window)| {
            window == b"`\n"
                && *at >= 58
                && bytes[at - 10..*at].iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
        })
        .map(|(at, _)| at - 58)
        .collect();
    let last = bytes[*headers.last().unwrap()..].to_vec();
    assert!(headers.len() > 2, "the package has assembly");
    bytes.extend(last);
    let error = program.refuses("internal_bytealg.a", &bytes, "with a member twice");
    assert!(error.contains("internal/bytealg."), "the symbol is named: {error}");
}
