//! The steps of a verification.

use crate::ending::{self, Wanted, judge};
use crate::engine::{Loaded, Ready};
use crate::guest::{self, Stop, Watch};
use crate::imports::MissingImports;
use crate::plan::{CallLimits, Checked, Output, Place, ReadyArg, ReadyCall, ReadyEnding};
use crate::sandbox::Sandbox;
use crate::validate::validate;
use crate::value::{self, Val};
use crate::verdict::{MissingImport, ModuleId, SCHEMA, Status, Step, StepKind, Verdict};
use crate::world::World;
use crate::{Failure, Kind, Limits, Request, imports};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use gowasm_directive::interface::Interface;
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Host functions and the module may call each other inside one another, and compiled code runs on it.
const THREAD_STACK: usize = 128 << 20;
const WATCH: Duration = Duration::from_millis(20);

/// Runs the module on a thread of its own, while this one validates all of it and then watches for
/// an interruption.
pub(crate) fn verify(
    module: &[u8],
    interface: &Interface,
    kind: Kind,
    plan: Arc<Checked>,
    engine: &Ready,
    request: &Request,
) -> Result<Verdict, Failure> {
    let begun = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let runner = Runner {
        engine,
        limits: request.limits,
        watch: Watch { stop: stop.clone(), deadline: guest::after(request.limits.seconds) },
        is_late: Cell::new(false),
        kept: Cell::new(KEPT),
        plan,
        manifest: request.manifest,
    };
    let exports = check_exports(interface, request.manifest);
    let (validated, ran, sha256) = std::thread::scope(|scope| {
        let (done, finished) = channel();
        let name = "gowasm-verify".to_owned();
        let builder = std::thread::Builder::new().name(name).stack_size(THREAD_STACK);
        builder
            .spawn_scoped(scope, move || {
                // The receiver is there until this was received.
                let _ = done.send(runner.steps(module, interface, kind));
            })
            .map_err(|error| thread_failure(&error))?;
        let started = Instant::now();
        let result = validate(module, request.cancel);
        let validated = (result, started.elapsed());
        let sha256 = hex(&Sha256::digest(module));
        if validated.0.is_err() {
            stop.store(true, Ordering::Relaxed);
        }
        let ran = loop {
            match finished.recv_timeout(WATCH) {
                Ok(steps) => break steps,
                Err(RecvTimeoutError::Timeout) => {
                    if request.cancel.load(Ordering::Relaxed) {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
                // Only a panic ends the thread before it has sent; the scope passes it on.
                Err(RecvTimeoutError::Disconnected) => break Vec::new(),
            }
        };
        Ok((validated, ran, sha256))
    })?;
    if request.cancel.load(Ordering::Relaxed) {
        return Err(Failure::Interrupted);
    }
    let (result, time) = validated;
    let mut first = Step { time_us: Some(micros(time)), ..Step::new(StepKind::Validate) };
    let mut steps = ran;
    if let Err(reason) = result {
        first = first.failed(reason);
        // What an invalid module did is worth nothing.
        steps.clear();
    }
    steps.splice(0..0, std::iter::once(first).chain(exports));
    if !request.times {
        steps.iter_mut().for_each(|step| step.time_us = None);
    }
    Ok(Verdict {
        schema: SCHEMA,
        passed: steps.iter().all(|step| step.status == Status::Passed),
        engine: engine.version(),
        module: ModuleId { sha256, size: module.len() as u64 },
        limits: request.limits,
        time_us: request.times.then(|| micros(begun.elapsed())),
        steps,
    })
}

/// Runs something that calls a module, and waits for it.
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Failure> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().stack_size(THREAD_STACK);
        let thread = builder.spawn_scoped(scope, work).map_err(|error| thread_failure(&error))?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn thread_failure(error: &std::io::Error) -> Failure {
    Failure::Environment(Diagnostic::error(format!("cannot start a thread: {error}")))
}

/// Every export of the manifest, held against the module.
pub(crate) fn check_exports(interface: &Interface, manifest: Option<&Manifest>) -> Vec<Step> {
    let promised = manifest.map(|manifest| manifest.exports.as_slice()).unwrap_or_default();
    let mut suggestions = 0..20;
    let check = |export: &gowasm_directive::ManifestExport| {
        let step = Step::named(StepKind::Export, &export.name);
        let Some(found) = interface.export(&export.name) else {
            let names = interface.exports.iter().map(|export| export.name.as_str());
            // As long as there are names: not for each of thousands.
            let near = suggestions.next().and_then(|_| crate::nearest(&export.name, names));
            return step.failed(match near {
                Some(near) => format!("the module has no such export; it has `{near}`"),
                None => "the module has no such export".to_owned(),
            });
        };
        if found.item.kind() != export.kind {
            let (found, wanted) = (found.item.kind(), export.kind);
            return step.failed(
                format!("the module exports a {found:?}, not a {wanted:?}").to_lowercase(),
            );
        }
        match found.item.func_type() {
            Some(found)
                if export.params.as_ref().is_some_and(|params| *params != found.params)
                    || export.results.as_ref().is_some_and(|results| *results != found.results) =>
            {
                step.failed(format!("the module has it as {found}"))
            }
            _ => step,
        }
    };
    promised.iter().map(check).collect()
}

/// Where each import is to be there.
pub(crate) fn refused_imports(missing: &[MissingImport]) -> String {
    let names: Vec<_> = missing.iter().map(|import| import.to_string()).collect();
    format!("no [[host]] of the plan supplies {}", names.join(", "))
}

struct Runner<'r> {
    engine: &'r Ready,
    limits: Limits,
    watch: Watch,
    /// A step was told that the time of all of them is over.
    is_late: Cell<bool>,
    /// How much of what failed steps wrote a verdict may still hold.
    kept: Cell<usize>,
    plan: Arc<Checked>,
    manifest: Option<&'r Manifest>,
}

/// Of what all failed steps wrote.
const KEPT: usize = 32 << 20;

/// Why nothing after it can run.
const NOT_READY: &str = "the module could not be initialised";
const WANTS_ARGUMENTS: &str = "with a program's name as its first argument it can be: it looks at \
    `os.Args[0]`, and most hosts of reactors pass no arguments. Have the package look at `len(os.Args)` \
    first, or, for a host that passes them, give them in a plan: `[world]` with `args = [\"name\"]`";

impl Runner<'_> {
    fn steps(&self, module: &[u8], interface: &Interface, kind: Kind) -> Vec<Step> {
        let begun = Instant::now();
        let both =
            interface.export("_start").is_some() && interface.export("_initialize").is_some();
        let step = Step::new(StepKind::Instantiate);
        if both {
            return vec![step.failed("exports both `_start` and `_initialize`: engines refuse it")];
        }
        let imports = match imports::bind(interface, &self.plan, self.manifest) {
            Ok(imports) => imports,
            Err(reason) => return vec![step.failed(reason)],
        };
        let step = Step { missing_imports: imports::missing(&imports), ..step };
        let refuses = self.plan.missing_imports == MissingImports::Refuse;
        if refuses && !step.missing_imports.is_empty() {
            let reason = refused_imports(&step.missing_imports);
            return vec![step.failed(reason)];
        }
        let loaded = match self.engine.load(module, interface, imports, self.limits) {
            Ok(loaded) => loaded,
            Err(reason) => return vec![step.failed(reason)],
        };
        let mut sandbox = match self.sandbox(&*loaded) {
            Ok(sandbox) => sandbox,
            Err(stop) => return vec![step.failed(self.refusal(&stop))],
        };
        let mut steps = vec![Step { time_us: Some(micros(begun.elapsed())), ..step }];
        if kind == Kind::Command {
            steps.push(self.start(&mut sandbox));
            return steps;
        }
        let initializes = interface.export("_initialize").is_some();
        if initializes {
            steps.push(self.initialize(&*loaded, &mut sandbox));
        }
        let ready = steps.iter().all(|step| step.status == Status::Passed);
        if !ready {
            let skip = |call: &ReadyCall| described(call).skipped(NOT_READY);
            steps.extend(self.plan.calls.iter().map(skip));
            return steps;
        }
        if let Some(import) = steps.last().and_then(|step| step.stopped_at.clone()) {
            let reason = format!("the initialisation was stopped at a call of {import}");
            let fail = |call: &ReadyCall| described(call).failed(reason.clone());
            steps.extend(self.plan.calls.iter().map(fail));
            return steps;
        }
        self.calls(&*loaded, sandbox, initializes, &mut steps);
        steps
    }

    fn sandbox<'l>(&self, loaded: &'l dyn Loaded) -> Result<Sandbox<'l>, Stop> {
        Sandbox::new(loaded, &self.plan, self.limits, &self.plan.world, &self.watch)
    }

    fn refusal(&self, stop: &Stop) -> String {
        format!("{stop} (the memory limit is {} bytes)", self.limits.memory_bytes)
    }

    fn start(&self, sandbox: &mut Sandbox<'_>) -> Step {
        let start = &self.plan.start;
        let step = Step { plan_line: start.line, ..Step::named(StepKind::Start, "_start") };
        let begun = Instant::now();
        sandbox.begin(self.narrowed(start.limits), start.limits.time);
        let result = ending::as_exit(sandbox.call("_start", &[]));
        self.finish(
            judged(step, &Wanted::of_start(&self.plan), result.as_deref(), sandbox),
            sandbox,
            self.narrowed(start.limits),
            begun,
        )
    }

    /// The verification's limits, or the call's own where those are narrower.
    fn narrowed(&self, own: CallLimits) -> Limits {
        Limits {
            steps: own.steps.unwrap_or(u64::MAX).min(self.limits.steps),
            memory_bytes: own.memory_bytes.unwrap_or(u64::MAX).min(self.limits.memory_bytes),
            ..self.limits
        }
    }

    fn initialize(&self, loaded: &dyn Loaded, sandbox: &mut Sandbox<'_>) -> Step {
        let step = Step::named(StepKind::Initialize, "_initialize");
        let begun = Instant::now();
        sandbox.begin(self.limits, None);
        let result = sandbox.call("_initialize", &[]);
        let (ending, output) = (ReadyEnding::Returns(None), Output::default());
        let may_stop = self.plan.missing_imports == MissingImports::Stop;
        let wanted =
            Wanted { ending: &ending, output: &output, may_stop, open: false, any_exit: false };
        let mut step = judged(step, &wanted, result.as_deref(), sandbox);
        step = self.finish(step, sandbox, self.limits, begun);
        if let Err(Stop::Trap(_) | Stop::Exit(_)) = result {
            step.hint = self.wants_arguments(loaded);
        }
        step
    }

    /// Hosts of reactors pass no arguments, and a Go package may count on the program's name nevertheless.
    /// An initialisation that goes well with a name is the proof that this is why it failed.
    fn wants_arguments(&self, loaded: &dyn Loaded) -> Option<String> {
        if self.plan.world.args.is_some() {
            return None;
        }
        let args = Some(vec!["module.wasm".to_owned()]);
        let world = World { args, ..self.plan.world.clone() };
        let sandbox = Sandbox::new(loaded, &self.plan, self.limits, &world, &self.watch);
        let mut sandbox = sandbox.ok()?;
        sandbox.begin(self.limits, None);
        sandbox.call("_initialize", &[]).ok()?;
        Some(WANTS_ARGUMENTS.to_owned())
    }

    /// Calls share an instance until one traps or exits; the next gets a new one, unless it is to
    /// find out what an ended instance says.
    fn calls<'l>(
        &self,
        loaded: &'l dyn Loaded,
        first: Sandbox<'l>,
        initializes: bool,
        steps: &mut Vec<Step>,
    ) {
        let mut current = Some((first, false));
        let mut ended = None;
        for call in &self.plan.calls {
            if self.is_over() {
                let step = described(call);
                steps.push(match self.is_late.replace(true) {
                    true => step.skipped("the time limit was reached before"),
                    false => step.failed(self.late()),
                });
                continue;
            }
            if call.uninitialized {
                ended = None;
                steps.push(self.uninitialized(loaded, call));
                continue;
            }
            if call.ended {
                steps.push(match &mut ended {
                    Some(sandbox) => self.call(call, sandbox).0,
                    None => described(call).failed("the call before it neither trapped nor exited"),
                });
                continue;
            }
            if call.fresh && current.as_ref().is_some_and(|(_, used)| *used) {
                current = None;
            }
            let (mut sandbox, _) = match current.take() {
                Some(current) => current,
                None => match self.another(loaded, initializes) {
                    Ok(sandbox) => {
                        // Engines in a process of their own have one instance at a time.
                        ended = None;
                        (sandbox, false)
                    }
                    Err(reason) => {
                        steps.push(described(call).failed(reason));
                        continue;
                    }
                },
            };
            let (step, sound) = self.call(call, &mut sandbox);
            steps.push(step);
            match sound {
                true => current = Some((sandbox, true)),
                false => ended = Some(sandbox),
            }
            if self.watch.stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    /// A call that comes too early, on an instance that nothing else is asked of.
    fn uninitialized(&self, loaded: &dyn Loaded, call: &ReadyCall) -> Step {
        match self.another(loaded, false) {
            Ok(mut sandbox) => self.call(call, &mut sandbox).0,
            Err(reason) => described(call).failed(reason),
        }
    }

    fn another<'l>(
        &self,
        loaded: &'l dyn Loaded,
        initializes: bool,
    ) -> Result<Sandbox<'l>, String> {
        let mut sandbox = self.sandbox(loaded).map_err(|stop| self.refusal(&stop))?;
        if initializes {
            sandbox.begin(self.limits, None);
            let again = sandbox.call("_initialize", &[]);
            again.map_err(|stop| format!("a fresh instance could not be initialised: {stop}"))?;
        }
        Ok(sandbox)
    }

    /// The step, and whether the instance may be called again.
    fn call(&self, call: &ReadyCall, sandbox: &mut Sandbox<'_>) -> (Step, bool) {
        let begun = Instant::now();
        let limits = self.narrowed(call.limits);
        sandbox.begin(limits, call.limits.time);
        let step = described(call);
        let (args, placed) = match arguments(call, sandbox) {
            Ok(args) => args,
            Err(stop) => {
                let step = step.failed(format!("an argument could not be placed: {stop}"));
                return (self.finish(step, sandbox, limits, begun), false);
            }
        };
        if let Err(reason) = write(call, sandbox) {
            return (self.finish(step.failed(reason), sandbox, limits, begun), true);
        }
        let result = sandbox.call(&call.export, &args);
        let (ending, output) = (&call.ending, &call.output);
        let wanted = Wanted { ending, output, may_stop: false, open: false, any_exit: false };
        let step = judged(step, &wanted, result.as_deref(), sandbox);
        let step = match (&result, step.status) {
            (Ok(values), Status::Passed) => match read(call, &args, values, sandbox) {
                Ok(()) => step,
                Err(reason) => step.failed(reason),
            },
            _ => step,
        };
        let step = self.finish(step, sandbox, limits, begun);
        if result.is_err() {
            return (step, false);
        }
        match self.release(&placed, sandbox) {
            Ok(()) => (step, true),
            Err(stop) if step.status == Status::Passed => {
                (step.failed(format!("an argument could not be released: {stop}")), false)
            }
            Err(_) => (step, false),
        }
    }

    fn release(&self, placed: &[u32], sandbox: &mut Sandbox<'_>) -> Result<(), Stop> {
        let Some(release) = &self.plan.release else { return Ok(()) };
        for &address in placed {
            sandbox.call(release, &[Val::I32(address as i32)])?;
        }
        Ok(())
    }

    /// Time, instructions, and, for a failure, what was written.
    fn finish(
        &self,
        mut step: Step,
        sandbox: &mut Sandbox<'_>,
        limits: Limits,
        begun: Instant,
    ) -> Step {
        step.time_us = Some(micros(begun.elapsed()));
        step.instructions = sandbox.instructions(limits);
        if self.is_over() {
            self.is_late.set(true);
            step = step.failed(self.late());
        }
        if step.status == Status::Failed {
            step.stdout = self.keep(sandbox.seen().stdout.text());
            step.stderr = self.keep(sandbox.seen().stderr.text());
        }
        step
    }
}

