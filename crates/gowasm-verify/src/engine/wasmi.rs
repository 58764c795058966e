//! wasmi: an interpreter, and the default.
//!
//! Calls run in slices of fuel: between two slices the step limit and the interruption are looked
//! at, and the call is resumed where it stopped. Host functions that call back into the module draw
//! on the same steps.

use super::Loaded;
use super::inside::{self, values};
use crate::guest::{Guest, Limiter, STACK_BYTES, State, Stop, no_function};
use crate::imports::Import;
use crate::value::Val;
use gowasm_directive::WasmType;
use std::sync::Arc;
use wasmi::errors::{HostError, MemoryError, TableError};
use wasmi::{
    AsContext, AsContextMut, Caller, CompilationMode, Config, CustomFuelCosts, Engine, F32, F64,
    Func, FuncType, Instance, Linker, Memory, Module, ResourceLimiter, ResumableCall, Store,
    TrapCode, Val as WasmiVal, ValType,
};
use wasmi_core::LimiterError;

/// Checked against Cargo.lock by a test.
pub(crate) const VERSION: &str = "2.0.0";
/// Steps between two looks at the interruption: some hundredths of a second.
const SLICE: u64 = 10_000_000;
/// Go programs recurse deeply, and a goroutine's stack is limited by memory alone.
const RECURSION: usize = 100_000;

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
            // What is not a trap is a function that wasmi cannot translate: it does that at the first call.
            Some(
                TrapCode::StackOverflow
                | TrapCode::GrowthOperationLimited
                | TrapCode::OutOfSystemMemory,
            )
            | None => Stop::Engine(error.to_string()),
            Some(_) => Stop::Trap(error.to_string()),
        }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.allows_memory(desired, maximum))
    }

    fn memory_grow_failed(&mut self, _: &MemoryError) -> Result<(), LimiterError> {
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, LimiterError> {
        Ok(self.allows_table(current, desired, maximum))
    }

    fn table_grow_failed(&mut self, _: &TableError) -> Result<(), LimiterError> {
        Ok(())
    }

    fn instances(&self) -> usize {
        inside::INSTANCES
    }

    fn tables(&self) -> usize {
        inside::TABLES
    }

    fn memories(&self) -> usize {
        inside::MEMORIES
    }
}

struct Ready {
    module: Module,
    linker: Linker<Data>,
}

struct Data {
    state: State,
    /// Steps that have not been handed to the engine yet.
    budget: u64,
    instance: Option<Instance>,
    memory: Option<Memory>,
}

/// Translates nothing yet, and gives every import of the module its function.
pub(crate) fn load(bytes: &[u8], imports: Vec<Import>) -> Result<Box<dyn Loaded>, String> {
    let engine = Engine::new(&config());
    let module = Module::new(&engine, bytes).map_err(|error| error.to_string())?;
    let mut linker = Linker::new(&engine);
    linker.allow_shadowing(true);
    for import in imports {
        let types = |list: &[WasmType]| list.iter().filter_map(|&wasm| val_type(wasm)).collect();
        let (params, results): (Vec<_>, Vec<_>) =
            (types(&import.signature.params), types(&import.signature.results));
        let import = Arc::new(import);
        let behind = import.clone();
        linker
            .func_new(
                &import.module,
                &import.name,
                FuncType::new(params, results),
                move |caller, args, results| {
                    let args: Vec<_> = args.iter().filter_map(of_engine).collect();
                    let result = behind.call(&mut Context(caller), &args)?;
                    if let (Some(place), Some(result)) = (results.first_mut(), result) {
                        *place = to_engine(result);
                    }
                    Ok(())
                },
            )
            .map_err(|error| error.to_string())?;
    }
    Ok(Box::new(Ready { module, linker }))
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

values!(WasmiVal, ValType, F32::from_bits, F32::to_bits, F64::from_bits, F64::to_bits);

impl Loaded for Ready {
    fn instantiate(&self, state: State) -> Result<Box<dyn Guest + '_>, Stop> {
        let data = Data { state, budget: SLICE, instance: None, memory: None };
        let mut store = Store::new(self.module.engine(), data);
        store.limiter(|data| &mut data.state.limiter);
        refuel(&mut store, SLICE)?;
        let instance = self.linker.instantiate_and_start(&mut store, &self.module)?;
        let memory = instance.get_memory(&store, "memory");
        let data = store.data_mut();
        (data.instance, data.memory) = (Some(instance), memory);
        Ok(Box::new(Context(store)))
    }
}

