//! Hosts as users have them, with WASI of their own: what they are told when they call a program that has
//! ended, and what a host does not get that takes no notice of a nested end. The table in docs/guard.md
//! is what they were told.

use crate::support::{Project, Run, gos};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder into which pip installed the hosts of Python.
const PYTHON: &str = "GOWASM_TEST_PYTHON_HOSTS";
/// The folder below which npm installed those of JavaScript.
const NODE: &str = "GOWASM_TEST_NODE_HOSTS";

const NODE_HOSTS: [&str; 3] = ["@extism/extism", "@bjorn3/browser_wasi_shim", "@tybys/wasm-util"];

/// The columns of the table: the cases that they show, and one of what each of these must say.
const COLUMNS: [(&str, &[&str], &[&str]); 6] = [
    ("right order", &["right order"], &["answered"]),
    ("before `_initialize`", &["early"], &["export called before _initialize"]),
    ("after a trap", &["trap", "deadlock"], &["export called after the program trapped"]),
    (
        "after an exit",
        &["exit", "exit 0"],
        // The second is the word of an SDK whose WASI has closed the module.
        &["export called after the program exited", "module is closed"],
    ),
    ("after a time-out", &["time-out"], &["export called after the program trapped"]),
    (
        "nested end that the host swallows",
        &["swallowed trap", "swallowed exit", "swallowed exit 0", "swallowed deadlock"],
        &["a function of the host returned after an export that it had called trapped or exited"],
    ),
];

#[test]
fn hosts_are_told_why_a_call_is_refused() {
    let gos = gos();
    let project = crate::reactor(&gos[0], "safe");
    let build = ["build", "-q", "--no-verify", "--buildmode=c-shared"];
    let more: [&[&str]; 2] = [
        &["--guard", "allow-exit", "-o", "../allow.wasm"],
        // Reasons are shown where names are left out as well.
        &["--size", "small", "--ldflags=-s", "-o", "../small.wasm"],
    ];
    more.iter().for_each(|more| drop(project.ok(&[&build[..], more].concat())));
    let [reactor, allow, small] =
        ["module", "allow", "small"].map(|name| project.path(&format!("{name}.wasm")));
    let mut told = Vec::new();
    match wazero_hosts(&project, &gos) {
        Ok((program, guest)) => {
            for module in [&reactor, &small] {
                told.extend(lines(Command::new(&program).arg(module).arg(&guest)));
            }
        }
        Err(why) => println!("skipped: hosts with wazero: {why}"),
    }
    match installed(PYTHON) {
        Ok(folder) => {
            let python = |script: &str, text: &str| {
                let mut python = Command::new("python3");
                python.arg(project.write(script, text)).env("PYTHONPATH", &folder);
                python
            };
            let mut extism = python("libextism.py", include_str!("hosts/libextism.py"));
            told.extend(lines(extism.arg(&small).arg(&allow)));
            let mut wasmtime = python("in_wasmtime.py", include_str!("hosts/in_wasmtime.py"));
            told.extend(lines(wasmtime.arg(&small)));
        }
        Err(why) => println!("skipped: hosts in Python: {why}"),
    }
    match installed(NODE) {
        Ok(folder) => {
            let script = project.write("node.mjs", include_str!("hosts/node.mjs"));
            for host in NODE_HOSTS {
                let mut node = Command::new("node");
                told.extend(lines(node.arg(&script).arg(&small).arg(&folder).arg(host)));
            }
        }
        Err(why) => println!("skipped: hosts in node: {why}"),
    }
    check(&told);
}

fn installed(variable: &str) -> Result<PathBuf, String> {
    let folder = std::env::var_os(variable).filter(|value| !value.is_empty());
    folder.map(PathBuf::from).ok_or(format!("{variable} is not set; `cargo xtask test` sets it"))
}

