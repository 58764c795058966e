//! `gowasm verify` in each engine beside wasmtime and wazero themselves: from a file to what it did.

use super::Findings;
use super::measure::{Sample, measure, measure_exit, median, seconds};
use crate::project;
use crate::table::Table;
use crate::tools::{self, Go};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The newest when this was written; its default compiler is Cranelift.
const WASMTIME: &str = "50.0.1";
/// That of the engine in gowasm.
const WAZERO: &str = "v1.10.1";
const ENGINES: [&str; 5] = ["wasmi", "winch", "wasmtime", "node", "wazero"];
const RUNS: usize = 3;

const HELLO: &str = "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println(\"hello\") }\n";
const HTTP: &str = "package main\n\nimport (\n\t\"fmt\"\n\t\"net/http\"\n\t\"os\"\n\t\"text/template\"\n)\n\n\
     func main() {\n\ttemplate.Must(template.New(\"t\").Parse(\"{{.}}\\n\")).Execute(os.Stdout, \"hello\")\n\
     \tfmt.Fprintln(os.Stderr, http.StatusText(404))\n}\n";

/// A command, and what it is started with.
struct Program {
    name: String,
    module: PathBuf,
    plan: PathBuf,
    argument: &'static str,
    exit: i32,
}

pub(super) fn run() -> Result<Findings> {
    let gowasm = project::release_with("gowasm", &["wasmtime"])?;
    let go = &tools::current_gos()?[0];
    let scratch = tempfile::tempdir()?;
    let wazero = wazero(go)?;
    let wasmtime = tools::pip_package("wasmtime", WASMTIME)?;
    let mut table = Table::new(["program", "who runs it", "wall", "ratio to wasmi"]);
    for program in programs(go, scratch.path())? {
        let mut who: Vec<(String, Run<'_>)> = Vec::new();
        for engine in ENGINES {
            let (gowasm, program) = (&gowasm, &program);
            let ours = move || {
                let mut command = Command::new(gowasm);
                command.args(["verify", "--quiet", "--engine", engine]).arg(&program.module);
                measure(command.arg("--plan").arg(&program.plan).arg("--go").arg(&go.path))
            };
            who.push((format!("gowasm verify --engine {engine}"), Box::new(ours)));
        }
        who.push((format!("wazero {WAZERO}"), Box::new(|| wazero_peer(&wazero, &program))));
        let peer = || wasmtime_peer(&wasmtime, &program);
        who.push((format!("wasmtime {WASMTIME} (library)"), Box::new(peer)));
        measure_all(&program, &who, &mut table)?;
    }
    let conditions = format!(
        "commands of Go {}, medians of {RUNS}, all in turn; ours validate, run and judge, each in a process of its own",
        go.version
    );
    Ok(Findings { conditions, table })
}

type Run<'r> = Box<dyn Fn() -> Result<Sample> + 'r>;

fn measure_all(program: &Program, who: &[(String, Run<'_>)], table: &mut Table) -> Result<()> {
    let mut times = vec![Vec::new(); who.len()];
    for _ in 0..RUNS {
        for ((_, run), times) in who.iter().zip(&mut times) {
            times.push(run()?.wall);
        }
    }
    let medians: Vec<f64> = times.into_iter().map(|times| median(times.into_iter())).collect();
    for ((name, _), wall) in who.iter().zip(&medians) {
        let ratio = format!("{:.2}", wall / medians[0]);
        // The whole takes minutes.
        eprintln!("{}: {name}: {}, {ratio}", program.name, seconds(*wall));
        table.row([program.name.clone(), name.clone(), seconds(*wall), ratio]);
    }
    Ok(())
}

/// Name, source unless it is Go's own, argument, what it prints, exit code.
type Source = (&'static str, Option<&'static str>, &'static str, &'static str, i32);

fn programs(go: &Go, scratch: &Path) -> Result<Vec<Program>> {
    let all: [Source; 3] = [
        ("hello", Some(HELLO), "-", "hello\n", 0),
        ("net/http", Some(HTTP), "-", "hello\n", 0),
        // It gets as far as to miss its GOROOT.
        ("cmd/go", None, "version", "", 2),
    ];
    let build = |(name, text, argument, stdout, exit): Source| {
        let folder = scratch.join(name.replace('/', "-"));
        fs::create_dir_all(&folder)?;
        let module = folder.join("m.wasm");
        let mut build = Command::new(&go.path);
        build.args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&module);
        match text {
            Some(text) => {
                fs::write(folder.join("main.go"), text)?;
                build.arg("main.go")
            }
            None => build.arg(name),
        };
        build.envs([("GOOS", "wasip1"), ("GOARCH", "wasm")]).current_dir(&folder);
        project::run(&mut build)?;
        let plan = folder.join("plan.toml");
        let world = format!("[world]\nargs = {:?}\n", [name, argument]);
        let exits = if exit == 0 { String::new() } else { format!("exits = {exit}\n") };
        fs::write(&plan, world + &format!("[start]\nstdout = {stdout:?}\n") + &exits)?;
        let size = fs::metadata(&module)?.len() as f64 / 1e6;
        Ok(Program { name: format!("{name}, {size:.1} MB"), module, plan, argument, exit })
    };
    all.into_iter().map(build).collect()
}

/// wazero's own command line.
fn wazero(go: &Go) -> Result<PathBuf> {
    let name = format!("wazero-{WAZERO}");
    let folder = tools::once(&name, |folder| {
        let mut install = Command::new(&go.path);
        install.arg("install").arg(format!("github.com/tetratelabs/wazero/cmd/wazero@{WAZERO}"));
        install.env("GOBIN", folder).env("GOTOOLCHAIN", "local").env_remove("GOFLAGS");
        project::run(install.current_dir(folder))
    })?;
    Ok(folder.join("wazero"))
}

fn wazero_peer(wazero: &Path, program: &Program) -> Result<Sample> {
    let mut command = Command::new(wazero);
    command.arg("run").arg(&program.module).arg(program.argument);
    measure_exit(&mut command, program.exit)
}

/// Its command line is in no registry as a program; the library does the same. The time is taken inside
/// the process: starting Python is not its fault.
fn wasmtime_peer(wasmtime: &Path, program: &Program) -> Result<Sample> {
    let mut command = Command::new("python3");
    command.arg(project::root().join("crates/xtask/fixtures/wasmtime_peer.py"));
    command.arg(program.exit.to_string()).arg(&program.module).arg(program.argument);
    command.env("PYTHONPATH", wasmtime);
    let text = project::output(&mut command)?;
    let wall: f64 = text.trim().parse().context("the peer printed no time")?;
    Ok(Sample { wall, user: f64::NAN, peak: f64::NAN })
}
