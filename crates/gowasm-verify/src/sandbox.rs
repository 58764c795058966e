//! One instance of a module in wasmi, and calls into it that always come to an end.
//!
//! Calls run in slices of fuel: between two slices the step limit and the interruption are looked
//! at, and the call is resumed where it stopped. Host functions that call back into the module draw
//! on the same steps.

use crate::ending::Seen;
use crate::wasi::Wasi;
use crate::world::World;
use crate::{Limits, host, wasi};
use gowasm_directive::WasmType;
use gowasm_directive::interface::{Interface, Item};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use wasmi::errors::{HostError, MemoryError, TableError};
use wasmi::{
    AsContextMut, Caller, CompilationMode, Config, CustomFuelCosts, Engine, Func, FuncType,
    Instance, Linker, Memory, Module, ResourceLimiter, ResumableCall, Store, TrapCode, Val,
    ValType,
};
use wasmi_core::LimiterError;

/// Steps between two looks at the interruption: some hundredths of a second.
const SLICE: u64 = 10_000_000;
/// Go programs recurse deeply, and a goroutine's stack is limited by memory alone.
const RECURSION: usize = 100_000;
const STACK_BYTES: usize = 64 << 20;
/// How often the host and the module may call each other inside one another.
const REENTRANCY: u32 = 100;
const TABLE_ELEMENTS: usize = 10_000_000;

/// Why a call did not return.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    Trap(String),
    Exit(i32),
    OutOfSteps,
    OutOfTime,
    Interrupted,
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Trap(text) => f.write_str(text),
            Stop::Exit(code) => write!(f, "exit with code {code}"),
            Stop::OutOfSteps => f.write_str("the step limit was reached"),
            Stop::OutOfTime => f.write_str("the time limit was reached"),
            Stop::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Stop {}
impl HostError for Stop {}

impl From<Stop> for wasmi::Error {
    fn from(stop: Stop) -> Self {
        wasmi::Error::host(stop)
    }
}

impl From<wasmi::Error> for Stop {
    fn from(error: wasmi::Error) -> Self {
        if let Some(stop) = error.downcast_ref::<Stop>() {
            return stop.clone();
        }
        match error.as_trap_code() {
            Some(TrapCode::OutOfFuel) => Stop::OutOfSteps,
            _ => Stop::Trap(error.to_string()),
        }
    }
}

/// What belongs to one instance beside the module's own state.
pub(crate) struct State {
    pub(crate) wasi: Wasi,
    pub(crate) memory: Option<Memory>,
    pub(crate) plan: Arc<crate::plan::Checked>,
    limiter: Limiter,
    /// Steps that have not been handed to the engine yet.
    budget: u64,
    depth: u32,
    /// When the step must be over.
    deadline: Option<Instant>,
    /// The calls of the plan's host functions in this step, as a plan writes them.
    pub(crate) host_calls: Vec<String>,
    stop: Arc<AtomicBool>,
}

struct Limiter {
    memory_bytes: usize,
    denied: bool,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let allowed = desired <= self.memory_bytes;
        self.denied |= !allowed;
        Ok(allowed && maximum.is_none_or(|maximum| desired <= maximum))
    }

    fn memory_grow_failed(&mut self, _: &MemoryError) -> Result<(), LimiterError> {
        Ok(())
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        let limit = maximum.unwrap_or(TABLE_ELEMENTS).min(TABLE_ELEMENTS);
        Ok(desired <= limit)
    }

    fn table_grow_failed(&mut self, _: &TableError) -> Result<(), LimiterError> {
        Ok(())
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        1
    }
}

/// A module that is ready to be instantiated any number of times.
pub(crate) struct Loaded {
    module: Module,
    linker: Linker<State>,
    plan: Arc<crate::plan::Checked>,
}

impl Loaded {
    pub(crate) fn new(
        bytes: &[u8],
        interface: &Interface,
        plan: Arc<crate::plan::Checked>,
    ) -> Result<Self, String> {
        let engine = Engine::new(&config());
        let module = Module::new(&engine, bytes).map_err(|error| error.to_string())?;
        let linker = link(&engine, interface, &plan)?;
        Ok(Loaded { module, linker, plan })
    }
}

/// Lazy: of a Go module's functions a plan reaches one in ten. What is run is validated before,
/// and the whole module is validated beside it (validate.rs).
fn config() -> Config {
    let mut config = Config::default();
    config
        .compilation_mode(CompilationMode::Lazy)
        .ignore_custom_sections(true)
        .allow_start_fn(false)
        .consume_fuel(true)
        // Steps are what the module does: translating it does not count.
        .fuel_cost(CustomFuelCosts {
            bytes_copied_per_fuel: 64,
            fuel_per_bytes_translated: 0,
            fuel_per_bytes_validated: 0,
        })
        .set_max_recursion_depth(RECURSION)
        .set_max_stack_height(STACK_BYTES);
    config
}

