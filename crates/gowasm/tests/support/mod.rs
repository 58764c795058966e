//! What the tests of the command share: a folder of their own with a Go module and a store in it, and
//! a `go` that writes down how it is called.

#![allow(dead_code)] // Each test file uses its part.

#[cfg(unix)]
pub(crate) mod machines;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The Go commands to test with: those in `GOWASM_TEST_GOS`, else the one on the path.
pub(crate) fn gos() -> Vec<PathBuf> {
    match std::env::var_os("GOWASM_TEST_GOS").filter(|value| !value.is_empty()) {
        Some(list) => std::env::split_paths(&list).collect(),
        None => vec![on_path("go")],
    }
}

pub(crate) fn go() -> PathBuf {
    gos().remove(0)
}

pub(crate) fn on_path(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("these tests need `{name}` on the PATH"))
}

pub(crate) struct Project {
    root: TempDir,
    go: PathBuf,
}

pub(crate) const REACTOR: &str = "package main\n\n\
    //go:wasmexport add\n\
    func add(a, b int32) int32 { return a + b }\n\n\
    func main() {}\n";

impl Project {
    /// A Go module with this main package, and a `go` that counts its calls.
    pub(crate) fn new(main: &str) -> Self {
        Self::with_go(main, &go())
    }

    pub(crate) fn with_go(main: &str, go: &Path) -> Self {
        // Not in the shortest form: what tests compare are the paths that the system shows.
        let root = tempfile::tempdir().unwrap();
        let project = Project { root, go: go.to_owned() };
        project.write("work/go.mod", "module example.com/calc\n\ngo 1.24\n");
        project.write("work/main.go", main);
        project.wrap("go-counted", &project.go);
        project
    }

    /// Writes a script that runs `go` and counts.
    pub(crate) fn wrap(&self, name: &str, go: &Path) -> PathBuf {
        let calls = self.path("calls");
        self.script(
            name,
            &format!("echo \"$1\" >> '{}'\nexec '{}' \"$@\"", calls.display(), go.display()),
        )
    }

    pub(crate) fn script(&self, name: &str, body: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// How often Go was started so far, but for the question how it is set up: this go is a script, which
    /// has to be asked for the Go that it chooses.
    pub(crate) fn calls(&self) -> usize {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        calls.lines().filter(|call| *call != "env").count()
    }

    /// `gowasm ARGS..` in the folder `work`.
    pub(crate) fn gowasm(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gowasm"));
        command.args(args).current_dir(self.path("work"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let of_go = ["GOFLAGS", "GOWORK", "GOOS", "GOARCH"].contains(&name.as_str());
            if name.starts_with("GOWASM") || of_go {
                command.env_remove(&name);
            }
        }
        command.env("GOWASM_STORE", self.path("store"));
        command.env("GOWASM_GO", self.path("go-counted")).env("GOTOOLCHAIN", "local");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(&mut self.gowasm(args))
    }

    /// Runs and insists on success.
    pub(crate) fn ok(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, Some(0), "gowasm {args:?}\n{}{}", run.stdout, run.stderr);
        run
    }

    /// A module proxy in a folder, with one module. Its URL.
    pub(crate) fn go_proxy(&self, module: &str, version: &str, files: &[(&str, &str)]) -> String {
        let folder = format!("proxy/{module}/@v");
        let go_mod = format!("module {module}\n");
        self.write(&format!("{folder}/{version}.mod"), &go_mod);
        self.write(&format!("{folder}/{version}.info"), &format!("{{\"Version\":\"{version}\"}}"));
        let files = files.iter().copied().chain([("go.mod", go_mod.as_str())]);
        let files = files.map(|(name, text)| (format!("{module}@{version}/{name}"), text));
        let zip = self.path(&format!("{folder}/{version}.zip"));
        fs::write(zip, zip_of(&files.collect::<Vec<_>>())).unwrap();
        format!("file://{}", self.path("proxy").display())
    }

    /// The same package as `go build` makes it.
    pub(crate) fn go_build(&self, goos: &str, flags: &[&str], output: &str) {
        let run = self.try_go_build(goos, flags, output, "");
        assert_eq!(run.code, Some(0), "go build {flags:?}\n{}", run.stderr);
    }

    /// The same with a GOEXPERIMENT, which Go may refuse.
    pub(crate) fn try_go_build(
        &self,
        goos: &str,
        flags: &[&str],
        output: &str,
        experiment: &str,
    ) -> Run {
        let mut command = Command::new(&self.go);
        command.current_dir(self.path("work")).env("GOTOOLCHAIN", "local").env_remove("GOFLAGS");
        command.env("GOOS", goos).env("GOARCH", "wasm").env("CGO_ENABLED", "0");
        command.env("GOEXPERIMENT", experiment);
        command
            .args(["build", "-trimpath", "-buildvcs=false", "-o"])
            .arg(self.path(output))
            .args(flags);
        Run::of(&mut command)
    }

    /// Names in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")).into()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Run {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A zip file of files as they are.
fn zip_of(files: &[(String, &str)]) -> Vec<u8> {
    let crc = |text: &str| {
        !text.bytes().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    };
    let (mut zip, mut directory) = (Vec::new(), Vec::new());
    for (name, text) in files {
        let mut common = Vec::new();
        // Version, flags, method, time and date.
        common.extend([10u16, 0, 0, 0, 0x21].map(u16::to_le_bytes).concat());
        let size = text.len() as u32;
        common.extend([crc(text), size, size].map(u32::to_le_bytes).concat());
        common.extend([name.len() as u16, 0].map(u16::to_le_bytes).concat());
        directory.extend([&b"PK\x01\x02"[..], &10u16.to_le_bytes(), &common].concat());
        directory.extend([0; 10]);
        directory.extend((zip.len() as u32).to_le_bytes());
        directory.extend(name.bytes());
        zip.extend([&b"PK\x03\x04"[..], &common, name.as_bytes(), text.as_bytes()].concat());
    }
    let (place, count) = (zip.len() as u32, files.len() as u16);
    zip.extend(&directory);
    zip.extend(b"PK\x05\x06\0\0\0\0");
    zip.extend([count, count].map(u16::to_le_bytes).concat());
    zip.extend([directory.len() as u32, place].map(u32::to_le_bytes).concat());
    zip.extend([0; 2]);
    zip
}
