//! An instance as everything here sees it that is not an engine: verifications between two calls,
//! and the functions of the host while the module calls them.

use crate::Limits;
use crate::plan::Checked;
use crate::value::Val;
use crate::verdict::MissingImport;
use crate::wasi::{BYTES_A_STEP, Wasi};
use crate::world::World;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the host and the module may call each other inside one another: each level has a stack in an
/// engine, and all of them together are to take no more memory than the module.
const REENTRANCY: RangeInclusive<u64> = 16..=128;
/// Of one level, in engines of this process.
pub(crate) const STACK_BYTES: usize = 16 << 20;

/// Why a call did not return.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    Trap(String),
    /// The module called an import that nothing supplies.
    Missing(MissingImport),
    /// The engine could not go on, for a limit or a fault of its own or of what is around it. It says
    /// nothing of the module, so that no plan takes it for the trap of a module.
    Engine(String),
    Exit(i32),
    /// A program for js has nothing to do, and may be called.
    Waits,
    OutOfSteps,
    OutOfTime,
    Interrupted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Trap(text) => f.write_str(text),
            Stop::Missing(import) => import.write_called(f),
            Stop::Engine(text) => write!(f, "the engine could not go on: {text}"),
            Stop::Exit(code) => write!(f, "exit with code {code}"),
            Stop::Waits => f.write_str("waits for calls of its functions"),
            Stop::OutOfSteps => f.write_str("the step limit was reached"),
            Stop::OutOfTime => f.write_str("the time limit was reached"),
            Stop::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Stop {}

/// What belongs to one instance beside the module's own state.
pub(crate) struct State {
    pub(crate) wasi: Wasi,
    pub(crate) plan: Arc<Checked>,
    pub(crate) limiter: Limiter,
    /// The calls of the plan's host functions in this step, as a plan writes them.
    pub(crate) host_calls: Vec<String>,
    /// How many arguments they had.
    pub(crate) host_values: usize,
    depth: u64,
    may_be_deep: u64,
    watch: Watch,
    /// When all must be over.
    until: Option<Instant>,
    /// The step has a time limit of its own.
    pub(crate) timed: bool,
}

/// What ends a call that does not end by itself, beside its steps.
#[derive(Clone)]
pub(crate) struct Watch {
    pub(crate) stop: Arc<AtomicBool>,
    /// When the step must be over.
    pub(crate) deadline: Option<Instant>,
}

impl Watch {
    pub(crate) fn look(&self) -> Result<(), Stop> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(Stop::Interrupted);
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(Stop::OutOfTime);
        }
        Ok(())
    }
}

/// The sooner of two moments, either of which may never come.
pub(crate) fn sooner(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    one.into_iter().chain(other).min()
}

/// The moment that is so far away, unless it is beyond all clocks.
pub(crate) fn after(seconds: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_secs(seconds))
}

pub(crate) struct Limiter {
    /// Of memory and tables together.
    pub(crate) memory_bytes: usize,
    pub(crate) of_memory: usize,
    pub(crate) of_tables: usize,
    /// The module asked for more memory than its limit.
    pub(crate) denied: bool,
}

impl State {
    pub(crate) fn new(
        plan: &Arc<Checked>,
        world: &World,
        limits: Limits,
        watch: &Watch,
    ) -> Result<Self, Stop> {
        let stacks = limits.memory_bytes / STACK_BYTES as u64;
        Ok(State {
            wasi: Wasi::new(world).map_err(Stop::Trap)?,
            plan: plan.clone(),
            limiter: Limiter {
                memory_bytes: in_memory(limits.memory_bytes),
                of_memory: 0,
                of_tables: 0,
                denied: false,
            },
            host_calls: Vec::new(),
            host_values: 0,
            depth: 0,
            may_be_deep: stacks.clamp(*REENTRANCY.start(), *REENTRANCY.end()),
            watch: watch.clone(),
            until: watch.deadline,
            timed: false,
        })
    }

