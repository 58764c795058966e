//! Modules of GOOS=js, run in node with Go's own wasm_exec.js.

use crate::ending::{Seen, judge};
use crate::guest::Stop;
use crate::plan::Checked;
use crate::run::{check_exports, hex, micros};
use crate::validate::validate;
use crate::verdict::{EngineVersion, ModuleId, SCHEMA, Status, Step, StepKind, Verdict};
use crate::wasi::Captured;
use crate::{Failure, Outside, Request};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface::Interface;
use sha2::{Digest, Sha256};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
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
    let goroot = request.outside.and_then(|outside| Some((outside, outside.goroot.as_ref()?)));
    let Some((options, goroot)) = goroot else {
        return Err(environment(
            "a module of GOOS=js needs the Go that built it: its wasm_exec.js is not known"
                .to_owned(),
            "name the Go with --go",
        ));
    };
    let wasm_exec = goroot.join("lib").join("wasm").join("wasm_exec.js");
    if !wasm_exec.is_file() {
        return Err(environment(
            format!("{} is missing", wasm_exec.display()),
            "take a complete Go toolchain, 1.24 or later, or build with --no-verify",
        ));
    }
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
        steps.push(start(module, &wasm_exec, plan, options, request)?);
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

fn start(
    module: &[u8],
    wasm_exec: &Path,
    plan: &Checked,
    options: &Outside,
    request: &Request,
) -> Result<Step, Failure> {
    let begun = Instant::now();
    let ran = run(module, wasm_exec, options, request)?;
    let step = Step { plan_line: plan.start.line, ..Step::named(StepKind::Start, "run") };
    let seen =
        Seen { stdout: &ran.stdout, stderr: &ran.stderr, memory_denied: false, host_calls: &[] };
    let mut step =
        judge(step, &plan.start.ending, &plan.start.output, Err(&ran.stop), Ok(None), &seen);
    step.time_us = Some(micros(begun.elapsed()));
    if step.status == Status::Failed {
        step.stdout = ran.stdout.text();
        step.stderr = ran.stderr.text();
    }
    if let Some(limit) = ran.timed_out {
        step = step.failed(format!("still running after {} s", limit.as_secs()));
    }
    Ok(step)
}

pub(crate) fn version(program: &Path) -> Result<String, Failure> {
    let output = node(program).arg("--version").stdin(Stdio::null()).output();
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

struct Ran {
    stop: Stop,
    stdout: Captured,
    stderr: Captured,
    timed_out: Option<Duration>,
}

fn run(
    module: &[u8],
    wasm_exec: &Path,
    options: &Outside,
    request: &Request,
) -> Result<Ran, Failure> {
    let timeout = options.timeout;
    let folder = tempfile::tempdir().map_err(temporary)?;
    let (script, outcome) = (folder.path().join("runner.js"), folder.path().join("outcome"));
    std::fs::write(&script, RUNNER).map_err(temporary)?;
    let pages = (request.limits.memory_bytes / WASM_PAGE).clamp(1, MOST_PAGES);
    let mut child = node(&options.node)
        .arg(format!("--wasm-max-mem-pages={pages}"))
        .args([&script, wasm_exec, &outcome])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| no_node(&options.node, &error))?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (ended, stdout, stderr) = std::thread::scope(|scope| {
        scope.spawn(move || {
            // A node that ended early reads no further, and says itself why.
            stdin.map(|mut stdin| stdin.write_all(module))
        });
        let stdout = scope.spawn(move || capture(stdout));
        let stderr = scope.spawn(move || capture(stderr));
        let ended = wait(&mut child, timeout, request.cancel);
        (ended, stdout.join().unwrap_or_default(), stderr.join().unwrap_or_default())
    });
    let status = match ended {
        Ended::Interrupted => return Err(Failure::Interrupted),
        Ended::Failed(error) => return Err(environment(format!("node: {error}"), "try again")),
        Ended::TimedOut => None,
        Ended::Status(status) => Some(status),
    };
    let how = std::fs::read_to_string(&outcome).unwrap_or_default();
    let stop = match how.split_once(' ') {
        Some(("exit", code)) => match code.trim().parse() {
            Ok(code) => Stop::Exit(code),
            Err(_) => Stop::Trap(format!("node told of an exit with {code:?}")),
        },
        Some(("trap", text)) => Stop::Trap(text.trim().to_owned()),
        _ => Stop::Trap(match status {
            Some(status) => format!("node ended with {status}"),
            None => "node was stopped".to_owned(),
        }),
    };
    Ok(Ran { stop, stdout, stderr, timed_out: status.is_none().then_some(timeout) })
}

enum Ended {
    Status(std::process::ExitStatus),
    TimedOut,
    Interrupted,
    Failed(std::io::Error),
}

fn wait(child: &mut Child, timeout: Duration, cancel: &AtomicBool) -> Ended {
    let begun = Instant::now();
    let early = loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ended::Status(status),
            Ok(None) if cancel.load(Ordering::Relaxed) => break Ended::Interrupted,
            Ok(None) if begun.elapsed() >= timeout => break Ended::TimedOut,
            Ok(None) => std::thread::sleep(WATCH),
            Err(error) => break Ended::Failed(error),
        }
    };
    // It may have ended by itself in the meantime, which is as good.
    let _ = child.kill();
    let _ = child.wait();
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