impl Runner<'_> {
    fn is_over(&self) -> bool {
        self.watch.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn late(&self) -> String {
        let seconds = self.limits.seconds;
        format!("the time limit of {seconds} s for all steps was reached (--time-limit)")
    }

    /// What a step wrote, as long as there is room for it.
    fn keep(&self, written: Option<String>) -> Option<String> {
        let written = written?;
        Some(match self.kept.get().checked_sub(written.len()) {
            Some(left) => {
                self.kept.set(left);
                written
            }
            None => format!("[{} bytes were not kept]\n", written.len()),
        })
    }
}

/// Judges a call by what it returned and left behind.
fn judged(
    step: Step,
    wanted: &Wanted<'_>,
    result: Result<&[Val], &Stop>,
    sandbox: &mut Sandbox<'_>,
) -> Step {
    let compared = match (wanted.ending, result) {
        (ReadyEnding::Returns(Some(wanted)), Ok(values)) => sandbox.compare(wanted, values.first()),
        _ => Ok(None),
    };
    judge(step, wanted, result, compared, &sandbox.seen())
}

fn described(call: &ReadyCall) -> Step {
    let shown = |arg: &ReadyArg| match arg {
        ReadyArg::Value(value) => value::show(value),
        ReadyArg::Bytes { bytes, .. } => match std::str::from_utf8(bytes) {
            Ok(text) if text.len() <= 60 => format!("{text:?}"),
            _ => format!("{} bytes", bytes.len()),
        },
        ReadyArg::OfHost(number) => format!("argument {number}"),
        ReadyArg::Saved(name) => name.clone(),
    };
    let args: Vec<_> = call.args.iter().map(shown).collect();
    Step {
        args: (!args.is_empty()).then(|| args.join(", ")),
        plan_line: Some(call.line),
        ..Step::named(StepKind::Call, &call.export)
    }
}

