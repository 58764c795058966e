//! Modules of GOOS=js, run in node with Go's own wasm_exec.js.

use crate::ending::{self, Seen, judge};
use crate::guest::Stop;
use crate::imports::{self, MissingImports};
use crate::plan::Checked;
use crate::run::{check_exports, hex, micros, refused_imports};
use crate::validate::validate;
use crate::verdict::{
    EngineVersion, MissingImport, ModuleId, SCHEMA, Status, Step, StepKind, Verdict,
};
use crate::wasi::Captured;
use crate::world::World;
use crate::{Failure, Limits, Outside, Request, program};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface::Interface;
use gowasm_process::{Confinement, Group};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{ErrorKind, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const RUNNER: &str = include_str!("node_runner.js");
const WASM_PAGE: u64 = 65536;
/// No more than this can be asked of V8: 4 GiB.
const MOST_PAGES: u64 = 65536;
const WATCH: Duration = Duration::from_millis(5);

pub(crate) fn verify(
    module: &[u8],
    interface: &Interface,
    plan: &Checked,
    request: &Request,
) -> Result<Verdict, Failure> {
    let begun = Instant::now();
    let (options, goroot) = surroundings(request.outside)?;
    wasm_exec(goroot)?;
    let version = version(&options.node)?;
    let mut steps = Vec::new();
    let validation = Instant::now();
    let result = validate(module, request.cancel);
    let step =
        Step { time_us: Some(micros(validation.elapsed())), ..Step::new(StepKind::Validate) };
    let valid = result.is_ok();
    steps.push(match result {
        Ok(_) => step,
        Err(reason) => step.failed(reason),
    });
    steps.extend(check_exports(interface, request.manifest));
    if valid {
        steps.push(start(module, goroot, plan, options, request)?);
    }
    if !request.times {
        steps.iter_mut().for_each(|step| step.time_us = None);
    }
    Ok(Verdict {
        schema: SCHEMA,
        passed: steps.iter().all(|step| step.status == Status::Passed),
        engine: EngineVersion { name: "node".to_owned(), version },
        module: ModuleId { sha256: hex(&Sha256::digest(module)), size: module.len() as u64 },
        limits: request.limits,
        time_us: request.times.then(|| micros(begun.elapsed())),
        steps,
    })
}

/// What runs a module: how to start node, and the Go that built it.
fn surroundings(outside: Option<&Outside>) -> Result<(&Outside, &Path), Failure> {
    let goroot = outside.and_then(|outside| Some((outside, outside.goroot.as_deref()?)));
    goroot.ok_or_else(|| {
        environment(
            "a module of GOOS=js needs the Go that built it: its wasm_exec.js is not known"
                .to_owned(),
            "name the Go with --go",
        )
    })
}

fn wasm_exec(goroot: &Path) -> Result<PathBuf, Failure> {
    let wasm_exec = goroot.join("lib").join("wasm").join("wasm_exec.js");
    if wasm_exec.is_file() {
        return Ok(wasm_exec);
    }
    Err(environment(
        format!("{} is missing", wasm_exec.display()),
        "take a complete Go toolchain, 1.24 or later, or build with --no-verify",
    ))
}

fn start(
    module: &[u8],
    goroot: &Path,
    plan: &Checked,
    options: &Outside,
    request: &Request,
) -> Result<Step, Failure> {
    let begun = Instant::now();
    let wanted = Wanted {
        script: plan.js_script.as_deref(),
        refuse: plan.missing_imports == MissingImports::Refuse,
        ..Wanted::new(&plan.world, wasm_exec(goroot)?)
    };
    let ran = run(module, wanted, options, request.limits, request.cancel)?;
    let missing = |[module, name]: [String; 2]| {
        let position = imports::position(request.manifest, &module, &name);
        MissingImport { module, name, position }
    };
    let mut failed = None;
    let stop = match ran.outcome {
        Outcome::Exit(code) => Stop::Exit(code),
        Outcome::Waits => Stop::Waits,
        Outcome::Trap(text) => Stop::Trap(text),
        Outcome::Engine(text) => Stop::Engine(text),
        Outcome::Missing(import) => Stop::Missing(missing(import)),
        Outcome::Failed(why) => {
            failed = Some(why.clone());
            Stop::Engine(why)
        }
        Outcome::Refused(imports) => {
            let imports: Vec<_> = imports.into_iter().map(missing).collect();
            let why = refused_imports(&imports);
            failed = Some(why.clone());
            Stop::Engine(why)
        }
        Outcome::TimedOut => {
            let why =
                format!("still running after {} s", timeout_of(options, request.limits).as_secs());
            failed = Some(why.clone());
            Stop::Engine(why)
        }
    };
    let step = Step { plan_line: plan.start.line, ..Step::named(StepKind::Start, "run") };
    let told = ran.stderr.text().is_some_and(|text| refused_memory(&text));
    let memory_denied =
        told || matches!(&stop, Stop::Trap(why) | Stop::Engine(why) if refused_memory(why));
    let seen = Seen { stdout: &ran.stdout, stderr: &ran.stderr, memory_denied, host_calls: &[] };
    let mut step = judge(step, &ending::Wanted::of_start(plan), Err(&stop), Ok(None), &seen);
    step.time_us = Some(micros(begun.elapsed()));
    if let Some(why) = failed {
        step = step.failed(why);
    }
    if step.status == Status::Failed {
        step.stdout = ran.stdout.text();
        step.stderr = ran.stderr.text();
    }
    Ok(step)
}

/// Runs a module as a program of this machine.
pub(crate) fn program(
    module: &[u8],
    world: &World,
    limits: Limits,
    outside: Option<&Outside>,
    cancel: &AtomicBool,
) -> Result<program::Ended, Failure> {
    let (options, goroot) = surroundings(outside)?;
    version(&options.node)?;
    let wanted = Wanted { live: true, ..Wanted::new(world, wasm_exec(goroot)?) };
    let ran = run(module, wanted, options, limits, cancel)?;
    Ok(match ran.outcome {
        Outcome::Exit(code) => program::Ended::Exit(code),
        Outcome::Trap(why) | Outcome::Engine(why) | Outcome::Failed(why) => {
            program::Ended::Trap(why)
        }
        Outcome::Missing([module, name]) => program::Ended::Trap(format!(
            "the import `{module}.{name}` was called, and nothing supplies it"
        )),
        Outcome::TimedOut => program::Ended::Trap(Stop::OutOfTime.to_string()),
        Outcome::Waits | Outcome::Refused(_) => program::Ended::Trap("it was stopped".to_owned()),
    })
}

pub(crate) fn version(program: &Path) -> Result<String, Failure> {
    let output = gowasm_process::output(node(program).arg("--version"));
    let output = output.map_err(|error| no_node(program, &error))?;
    let version = String::from_utf8_lossy(&output.stdout).trim().trim_start_matches('v').to_owned();
    if !output.status.success() || version.is_empty() {
        let message = format!("`{} --version` ended with {}", program.display(), output.status);
        return Err(environment(message, "install Node.js 20 or later, or use --no-verify"));
    }
    Ok(version)
}

fn node(program: &Path) -> Command {
    let mut command = Command::new(program);
    clean(&mut command);
    command
}

/// Keeps settings of the user's surroundings away from node.
pub(crate) fn clean(command: &mut Command) -> &mut Command {
    command.env_remove("NODE_OPTIONS").env_remove("NODE_PATH")
}

/// What an engine's process needs beside the module's memory: for itself, and for the module's code.
const OWN_BYTES: u64 = 512 << 20;
const CODE_FACTOR: u64 = 16;

/// No more memory than the limit and what the engine itself needs; no network, no processes.
pub(crate) fn confinement(module_bytes: u64, memory_bytes: u64) -> Confinement {
    let code = module_bytes.saturating_mul(CODE_FACTOR);
    let memory_bytes = memory_bytes.saturating_add(OWN_BYTES).saturating_add(code);
    Confinement { memory_bytes, isolated: true }
}

/// The words of V8 and of Go's runtime for it.
pub(crate) fn refused_memory(said: &str) -> bool {
    let words =
        ["out of memory", "allocation failed", "Cannot allocate memory", "could not allocate"];
    words.iter().any(|words| said.contains(words))
}

/// Of the one step there is.
fn timeout_of(options: &Outside, limits: Limits) -> Duration {
    options.timeout.min(Duration::from_secs(limits.seconds))
}

pub(crate) fn temporary(error: std::io::Error) -> Failure {
    environment(format!("cannot write a temporary file: {error}"), "free some space, or set TMPDIR")
}

fn no_node(program: &Path, error: &std::io::Error) -> Failure {
    let program = program.display();
    let message = match error.kind() {
        ErrorKind::NotFound => format!("{program} is not there: modules of GOOS=js run in it"),
        _ => format!("{program} cannot be started: {error}"),
    };
    environment(
        message,
        "install Node.js 20 or later and put it in PATH, or build with --no-verify",
    )
}

pub(crate) fn environment(message: String, hint: &str) -> Failure {
    Failure::Environment(Diagnostic::error(message).hint(hint))
}

/// What the runner is told, as JSON in a file.
#[derive(Serialize)]
struct Wanted<'w> {
    wasm_exec: PathBuf,
    args: &'w [String],
    env: BTreeMap<&'w str, &'w str>,
    script: Option<&'w str>,
    /// Imports that nothing supplies are enough not to run it.
    refuse: bool,
    /// It has the standard streams of this process.
    live: bool,
    /// It has node's file system, which cannot be narrowed.
    machine: bool,
}

