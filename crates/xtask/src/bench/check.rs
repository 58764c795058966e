//! `gowasm check` beside `go vet`, on a package with 300 dependencies.

use super::Findings;
use super::measure::{Sample, in_turn, measure, seconds};
use crate::project;
use crate::table::Table;
use crate::tools;
use anyhow::{Result, ensure};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::Command;

/// With what these need, almost all of the standard library.
const STANDARD: &[&str] = &[
    "archive/tar",
    "archive/zip",
    "compress/bzip2",
    "compress/lzw",
    "database/sql",
    "debug/dwarf",
    "debug/elf",
    "debug/gosym",
    "debug/macho",
    "debug/pe",
    "encoding/asn1",
    "encoding/csv",
    "encoding/gob",
    "encoding/xml",
    "expvar",
    "go/format",
    "go/importer",
    "hash/adler32",
    "hash/crc64",
    "hash/fnv",
    "html/template",
    "image/gif",
    "image/jpeg",
    "image/png",
    "index/suffixarray",
    "log/slog",
    "mime/quotedprintable",
    "net/http/cgi",
    "net/http/cookiejar",
    "net/http/httptest",
    "net/http/httputil",
    "net/mail",
    "net/rpc/jsonrpc",
    "net/smtp",
    "runtime/pprof",
    "testing/fstest",
    "testing/quick",
    "text/scanner",
];
/// Packages of the user's own.
const OWN: usize = 60;

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release("gowasm")?;
    let go = &tools::current_gos()?[0];
    let scratch = tempfile::tempdir()?;
    let (work, store) = (scratch.path().join("work"), scratch.path().join("store"));
    write(&work)?;
    let with_go = |arguments: &[&str]| {
        let mut command = Command::new(&go.path);
        command.args(arguments).envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]);
        command.current_dir(&work);
        command
    };
    let dependencies = project::output(&mut with_go(&["list", "-deps", "."]))?.lines().count() - 1;
    ensure!(dependencies >= 300, "only {dependencies} dependencies");

    let ours = || {
        let mut command = Command::new(&gowasm);
        command.arg("check").arg("--go").arg(&go.path).arg("--store").arg(&store);
        measure(command.current_dir(&work))
    };
    let theirs = || measure(&mut with_go(&["vet", "."]));
    let mut table = Table::new(["case", "gowasm check", "go vet", "ours / theirs"]);
    let mut row = |case: &str, ours: f64, theirs: f64| {
        let ratio = format!("{:.2}", ours / theirs);
        table.row([case.to_owned(), seconds(ours), seconds(theirs), ratio]);
    };
    let (a, b) = in_turn(21, ours, theirs)?;
    row("nothing changed", a.wall(), b.wall());

    let revision = Cell::new(u64::from(std::process::id()) * 1000);
    let next = |check: &dyn Fn() -> Result<Sample>| -> Result<Sample> {
        revision.set(revision.get() + 1);
        main(&work, revision.get(), "")?;
        check()
    };
    let (a, b) = in_turn(11, || next(&ours), || next(&theirs))?;
    row("a function's body changed", a.wall(), b.wall());

    let import = |check: &dyn Fn() -> Result<Sample>| -> Result<Sample> {
        revision.set(revision.get() + 1);
        let comment = format!("// {}\n", revision.get());
        main(&work, revision.get(), &comment)?;
        check()
    };
    let (a, b) = in_turn(11, || import(&ours), || import(&theirs))?;
    row("the imports changed: Go is asked", a.wall(), b.wall());
    let conditions =
        format!("Go {}, {dependencies} dependencies, medians of wall time", go.version);
    Ok(Findings { conditions, table })
}

fn write(work: &Path) -> Result<()> {
    for number in 0..OWN {
        let dir = work.join(format!("p{number}"));
        fs::create_dir_all(&dir)?;
        let text = format!(
            "package p{number}\n\n//go:wasmexport p{number}\nfunc Add(a, b int32) int32 {{ return a + b }}\n"
        );
        fs::write(dir.join("p.go"), text)?;
    }
    fs::write(work.join("go.mod"), "module example.com/large\n\ngo 1.24\n")?;
    main(work, 0, "")
}

fn main(work: &Path, revision: u64, comment: &str) -> Result<()> {
    let own = (0..OWN).map(|number| format!("example.com/large/p{number}"));
    let imports = STANDARD.iter().map(|path| (*path).to_owned()).chain(own);
    let imports: String = imports.map(|path| format!("\t_ \"{path}\"\n")).collect();
    let text = format!(
        "package main\n\n{comment}import (\n{imports})\n\nfunc main() {{ println({revision}) }}\n"
    );
    Ok(fs::write(work.join("main.go"), text)?)
}
