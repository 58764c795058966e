//! Gives a linked module its name once it has been run as its plan says.

use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use gowasm_verify::{Engine, Limits, MissingImports, Outside, Plan, Request};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub struct Verify {
    pub module: PathBuf,
    pub manifest: PathBuf,
    pub plan: Option<PathBuf>,
    /// For modules of GOOS=js: the root of the Go SDK, whose wasm_exec.js runs them, and node.
    pub js: Option<(PathBuf, PathBuf)>,
    pub limits: Limits,
    /// In place of what the plan says.
    pub missing_imports: Option<MissingImports>,
    /// Where the module goes once it has passed.
    pub output: PathBuf,
    pub verdict: PathBuf,
}

pub fn verify(request: &Verify, cancel: &AtomicBool) -> Result<(), Failure> {
    let module = files::read(&request.module)?;
    let manifest: Manifest =
        serde_json::from_slice(&files::read(&request.manifest)?).map_err(|error| {
            let message = format!("{} is no manifest: {error}", request.manifest.display());
            Failure::input(Diagnostic::error(message))
        })?;
    let plan = request.plan.as_deref().map(read_plan).transpose()?;
    let engine = Engine::for_module(&module).map_err(Failure::input)?;
    let outside = match (engine, &request.js) {
        (Engine::Node, Some((sdk, node))) => {
            let node = files::absolute(node)?;
            Some(Outside { node, ..Outside::new(Some(files::absolute(sdk)?)) })
        }
        _ => None,
    };
    let name = request.output.file_name().map(|name| name.to_string_lossy());
    let verdict = gowasm_verify::verify(
        &module,
        &Request {
            plan: plan.as_ref(),
            name: name.as_deref(),
            missing_imports: request.missing_imports,
            limits: request.limits,
            engine: Some(engine),
            manifest: Some(&manifest),
            outside: outside.as_ref(),
            // The same inputs give the same bytes.
            times: false,
            cancel,
        },
    )?;
    if !verdict.passed {
        return Err(Failure::Rejected(Box::new(verdict)));
    }
    files::write(&request.verdict, verdict.to_json().as_bytes())?;
    files::write(&request.output, &module)
}

fn read_plan(place: &Path) -> Result<Plan, Failure> {
    let shown = place.display().to_string();
    let text = String::from_utf8(files::read(place)?)
        .map_err(|_| Failure::input(Diagnostic::error(format!("{shown} is not UTF-8"))))?;
    Plan::parse(&text, &shown).map_err(Failure::Input)
}