    /// Each step of a verification has output of its own, and the time of its limit.
    pub(crate) fn begin(&mut self, limits: Limits, time: Option<Duration>) {
        self.limiter.memory_bytes = in_memory(limits.memory_bytes);
        self.limiter.denied = false;
        let own = time.and_then(|time| Instant::now().checked_add(time));
        self.timed = own.is_some();
        self.watch.deadline = sooner(own, self.until);
        self.host_calls.clear();
        self.host_values = 0;
        self.wasi.streams.clear();
    }

    pub(crate) fn watch(&self) -> &Watch {
        &self.watch
    }
}

fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// One instance in its engine. What it answers after a `Stop` is worth nothing, but for a refusal.
pub(crate) trait Guest {
    fn state(&mut self) -> &mut State;
    /// The size of the module's memory.
    fn memory_bytes(&mut self) -> u64;
    /// Bytes of the module's memory, unless they lie outside of it.
    fn bytes(&mut self, address: u32, length: u32) -> Option<Vec<u8>>;
    /// Puts bytes there, unless some would lie outside of the memory.
    fn write(&mut self, address: u32, bytes: &[u8]) -> Option<()>;
    /// Calls an export, until it ends in one way or another; to be called through `enter`.
    fn call(&mut self, export: &str, args: &[Val]) -> Result<Vec<Val>, Stop>;
    /// Takes steps for work that the host does on the module's behalf.
    fn charge(&mut self, steps: u64) -> Result<(), Stop>;
    /// So many steps may be taken from now on.
    fn allow(&mut self, steps: u64);
    /// Nothing where the engine counts no steps.
    fn steps_left(&mut self) -> Option<u64>;
}

/// Calls an export, from outside or out of a function of the host.
pub(crate) fn enter(guest: &mut dyn Guest, export: &str, args: &[Val]) -> Result<Vec<Val>, Stop> {
    let state = guest.state();
    if state.depth >= state.may_be_deep {
        let deep = state.may_be_deep;
        return Err(Stop::Engine(format!("host and module call each other more than {deep} deep")));
    }
    state.depth += 1;
    let results = guest.call(export, args);
    guest.state().depth -= 1;
    results.map_err(|stop| match stop {
        Stop::Trap(trap) => Stop::Trap(match refusal(guest) {
            Some(reason) if !trap.contains(&reason) => format!("{trap}: {reason}"),
            _ => trap,
        }),
        stop => stop,
    })
}

/// Why the module's guard refused a call, where it did. The reason is taken away, so that it is not
/// found again after a trap of another kind.
fn refusal(guest: &mut dyn Guest) -> Option<String> {
    use gowasm_guard::{REASON, REASON_BYTES, reason_at};
    let (address, length) = reason_at(&guest.bytes(REASON, REASON_BYTES)?)?;
    let text = String::from_utf8(guest.bytes(address, length)?).ok()?;
    let text = text.strip_prefix("gowasm: ")?.trim_end();
    guest.write(REASON, &[0; REASON_BYTES as usize])?;
    Some(text.to_owned())
}

/// Puts bytes where the module's own allocator says.
pub(crate) fn place(guest: &mut dyn Guest, bytes: &[u8]) -> Result<u32, Stop> {
    let plan = guest.state().plan.clone();
    let name = plan.allocator.as_deref().unwrap_or_default();
    guest.charge(bytes.len() as u64 / BYTES_A_STEP)?;
    // Nothing is asked for as one byte: Go has no address for an empty slice's first element.
    let length =
        i32::try_from(bytes.len().max(1)).map_err(|_| Stop::Trap("too many bytes".to_owned()))?;
    let results = enter(guest, name, &[Val::I32(length)])?;
    let address = results.first().and_then(Val::i32).unwrap_or(0) as u32;
    let placed = if address == 0 { None } else { guest.write(address, bytes) };
    match placed {
        Some(()) => Ok(address),
        None => Err(Stop::Trap(format!(
            "the allocator `{name}` returned {address:#x} for {length} bytes: no place in the module's memory"
        ))),
    }
}

pub(crate) fn no_function(export: &str) -> Stop {
    Stop::Trap(format!("the module exports no function `{export}`"))
}
