//! A command run as a program, in a world that its caller chose.

use crate::engine::{self, Effort};
use crate::guest::{self, Stop, Watch};
use crate::sandbox::Sandbox;
use crate::world::{Content, Preopened, World};
use crate::{Engine, Failure, Kind, Limits, Outside, imports, node};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is run, and with what.
pub struct Program<'a> {
    pub module: &'a [u8],
    /// How messages name the module.
    pub shown: &'a str,
    pub world: &'a World,
    pub limits: Limits,
    /// `None` takes the one that fits the module.
    pub engine: Option<Engine>,
    /// For engines in processes of their own.
    pub outside: Option<&'a Outside>,
    pub cancel: &'a Arc<AtomicBool>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    Exit(i32),
    /// Why it could not go on.
    Trap(String),
}

/// Runs `_start` to its end. Only what runs is validated.
pub fn run(program: &Program<'_>) -> Result<Ended, Failure> {
    let interface = interface::read(program.module).map_err(|fault| Failure::Input(vec![fault]))?;
    match Kind::of(&interface) {
        Kind::Command => {}
        Kind::Reactor => {
            let hint = "a reactor waits for calls: say with a plan which, and use `gowasm verify --plan FILE`";
            return Err(refused(program, "is a reactor: it has no `_start`", hint));
        }
        Kind::Js => return js(program),
    }
    let engine = program.engine.unwrap_or(Engine::Wasmi);
    let engine = engine::prepare(engine, program.outside, Effort::Much)?;
    let plan = Arc::new(crate::plan::Checked::none());
    let refuse =
        |reason| Failure::Input(vec![Diagnostic::error(format!("{}: {reason}", program.shown))]);
    let imports = imports::bind(&interface, &plan, None).map_err(refuse)?;
    let ended = crate::run::on_deep_stack(|| {
        let load = engine.load(program.module, &interface, imports, program.limits);
        let loaded = load?;
        let deadline = guest::after(program.limits.seconds);
        let watch = Watch { stop: program.cancel.clone(), deadline };
        let sandbox = Sandbox::new(&*loaded, &plan, program.limits, program.world, &watch);
        let mut sandbox = sandbox.map_err(|stop| stop.to_string())?;
        sandbox.begin(program.limits, None);
        let result = sandbox.call("_start", &[]);
        Ok(match result {
            Err(Stop::Trap(why)) if sandbox.seen().memory_denied => Err(Stop::Trap(format!(
                "{why} (the memory limit of {} bytes was reached)",
                program.limits.memory_bytes
            ))),
            other => other,
        })
    })?
    .map_err(refuse)?;
    match ended {
        Ok(_) => Ok(Ended::Exit(0)),
        Err(Stop::Exit(code)) => Ok(Ended::Exit(code)),
        Err(Stop::Interrupted) => Err(Failure::Interrupted),
        Err(stop) => Ok(Ended::Trap(stop.to_string())),
    }
}

/// In node, whose file system cannot be narrowed.
fn js(program: &Program<'_>) -> Result<Ended, Failure> {
    let whole = |dir: &Preopened| {
        dir.guest == "/" && matches!(&dir.content, Content::Host(host) if host == Path::new("/"))
    };
    if !matches!(program.engine, None | Some(Engine::Node)) {
        return Err(refused(
            program,
            "is built for GOOS=js: only node runs it",
            "use --engine node",
        ));
    }
    if !program.world.dirs.iter().all(whole) {
        let why = "is built for GOOS=js, and node cannot give it one directory alone";
        return Err(refused(program, why, "give it all of them: --dir /"));
    }
    if program.limits.steps != u64::MAX {
        let why = "is built for GOOS=js, and node counts no instructions";
        return Err(refused(program, why, "leave out --step-limit"));
    }
    node::program(program.module, program.world, program.limits, program.outside, program.cancel)
}

fn refused(program: &Program<'_>, why: &str, hint: &str) -> Failure {
    Failure::Input(vec![Diagnostic::error(format!("{} {why}", program.shown)).hint(hint)])
}
