//! Modules as Go links them: every byte is told, and told once, with names or without.

mod browser;

use gowasm_size::{By, Report, measure};
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "package main\n\nimport \"os\"\n\n\
    func main() { os.Stdout.WriteString(\"hello\\n\") }\n";

fn gos() -> Vec<PathBuf> {
    match std::env::var_os("GOWASM_TEST_GOS").filter(|value| !value.is_empty()) {
        Some(list) => std::env::split_paths(&list).collect(),
        None => vec![PathBuf::from("go")],
    }
}

/// The program as this Go links it with these flags.
fn module(go: &Path, flags: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let (source, module) = (folder.path().join("main.go"), folder.path().join("main.wasm"));
    std::fs::write(&source, PROGRAM).unwrap();
    let mut command = Command::new(go);
    command.args(["build", "-trimpath", "-o"]).arg(&module).arg(format!("-ldflags={flags}"));
    command.arg(&source).current_dir(folder.path()).env("GOTOOLCHAIN", "local");
    command.envs([("GOOS", "wasip1"), ("GOARCH", "wasm"), ("GOFLAGS", ""), ("GOWORK", "off")]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(&module).unwrap()
}

fn bytes(report: &Report, by: By, name: &str) -> u64 {
    let rows = report.by(by);
    rows.iter().find(|row| row.name == name).map_or(0, |row| row.bytes)
}

#[test]
fn every_byte_of_a_go_module_is_told_once() {
    for go in gos() {
        let named = module(&go, "");
        let stripped = module(&go, "-s");
        let [with_names, without] = [&named, &stripped].map(|file| {
            let report = measure(file).unwrap();
            for by in [By::Section, By::Table, By::Package, By::Function] {
                let sum: u64 = report.by(by).iter().map(|row| row.bytes).sum();
                assert_eq!(sum, file.len() as u64, "{} {by:?}", go.display());
            }
            assert!(report.has_go_tables, "{}", go.display());
            report
        });
        assert!(with_names.has_names && !without.has_names);
        // The runtime's name and the entry of the name section are of the same function: an entry is a
        // number, a length and a name of the same length.
        let mut entries = with_names.items.iter().filter(|item| item.section == "custom name");
        let entry = entries.find(|item| item.function.as_deref() == Some("main.main")).unwrap();
        assert!((11..=13).contains(&entry.bytes), "{}: {entry:?}", go.display());
        // Go's own spelling of names, which a name section does not have.
        for report in [&with_names, &without] {
            let method = "os.(*File).Write";
            assert!(bytes(report, By::Function, method) > 0, "{}", go.display());
            assert!(bytes(report, By::Package, "main") > 0);
            for table in [
                "pclntab: function names",
                "pclntab: functions",
                "pclntab: PC tables",
                "pclntab: file names",
                "pclntab: findfunctab",
                "variables with pointers",
                "data segment headers",
            ] {
                assert!(bytes(report, By::Table, table) > 0, "{}: {table}", go.display());
            }
            // Next to nothing of the data is left without a table.
            let (other, data) =
                (bytes(report, By::Table, "other data"), bytes(report, By::Section, "data"));
            assert!(other * 20 < data, "{}: {other} of {data}", go.display());
        }
        // What differs is the names.
        let changes = without.changes_since(&with_names, By::Section);
        let names = changes.iter().find(|change| change.name == "custom name").unwrap();
        assert_eq!(names.new, 0);
        let code = changes.iter().find(|change| change.name == "code");
        assert!(code.is_none(), "{code:?}");
    }
}

#[test]
fn damaged_modules_are_refused_or_told_whole() {
    let file = module(&gos()[0], "");
    assert!(measure(b"no module").is_err());
    // Cut off, and with bytes changed all over.
    for step in 1..40 {
        let cut = file.len() * step / 40;
        let mut changed = file.clone();
        for at in (step * 37..file.len()).step_by(file.len() / 23) {
            changed[at] ^= 1 << (step % 8);
        }
        for damaged in [&file[..cut], &changed] {
            if let Ok(report) = measure(damaged) {
                let sum: u64 = report.items.iter().map(|item| item.bytes).sum();
                assert_eq!(sum, damaged.len() as u64);
            }
        }
    }
}