/// The values to pass, and the addresses that were allocated for them.
fn arguments(call: &ReadyCall, sandbox: &mut Sandbox<'_>) -> Result<(Vec<Val>, Vec<u32>), Stop> {
    let (mut args, mut placed) = (Vec::new(), Vec::new());
    for arg in &call.args {
        match arg {
            ReadyArg::Value(value) => args.push(*value),
            ReadyArg::Bytes { bytes, pointer_only } => {
                let address = sandbox.place(bytes)?;
                placed.push(address);
                args.push(Val::I32(address as i32));
                if !pointer_only {
                    args.push(Val::I32(bytes.len() as i32));
                }
            }
            ReadyArg::Saved(name) => args.push(saved(sandbox, name)?),
            // The plan's check lets it stand only in a host function's call.
            ReadyArg::OfHost(_) => {}
        }
    }
    Ok((args, placed))
}

/// A result that an earlier call saved; a fresh instance has none.
fn saved(sandbox: &mut Sandbox<'_>, name: &str) -> Result<Val, Stop> {
    sandbox.saved.get(name).copied().ok_or_else(|| {
        Stop::Trap(format!(
            "nothing is saved as `{name}`: the call failed that saves it, or its instance has ended"
        ))
    })
}

/// Puts into memory what the plan wants there before the call.
fn write(call: &ReadyCall, sandbox: &mut Sandbox<'_>) -> Result<(), String> {
    for look in &call.writes {
        let address = match &look.place {
            Place::Saved(name) => address(&saved(sandbox, name).map_err(|stop| stop.to_string())?),
            Place::Address(address) => *address,
            // The reader lets them stand only among reads.
            Place::Result | Place::Argument(_) => continue,
        };
        sandbox.write(address, &look.bytes.bytes)?;
    }
    Ok(())
}

/// Saves the result, and looks at the memory after the call.
fn read(
    call: &ReadyCall,
    args: &[Val],
    results: &[Val],
    sandbox: &mut Sandbox<'_>,
) -> Result<(), String> {
    if let (Some(name), Some(result)) = (&call.save, results.first()) {
        sandbox.saved.insert(name.clone(), *result);
    }
    for look in &call.reads {
        let address = match &look.place {
            Place::Address(address) => *address,
            Place::Result => results.first().map_or(0, address),
            Place::Argument(number) => args.get(*number).map_or(0, address),
            Place::Saved(name) => address(&saved(sandbox, name).map_err(|stop| stop.to_string())?),
        };
        sandbox.holds(address, &look.bytes)?;
    }
    Ok(())
}

fn address(value: &Val) -> u32 {
    value.i32().unwrap_or(0) as u32
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