/// Gives every import of the module its function: WASI, the plan's, or one that traps.
fn link(
    engine: &Engine,
    interface: &Interface,
    plan: &Arc<crate::plan::Checked>,
) -> Result<Linker<State>, String> {
    let mut linker = Linker::new(engine);
    linker.allow_shadowing(true);
    for import in &interface.imports {
        let (module, name) = (import.module.as_str(), import.name.as_str());
        let Item::Func(signature) = &import.item else {
            return Err(format!(
                "the import `{module}.{name}` is no function; Go imports only functions"
            ));
        };
        let types =
            |list: &[WasmType]| list.iter().map(|&wasm| val_type(wasm)).collect::<Option<Vec<_>>>();
        let (Some(params), Some(results)) = (types(&signature.params), types(&signature.results))
        else {
            return Err(format!(
                "the import `{module}.{name}` is {signature}: this engine has no such type"
            ));
        };
        let func_type = FuncType::new(params, results);
        let declared =
            plan.hosts.iter().position(|host| host.module == module && host.name == name);
        let defined = match (wasi::lookup(module, name, signature)?, declared) {
            (Some(function), _) => {
                linker.func_new(module, name, func_type, move |mut caller, args, results| {
                    let errno = wasi::call(function, &mut caller, args)?;
                    if let Some(result) = results.first_mut() {
                        *result = Val::I32(errno.into());
                    }
                    Ok(())
                })
            }
            (None, Some(index)) => {
                linker.func_new(module, name, func_type, move |caller, args, results| {
                    host::call(caller, index, args, results).map_err(wasmi::Error::from)
                })
            }
            (None, None) => {
                let message = undeclared(module, name);
                linker.func_new(module, name, func_type, move |_, _, _| {
                    Err(Stop::Trap(message.clone()).into())
                })
            }
        };
        defined.map_err(|error| error.to_string())?;
    }
    Ok(linker)
}

fn undeclared(module: &str, name: &str) -> String {
    match module {
        crate::WASI => {
            format!("the import `{module}.{name}` was called, which this host does not have")
        }
        _ => format!(
            "the import `{module}.{name}` was called, and no [[host]] of a plan supplies it"
        ),
    }
}

fn val_type(wasm: WasmType) -> Option<ValType> {
    match wasm {
        WasmType::I32 => Some(ValType::I32),
        WasmType::I64 => Some(ValType::I64),
        WasmType::F32 => Some(ValType::F32),
        WasmType::F64 => Some(ValType::F64),
        WasmType::V128 | WasmType::Ref => None,
    }
}

/// One instance. After a `Stop` it must not be called again.
pub(crate) struct Sandbox {
    store: Store<State>,
    instance: Instance,
    /// What calls of this instance returned, under the names that the plan gave it.
    pub(crate) saved: HashMap<String, Val>,
}

impl Sandbox {
    pub(crate) fn new(
        loaded: &Loaded,
        limits: Limits,
        world: &World,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, Stop> {
        let state = State {
            wasi: Wasi::new(world).map_err(Stop::Trap)?,
            memory: None,
            plan: loaded.plan.clone(),
            limiter: Limiter {
                memory_bytes: usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX),
                denied: false,
            },
            budget: limits.steps,
            depth: 0,
            deadline: None,
            host_calls: Vec::new(),
            stop: stop.clone(),
        };
        let mut store = Store::new(loaded.module.engine(), state);
        store.limiter(|state| &mut state.limiter);
        refuel(&mut store, SLICE)?;
        let instance = loaded.linker.instantiate_and_start(&mut store, &loaded.module)?;
        store.data_mut().memory = instance.get_memory(&store, "memory");
        Ok(Sandbox { store, instance, saved: HashMap::new() })
    }

    /// Each step of a verification has all the steps of the limit, and output of its own.
    pub(crate) fn begin(&mut self, limits: Limits, time: Option<Duration>) {
        // A store without fuel metering cannot be: the engine was configured with it.
        let _ = self.store.set_fuel(0);
        let state = self.store.data_mut();
        state.budget = limits.steps;
        state.limiter.denied = false;
        state.limiter.memory_bytes = usize::try_from(limits.memory_bytes).unwrap_or(usize::MAX);
        state.deadline = time.and_then(|time| Instant::now().checked_add(time));
        state.host_calls.clear();
        state.wasi.streams.clear();
    }

    pub(crate) fn instructions(&self, limits: Limits) -> u64 {
        let left = self.store.get_fuel().unwrap_or(0).saturating_add(self.store.data().budget);
        limits.steps.saturating_sub(left)
    }

    pub(crate) fn call(&mut self, export: &str, args: &[Val]) -> Result<Vec<Val>, Stop> {
        let function = self.instance.get_func(&self.store, export);
        let function = function.ok_or_else(|| missing(export))?;
        run(&mut self.store, function, args)
    }

    pub(crate) fn place(&mut self, bytes: &[u8]) -> Result<u32, Stop> {
        let plan = self.store.data().plan.clone();
        let name = plan.allocator.as_deref().unwrap_or_default();
        let function = self.instance.get_func(&self.store, name).ok_or_else(|| missing(name))?;
        place(&mut self.store, function, name, bytes)
    }

