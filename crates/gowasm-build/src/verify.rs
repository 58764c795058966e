//! The verify action: the module is run against the plan, unless the same was done before.

use crate::build::Session;
use crate::link::Linked;
use crate::toolchain::Toolchain;
use crate::{Failure, process, remote};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Goos, Manifest};
use gowasm_store::{Action, ActionKey, ActionResult, Blob, Blobs, Digest, Judge};
use gowasm_verify::{Engine, Outside, Plan, Verdict};
use std::io;
use std::path::{Path, PathBuf};

/// A plan and the bytes it was read from.
pub(crate) struct ReadPlan {
    plan: Plan,
    text: Vec<u8>,
}

pub(crate) struct Verified {
    pub(crate) text: String,
    pub(crate) from_store: bool,
}

impl Verified {
    /// What the verification did not see, as warnings.
    pub(crate) fn remarks(&self) -> Vec<Diagnostic> {
        let verdict = serde_json::from_str::<Verdict>(&self.text);
        verdict.map(|verdict| verdict.remarks().collect()).unwrap_or_default()
    }
}

/// Reads the plan first of all: nobody wants to wait for a build to learn of a typing error in it.
pub(crate) fn read_plan(session: &Session<'_>) -> Result<Option<ReadPlan>, Failure> {
    let Some(path) = &session.request.plan else { return Ok(None) };
    let place = session.request.started_in.join(path);
    let shown = session.shown(&place);
    let text = read_regular(&place).map_err(|error| {
        let diagnostic = Diagnostic::error(format!("cannot read the plan {shown}: {error}"));
        Failure::input(diagnostic.hint("--plan takes a TOML file; docs/plans.md describes it"))
    })?;
    let plan = Plan::parse(&text, &shown).map_err(Failure::Input)?;
    Ok(Some(ReadPlan { plan, text: text.into_bytes() }))
}

/// A pipe might never end, and opening it might wait for ever.
fn read_regular(place: &Path) -> io::Result<String> {
    const LARGEST: u64 = 1 << 30;
    let metadata = place.metadata()?;
    match metadata.is_dir() || (metadata.is_file() && metadata.len() <= LARGEST) {
        true => std::fs::read_to_string(place),
        false => Err(io::Error::other("it is no file of a size that a plan has")),
    }
}

/// Only a verdict that lets the module pass comes back.
pub(crate) fn verify(
    session: &mut Session<'_>,
    toolchain: &Toolchain,
    linked: &Linked,
    manifest: &Manifest,
    plan: Option<&ReadPlan>,
    name: &str,
) -> Result<Verified, Failure> {
    let action = action(session, toolchain, linked, manifest, plan, name)?
        .encode()
        .map_err(|error| session.store_failure(&error))?;
    let outside = Outside::new(Some(toolchain.goroot.clone()));
    let request = gowasm_verify::Request {
        plan: plan.map(|read| &read.plan),
        name: Some(name),
        missing_imports: session.request.missing_imports,
        limits: session.request.limits,
        engine: Some(engine(session)),
        manifest: Some(manifest),
        outside: Some(&outside),
        times: true,
        cancel: session.cancel,
    };
    // What a server says is written anew, as we write it.
    let judge = |result: ActionResult| -> Result<ActionResult, String> {
        let verdict: Verdict =
            serde_json::from_slice(&result.stdout).map_err(|_| "it has no verdict")?;
        verdict.answers(&linked.bytes, &request)?;
        if !verdict.passed {
            return Err("a verdict of a failure is not kept".to_owned());
        }
        let stdout = verdict.to_json().into_bytes();
        Ok(ActionResult { stdout, ..ActionResult::default() })
    };
    let found = from_store(session, &action.key, &judge);
    session.show_warnings();
    if let Some(text) = found {
        return Ok(Verified { text, from_store: true });
    }
    // Node is not on every worker.
    if engine(session) == Engine::Wasmi
        && let Some(result) =
            remote::execute(session, &action, || blobs(linked, manifest, plan), &judge)?
    {
        return executed(session, &result, |verdict| verdict.answers(&linked.bytes, &request));
    }
    let verdict = gowasm_verify::verify(&linked.bytes, &request)?;
    if !verdict.passed {
        return Err(Failure::Rejected(Box::new(verdict)));
    }
    let text = verdict.to_json();
    session.keep(|store| {
        let stdout = text.clone().into_bytes();
        store.keep_action(&action, &ActionResult { stdout, ..ActionResult::default() })
    });
    Ok(Verified { text, from_store: false })
}

