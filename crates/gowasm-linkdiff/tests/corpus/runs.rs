//! Running what was linked, in node: it has both systems' interfaces, and it compiles, so that the
//! large programs start in a second. Without node nothing is run, and the count says so.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use gowasm_linkdiff::Case;

use crate::builds::Build;

/// Packages whose tests need nothing but memory and take a moment; of the others the tests are
/// only listed, which initialises every package of the binary.
const TESTS_RUN: &[&str] =
    &["bufio", "bytes", "container", "encoding/csv", "encoding/hex", "errors", "maps", "sort"];

/// Starts a wasip1 program, or initialises a reactor and calls what it exports.
const WASIP1: &str = r#"
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';
const [file, ...args] = process.argv.slice(2);
const wasi = new WASI({
  version: 'preview1', args: [file, ...args], env: process.env, preopens: { '/': '/' },
  returnOnExit: true,
});
const module = new WebAssembly.Module(readFileSync(file));
const imports = { wasi_snapshot_preview1: wasi.wasiImport };
for (const { module: name, name: item } of WebAssembly.Module.imports(module)) {
  imports[name] ??= {};
  imports[name][item] ??= () => 1;
}
const instance = new WebAssembly.Instance(module, imports);
if (instance.exports._start) process.exit(wasi.start(instance));
wasi.initialize(instance);
const call = (name, args, expected) => {
  if (!instance.exports[name]) return;
  const got = instance.exports[name](...args);
  if (got !== expected) throw new Error(`${name}(${args}) is ${got}, not ${expected}`);
  console.log('called', name);
};
call('add', [2, 3], 5);
call('integers', [1, 2, 3n, 4n], 10n);
call('floats', [1.5, 2.25], 3.75);
call('truth', [0], 1);
call('narrow', [3], 1.5);
call('pointers', [0, 0, 0], 0);
call('nothing', [], undefined);
call('host', [7], 1);
call('serve', [2], 10);
console.log('initialised');
"#;

/// Runs the module if it can be. False: there is no node.
pub(crate) fn run(go: &Path, build: &Build, case: &Case, module: &Path) -> Result<bool> {
    let Some(node) = node() else { return Ok(false) };
    let folder = module.parent().context("the module lies in no folder")?;
    if build.goos == "js" {
        let glue = goroot(go)?.join("lib/wasm/wasm_exec_node.js");
        let output = finished(Command::new(node).arg(glue).arg(module))?;
        let wanted = if case.name.ends_with("js") { "twice 21 is 42" } else { "" };
        return expect(&output, wanted);
    }
    let script = folder.join("run.mjs");
    std::fs::write(&script, WASIP1)?;
    let mut command = Command::new(node);
    command.arg("--no-warnings").arg(&script).arg(module).current_dir(folder);
    // Programs of the distribution look for their root, and tests for files of their package.
    let root = goroot(go)?;
    let start = match build.arguments[0].as_str() {
        "test" => root.join("src").join(case.name.trim_end_matches(".test")),
        _ => folder.to_owned(),
    };
    command.env("GOROOT", &root).env("HOME", folder).env("PWD", start);
    let wanted = arguments(build, case, &mut command);
    expect(&finished(&mut command)?, wanted)
}

/// Runs node to its end. A signal is a fault of node or of a machine out of memory, never the
/// module's answer, so it is started again; a module that brings node down each time still fails.
fn finished(command: &mut Command) -> Result<Output> {
    let mut output = command.output()?;
    for _ in 0..2 {
        let Some(signal) = output.status.signal() else { break };
        println!("node died of signal {signal}, starting it again: {command:?}");
        output = command.output()?;
    }
    Ok(output)
}

/// Adds what the program is to be started with and returns what it must print.
fn arguments(build: &Build, case: &Case, command: &mut Command) -> &'static str {
    let name = case.name.as_str();
    if build.arguments[0] == "test" {
        let tested = name.trim_end_matches(".test");
        if TESTS_RUN.iter().any(|path| tested.starts_with(path)) {
            command.args(["-test.short", "-test.run", "^Test"]);
            return "PASS";
        }
        command.args(["-test.list", "."]);
        return "";
    }
    if build.arguments.iter().any(|argument| argument.contains("c-shared")) {
        return "initialised";
    }
    match name {
        "cmd/compile" => {
            command.arg("-V");
            "version go"
        }
        "cmd/link" => {
            command.arg("-V");
            "version go"
        }
        "cmd/go" => {
            command.arg("version");
            "go version"
        }
        "cmd/gofmt" => {
            command.arg("-l").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/hello"));
            ""
        }
        _ if name.ends_with("hello") => "hello from wasm",
        _ if name.ends_with("ldflags") && build.label == "-X" => "1.2.3 \"set\" \"\"",
        _ if name.ends_with("ldflags") => "none \"\" \"full\"",
        _ if name == "everything" => "all here",
        _ => "",
    }
}

fn expect(output: &Output, wanted: &str) -> Result<bool> {
    // Go's println writes to the standard error.
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    if !output.status.success() {
        let tail: String = said.chars().take(2000).collect();
        bail!("it ended with {}:\n{tail}", output.status);
    }
    if !said.contains(wanted) {
        bail!("it did not print {wanted:?} but:\n{said}");
    }
    Ok(true)
}

fn goroot(go: &Path) -> Result<PathBuf> {
    let output = Command::new(go).args(["env", "GOROOT"]).env("GOTOOLCHAIN", "local").output()?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

fn node() -> Option<&'static str> {
    static FOUND: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    let starts = || Command::new("node").arg("--version").output().is_ok();
    FOUND.get_or_init(starts).then_some("node")
}