    /// Bytes put where the plan says; the error is a place outside of the memory.
    pub(crate) fn write(&mut self, address: u32, bytes: &[u8]) -> Result<(), String> {
        let memory = self.store.data().memory;
        let data = memory.map(|memory| memory.data_mut(&mut self.store)).unwrap_or_default();
        let target = data.get_mut(address as usize..).and_then(|data| data.get_mut(..bytes.len()));
        match target {
            Some(target) => {
                target.copy_from_slice(bytes);
                Ok(())
            }
            None => Err(format!(
                "{} bytes at {address:#x} lie outside of the module's memory",
                bytes.len()
            )),
        }
    }

    /// What a step left behind.
    pub(crate) fn seen(&self) -> Seen<'_> {
        let state = self.store.data();
        Seen {
            stdout: &state.wasi.streams.stdout,
            stderr: &state.wasi.streams.stderr,
            memory: state.memory.map(|memory| memory.data(&self.store)).unwrap_or_default(),
            memory_denied: state.limiter.denied,
            host_calls: &state.host_calls,
        }
    }
}

fn missing(export: &str) -> Stop {
    Stop::Trap(format!("the module exports no function `{export}`"))
}

/// Calls a function, slice by slice, until it ends in one way or another.
pub(crate) fn run(
    mut context: impl AsContextMut<Data = State>,
    function: Func,
    args: &[Val],
) -> Result<Vec<Val>, Stop> {
    if context.as_context().data().depth >= REENTRANCY {
        return Err(Stop::Trap(format!(
            "host and module call each other more than {REENTRANCY} deep"
        )));
    }
    context.as_context_mut().data_mut().depth += 1;
    let results = run_slices(&mut context, function, args);
    context.as_context_mut().data_mut().depth -= 1;
    results
}

fn run_slices(
    context: &mut impl AsContextMut<Data = State>,
    function: Func,
    args: &[Val],
) -> Result<Vec<Val>, Stop> {
    let kinds = function.ty(context.as_context());
    let mut results: Vec<Val> =
        kinds.results().iter().map(|&kind| Val::default_for_ty(kind)).collect();
    refuel(context, SLICE)?;
    let mut call = function.call_resumable(context.as_context_mut(), args, &mut results)?;
    loop {
        match call {
            ResumableCall::Finished => return Ok(results),
            ResumableCall::HostTrap(trap) => return Err(trap.into_host_error().into()),
            ResumableCall::OutOfFuel(paused) => {
                refuel(context, SLICE.max(paused.required_fuel()))?;
                call = paused.resume(context.as_context_mut(), &mut results)?;
            }
        }
    }
}

/// Hands the engine at least one more step, and as many as it asks for if there are so many.
fn refuel(context: &mut impl AsContextMut<Data = State>, wanted: u64) -> Result<(), Stop> {
    let mut context = context.as_context_mut();
    let left = context.get_fuel()?;
    let state = context.data_mut();
    if state.stop.load(Ordering::Relaxed) {
        return Err(Stop::Interrupted);
    }
    if state.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
        return Err(Stop::OutOfTime);
    }
    let grant = wanted.saturating_sub(left).min(state.budget);
    if grant == 0 && left < wanted {
        return Err(Stop::OutOfSteps);
    }
    state.budget -= grant;
    context.set_fuel(left + grant)?;
    Ok(())
}

/// Takes steps for work that the host does on the module's behalf.
pub(crate) fn charge(caller: &mut Caller<'_, State>, steps: u64) -> Result<(), Stop> {
    if caller.data().stop.load(Ordering::Relaxed) {
        return Err(Stop::Interrupted);
    }
    let left = caller.get_fuel()?;
    let from_budget = steps.saturating_sub(left);
    if from_budget > caller.data().budget {
        return Err(Stop::OutOfSteps);
    }
    caller.data_mut().budget -= from_budget;
    caller.set_fuel(left.saturating_sub(steps))?;
    Ok(())
}

/// Puts bytes where the module's own allocator says.
pub(crate) fn place(
    mut context: impl AsContextMut<Data = State>,
    allocator: Func,
    name: &str,
    bytes: &[u8],
) -> Result<u32, Stop> {
    let length =
        i32::try_from(bytes.len().max(1)).map_err(|_| Stop::Trap("too many bytes".to_owned()))?;
    // Nothing is asked for as one byte: Go has no address for an empty slice's first element.
    let results = run(context.as_context_mut(), allocator, &[Val::I32(length)])?;
    let address = results.first().and_then(Val::i32).unwrap_or(0) as u32;
    let memory = context.as_context().data().memory;
    let data = memory.map(|memory| memory.data_mut(context.as_context_mut()));
    let target = data
        .and_then(|data| data.get_mut(address as usize..))
        .and_then(|data| data.get_mut(..bytes.len()))
        .filter(|_| address != 0);
    match target {
        Some(target) => target.copy_from_slice(bytes),
        None => {
            let message = format!(
                "the allocator `{name}` returned {address:#x} for {length} bytes: no place in the module's memory"
            );
            return Err(Stop::Trap(message));
        }
    }
    Ok(address)
}