/// What the cluster saw.
fn executed(
    session: &Session<'_>,
    result: &ActionResult,
    answers: impl Fn(&Verdict) -> Result<(), String>,
) -> Result<Verified, Failure> {
    let verdict = serde_json::from_slice::<Verdict>(&result.stdout).map_err(|why| why.to_string());
    match verdict.and_then(|verdict| answers(&verdict).map(|()| verdict)) {
        Ok(verdict) if verdict.passed && result.exit_code == 0 => {
            let text = String::from_utf8_lossy(&result.stdout).into_owned();
            Ok(Verified { text, from_store: false })
        }
        Ok(verdict) if !verdict.passed => Err(Failure::Rejected(Box::new(verdict))),
        other => {
            let why = other.err().unwrap_or_default();
            let said = format!("{why} {}", String::from_utf8_lossy(&result.stderr));
            let server = session.request.servers.options().executor_url().unwrap_or_default();
            let message = format!("the remote executor {server} gave no verdict: {said}");
            Err(Failure::Environment(Diagnostic::error(message)))
        }
    }
}

/// Where a worker gets the bytes of the inputs from.
fn blobs(linked: &Linked, manifest: &Manifest, plan: Option<&ReadPlan>) -> Result<Blobs, Failure> {
    let program = program()?;
    let tool = Digest::of_file(&program)
        .map_err(|error| Failure::io("read the program", &program, &error))?;
    let mut blobs = Blobs::from([(tool, Blob::File(program))]);
    let texts = [Some(manifest.to_json().into_bytes()), plan.map(|read| read.text.clone())];
    for bytes in texts.into_iter().flatten().chain([linked.bytes.clone()]) {
        blobs.insert(Digest::of(&bytes), Blob::Bytes(bytes));
    }
    Ok(blobs)
}

fn program() -> Result<PathBuf, Failure> {
    std::env::current_exe()
        .map_err(|error| Failure::io("find the program", Path::new("gowasm"), &error))
}

fn engine(session: &Session<'_>) -> Engine {
    match session.request.target.goos {
        Goos::Wasip1 => Engine::Wasmi,
        Goos::Js => Engine::Node,
    }
}

/// What the verdict depends on. Failures are not kept: they are worth another look.
fn action(
    session: &mut Session<'_>,
    toolchain: &Toolchain,
    linked: &Linked,
    manifest: &Manifest,
    plan: Option<&ReadPlan>,
    name: &str,
) -> Result<Action, Failure> {
    let limits = session.request.limits;
    let engine = engine(session);
    // A program finds its name there.
    let module = format!("module/{name}");
    let mut arguments = vec![
        // As a worker runs it, in the folder of the inputs. The verdict is what it prints.
        "tool/gowasm".to_owned(),
        "verify".to_owned(),
        module.clone(),
        "--manifest=module.manifest.json".to_owned(),
        "--message-format=json".to_owned(),
        format!("--memory-limit={}", limits.memory_bytes),
        format!("--step-limit={}", limits.steps),
        format!("--time-limit={}", limits.seconds),
    ];
    if plan.is_some() {
        arguments.push("--plan=plan.toml".to_owned());
    }
    if let Some(wanted) = session.request.missing_imports {
        arguments.push(format!("--missing-imports={}", wanted.as_str()));
    }
    let mut action = Action::new(arguments)
        .input_digest("tool/gowasm", session.digest(&program()?)?, true)
        .input_digest(module, linked.digest, true)
        .input_bytes("module.manifest.json", manifest.to_json().as_bytes(), false);
    if let Some(read) = plan {
        action = action.input_bytes("plan.toml", &read.text, false);
    }
    for (name, value) in &session.request.servers.options().exec_properties {
        action = action.platform(name, value);
    }
    if engine == Engine::Node {
        for (name, file) in [
            ("tool/node", process::on_path(Path::new("node"))),
            ("tool/wasm_exec.js", Some(wasm_exec(toolchain))),
        ] {
            // Where one is missing the verification says so.
            if let Some(file) = file.filter(|file| file.is_file()) {
                action = action.input_digest(name, session.digest(&file)?, true);
            }
        }
    }
    Ok(action)
}

/// What node runs a module of js with.
pub(crate) fn wasm_exec(toolchain: &Toolchain) -> PathBuf {
    toolchain.goroot.join("lib").join("wasm").join("wasm_exec.js")
}

fn from_store(session: &Session<'_>, key: &ActionKey, judge: &Judge<'_>) -> Option<String> {
    let text = String::from_utf8(session.store.get_action_if(key, judge)?.stdout).ok()?;
    let verdict: Verdict = serde_json::from_str(&text).ok()?;
    verdict.passed.then_some(text)
}