impl<'w> Wanted<'w> {
    fn new(world: &'w World, wasm_exec: PathBuf) -> Self {
        let args = world.args.as_deref().unwrap_or_default();
        let env = world.env.iter().filter_map(|pair| pair.split_once('=')).collect();
        let machine = !world.dirs.is_empty();
        Wanted { wasm_exec, args, env, script: None, refuse: false, live: false, machine }
    }
}

/// The files of one run, in a folder of its own.
#[derive(Serialize)]
struct Files<'w> {
    module: PathBuf,
    outcome: PathBuf,
    #[serde(flatten)]
    wanted: Wanted<'w>,
}

/// How it ended, as the runner writes it down.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Exit(i32),
    Waits,
    Trap(String),
    /// What V8 could not do.
    Engine(String),
    Missing([String; 2]),
    Refused(Vec<[String; 2]>),
    /// It could not be begun.
    Failed(String),
    #[serde(skip)]
    TimedOut,
}

struct Ran {
    outcome: Outcome,
    stdout: Captured,
    stderr: Captured,
}

fn run(
    module: &[u8],
    wanted: Wanted<'_>,
    options: &Outside,
    limits: Limits,
    cancel: &AtomicBool,
) -> Result<Ran, Failure> {
    let folder = gowasm_scratch::Folder::new("verify").map_err(temporary)?;
    let place = |name: &str| folder.path().join(name);
    let (script, request) = (place("runner.js"), place("request.json"));
    let live = wanted.live;
    let files = Files { module: place("module.wasm"), outcome: place("outcome"), wanted };
    let text = serde_json::to_vec(&files).map_err(|error| temporary(error.into()))?;
    for (file, bytes) in
        [(&script, RUNNER.as_bytes()), (&request, text.as_slice()), (&files.module, module)]
    {
        std::fs::write(file, bytes).map_err(temporary)?;
    }
    let pages = (limits.memory_bytes / WASM_PAGE).clamp(1, MOST_PAGES);
    let stream = || if live { Stdio::inherit() } else { Stdio::piped() };
    let mut command = node(&options.node);
    command
        .arg(format!("--wasm-max-mem-pages={pages}"))
        .args([&script, &request])
        .stdin(if live { Stdio::inherit() } else { Stdio::null() })
        .stdout(stream())
        .stderr(stream());
    let all = confinement(module.len() as u64, limits.memory_bytes);
    Confinement { isolated: !live, ..all }
        .apply(&mut command)
        .map_err(|error| no_node(&options.node, &error))?;
    let started = match live && std::io::stdin().is_terminal() {
        true => gowasm_process::spawn_on_terminal(&mut command),
        false => gowasm_process::spawn(&mut command),
    };
    let (mut child, group) = started.map_err(|error| no_node(&options.node, &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (ended, stdout, stderr) = std::thread::scope(|scope| {
        let stdout = scope.spawn(move || capture(stdout));
        let stderr = scope.spawn(move || capture(stderr));
        let ended = wait((&mut child, &group), timeout_of(options, limits), cancel);
        (ended, stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default())
    });
    let outcome = match ended {
        Ended::Interrupted => return Err(Failure::Interrupted),
        Ended::Failed(error) => return Err(environment(format!("node: {error}"), "try again")),
        Ended::TimedOut => Outcome::TimedOut,
        Ended::Status(status) => {
            let told = std::fs::read(&files.outcome).unwrap_or_default();
            let ended = |_| Outcome::Engine(format!("node ended with {status}"));
            serde_json::from_slice(&told).unwrap_or_else(ended)
        }
    };
    Ok(Ran { outcome, stdout, stderr })
}

enum Ended {
    Status(std::process::ExitStatus),
    TimedOut,
    Interrupted,
    Failed(std::io::Error),
}

fn wait((child, group): (&mut Child, &Group), timeout: Duration, cancel: &AtomicBool) -> Ended {
    let begun = Instant::now();
    let early = loop {
        match group.try_wait(child) {
            Ok(Some(status)) => return Ended::Status(status),
            Ok(None) if cancel.load(Ordering::Relaxed) => break Ended::Interrupted,
            Ok(None) if begun.elapsed() >= timeout => break Ended::TimedOut,
            Ok(None) => std::thread::sleep(WATCH),
            Err(error) => break Ended::Failed(error),
        }
    };
    // It may have ended by itself in the meantime, which is as good.
    group.kill();
    let _ = group.wait(child);
    early
}

/// Reads to the end, so that a program that writes much is not held up; keeps the first part.
fn capture(stream: Option<impl Read>) -> Captured {
    let mut captured = Captured::default();
    let Some(mut stream) = stream else { return captured };
    let mut buffer = vec![0; 1 << 16];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return captured,
            Ok(count) => captured.write(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return captured,
        }
    }
}