/// The store, or what a function of the host has of it.
struct Context<C>(C);

trait Access: AsContextMut<Data = Data> {
    fn data(&mut self) -> &mut Data;
}

impl Access for Store<Data> {
    fn data(&mut self) -> &mut Data {
        self.data_mut()
    }
}

impl Access for Caller<'_, Data> {
    fn data(&mut self) -> &mut Data {
        self.data_mut()
    }
}

impl<C: Access> Context<C> {
    fn memory(&mut self) -> &mut [u8] {
        let memory = self.0.as_context().data().memory;
        memory.map(|memory| memory.data_mut(self.0.as_context_mut())).unwrap_or_default()
    }
}

impl<C: Access> Guest for Context<C> {
    fn state(&mut self) -> &mut State {
        &mut self.0.data().state
    }

    fn memory_bytes(&mut self) -> u64 {
        self.memory().len() as u64
    }

    fn bytes(&mut self, address: u32, length: u32) -> Option<Vec<u8>> {
        inside::bytes(self.memory(), address, length)
    }

    fn write(&mut self, address: u32, bytes: &[u8]) -> Option<()> {
        inside::write(self.memory(), address, bytes)
    }

    fn call(&mut self, export: &str, args: &[Val]) -> Result<Vec<Val>, Stop> {
        let instance = self.0.data().instance;
        let function = instance.and_then(|instance| instance.get_func(self.0.as_context(), export));
        let function = function.ok_or_else(|| no_function(export))?;
        let args: Vec<_> = args.iter().map(|&arg| to_engine(arg)).collect();
        let results = run(&mut self.0, function, &args)?;
        Ok(results.iter().filter_map(of_engine).collect())
    }

    fn charge(&mut self, steps: u64) -> Result<(), Stop> {
        self.0.data().state.watch().look()?;
        let left = self.0.as_context().get_fuel()?;
        let data = self.0.data();
        let from_budget = steps.saturating_sub(left);
        data.budget = data.budget.checked_sub(from_budget).ok_or(Stop::OutOfSteps)?;
        self.0.as_context_mut().set_fuel(left.saturating_sub(steps))?;
        Ok(())
    }

    fn allow(&mut self, steps: u64) {
        // A store without fuel metering cannot be: the engine was configured with it.
        let _ = self.0.as_context_mut().set_fuel(0);
        self.0.data().budget = steps;
    }

    fn steps_left(&mut self) -> Option<u64> {
        let left = self.0.as_context().get_fuel().ok()?;
        Some(left.saturating_add(self.0.data().budget))
    }
}

/// Calls a function, slice by slice.
fn run(
    context: &mut impl AsContextMut<Data = Data>,
    function: Func,
    args: &[WasmiVal],
) -> Result<Vec<WasmiVal>, Stop> {
    let kinds = function.ty(context.as_context());
    let mut results: Vec<WasmiVal> =
        kinds.results().iter().map(|&kind| WasmiVal::default_for_ty(kind)).collect();
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
fn refuel(context: &mut impl AsContextMut<Data = Data>, wanted: u64) -> Result<(), Stop> {
    let mut context = context.as_context_mut();
    let left = context.get_fuel()?;
    let data = context.data_mut();
    data.state.watch().look()?;
    let grant = wanted.saturating_sub(left).min(data.budget);
    if grant == 0 && left < wanted {
        return Err(Stop::OutOfSteps);
    }
    data.budget -= grant;
    context.set_fuel(left + grant)?;
    Ok(())
}