/// The program of main.go, and the plugin for those hosts that want exports of their own. Both need
/// packages from the Go module proxy, and a Go that the newest wazero takes.
fn wazero_hosts(project: &Project, gos: &[PathBuf]) -> Result<(PathBuf, PathBuf), String> {
    for (name, text) in [
        ("go.mod", include_str!("hosts/go.mod.txt")),
        ("go.sum", include_str!("hosts/go.sum.txt")),
        ("main.go", include_str!("hosts/main.go")),
        ("guest/main.go", include_str!("hosts/guest/main.go")),
    ] {
        project.write(&format!("hosts/{name}"), text);
    }
    let folder = project.path("hosts");
    let [program, guest] = ["hosts.exe", "guest.wasm"].map(|name| project.path(name));
    let mut why = "no Go".to_owned();
    for go in gos {
        let mut build = Command::new(go);
        build.args(["build", "-o"]).arg(&program).arg(".").current_dir(&folder);
        build.env("GOTOOLCHAIN", "local").env("GOWORK", "off").env("CGO_ENABLED", "0");
        build.env_remove("GOFLAGS").env_remove("GOOS").env_remove("GOARCH");
        let built = Run::of(&mut build);
        if built.code == Some(0) {
            let mut build = project.gowasm(&["build", "-q", "--no-verify", "--buildmode=c-shared"]);
            build.args(["./guest", "-o"]).arg(&guest).current_dir(&folder).env("GOWASM_GO", go);
            let built = Run::of(&mut build);
            assert_eq!(built.code, Some(0), "{}", built.stderr);
            return Ok((program, guest));
        }
        why = built.stderr.trim().replace('\n', "; ");
    }
    Err(why)
}

/// Host, case, and what the host was told.
type Told = (String, String, String);

/// Runs a host, and again where a signal killed it: node 20 may crash when it captures the trace of a trap,
/// with modules as Go's linker writes them as well.
pub(crate) fn patient(command: &mut Command) -> std::io::Result<Run> {
    for _ in 0..4 {
        let run = Run::from(command.output()?);
        if run.code.is_some() {
            return Ok(run);
        }
    }
    Ok(Run::from(command.output()?))
}

fn lines(command: &mut Command) -> Vec<Told> {
    let run = patient(command).unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert_eq!(run.code, Some(0), "{command:?}\n{}{}", run.stdout, run.stderr);
    let parts = |line: &str| {
        let mut parts = line.splitn(3, '\t').map(str::to_owned);
        (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap_or_default())
    };
    // Some shims print words of their own.
    run.stdout.lines().filter(|line| line.contains('\t')).map(parts).collect()
}

fn check(told: &[Told]) {
    let mut wrong = Vec::new();
    for (host, case, said) in told {
        if said.contains("PANIC") || said.contains("nil pointer") {
            wrong.push(format!("{host}: {case}: crashes inside the host: {said}"));
        }
        let wanted = match case.as_str() {
            // The option that lets an instance go on.
            "exit" | "exit 0" if host.ends_with("allow-exit") => &["answered"][..],
            case if case.starts_with("after swallowed") => {
                &["export called after the program trapped"]
            }
            case => {
                let column = COLUMNS.iter().find(|(_, cases, _)| cases.contains(&case));
                column.unwrap_or_else(|| panic!("no column shows {case}")).2
            }
        };
        if !wanted.iter().any(|wanted| said.contains(wanted)) {
            wrong.push(format!("{host}: {case}: {wanted:?} is not in: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guard.md");
    let page = std::fs::read_to_string(page).unwrap();
    let hosts: BTreeSet<&str> = told.iter().map(|(host, ..)| host.as_str()).collect();
    for row in hosts.iter().map(|host| row(host, told)) {
        assert!(page.contains(&row), "docs/guard.md has no row\n{row}");
    }
}

/// What a host was told, as a row of the table.
fn row(host: &str, told: &[Told]) -> String {
    let cell = |cases: &[&str]| {
        let of_host =
            told.iter().filter(|(of, case, _)| of == host && cases.contains(&case.as_str()));
        let words: BTreeSet<&str> = of_host.map(|(.., said)| word(said)).collect();
        words.into_iter().collect::<Vec<_>>().join(", ")
    };
    let cells = COLUMNS.iter().skip(1).map(|(_, cases, _)| format!(" {} |", cell(cases)));
    format!("| {host} |{}", cells.collect::<String>())
}

fn word(said: &str) -> &'static str {
    match said {
        said if said.contains("module is closed") => "`module is closed`",
        // A host of HTTP answers with the reason.
        said if said.contains("gowasm: ") => "refused",
        said if said.starts_with("answered") => "answered",
        _ => "an error",
    }
}
