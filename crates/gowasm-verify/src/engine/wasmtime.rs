//! wasmtime, with either of its compilers. Steps are its fuel; its epochs move on every few hundredths
//! of a second, and then the time and the interruption are looked at.

use super::inside::{self, values};
use super::{Effort, Loaded, refuse_start_function};
use crate::Engine as EngineName;
use crate::Limits;
use crate::guest::{Guest, Limiter, State, Stop, no_function};
use crate::imports::Import;
use crate::value::Val;
use gowasm_directive::WasmType;
use std::convert::identity;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{
    AsContextMut, Caller, Config, Engine, Error, FuncType, Instance, Linker, Memory, Module,
    OptLevel, ResourceLimiter, Store, Strategy, Trap, UpdateDeadline, Val as WasmtimeVal, ValType,
};

/// Checked against Cargo.lock by a test.
pub(super) const VERSION: &str = "41.0.4";
/// Of all levels together; less than the stack of the thread that runs it.
const STACK_BYTES: usize = 64 << 20;
const EPOCH: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Compiler {
    Cranelift(Effort),
    Winch,
}

impl Compiler {
    pub(super) fn engine(self) -> EngineName {
        match self {
            Compiler::Cranelift(_) => EngineName::Wasmtime,
            Compiler::Winch => EngineName::Winch,
        }
    }
}

struct Ready {
    module: Module,
    linker: Linker<Data>,
}

struct Data {
    state: State,
    instance: Option<Instance>,
    memory: Option<Memory>,
}

pub(super) fn load(
    compiler: Compiler,
    bytes: &[u8],
    imports: Vec<Import>,
    limits: Limits,
) -> Result<Box<dyn Loaded>, String> {
    refuse_start_function(bytes)?;
    let ready = compile(config(compiler, limits), bytes, imports).map_err(|error| words(&error))?;
    Ok(Box::new(ready))
}

fn compile(config: Config, bytes: &[u8], imports: Vec<Import>) -> Result<Ready, Error> {
    let engine = Engine::new(&config)?;
    tick(&engine);
    let module = Module::new(&engine, bytes)?;
    let mut linker = Linker::new(&engine);
    linker.allow_shadowing(true);
    for import in imports {
        let types = |list: &[WasmType]| list.iter().filter_map(|&wasm| val_type(wasm)).collect();
        let (params, results): (Vec<_>, Vec<_>) =
            (types(&import.signature.params), types(&import.signature.results));
        let import = Arc::new(import);
        let behind = import.clone();
        let of_type = FuncType::new(&engine, params, results);
        linker.func_new(&import.module, &import.name, of_type, move |caller, args, results| {
            let args: Vec<_> = args.iter().filter_map(of_engine).collect();
            let result = behind.call(&mut Context(caller), &args)?;
            if let (Some(place), Some(result)) = (results.first_mut(), result) {
                *place = to_engine(result);
            }
            Ok(())
        })?;
    }
    Ok(Ready { module, linker })
}

fn config(compiler: Compiler, limits: Limits) -> Config {
    let mut config = Config::new();
    config
        .strategy(match compiler {
            Compiler::Cranelift(_) => Strategy::Cranelift,
            Compiler::Winch => Strategy::Winch,
        })
        // A plan runs little of a module: compiling it is most of the time.
        .cranelift_opt_level(match compiler {
            Compiler::Cranelift(Effort::Much) => OptLevel::Speed,
            _ => OptLevel::None,
        })
        // Counting takes time, and without a limit it is for nothing.
        .consume_fuel(limits.steps != u64::MAX)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES);
    config
}

/// Moves the engine's epochs on, for as long as there is one.
fn tick(engine: &Engine) {
    let weak = engine.weak();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(EPOCH);
            match weak.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    });
}

values!(WasmtimeVal, ValType, identity, identity, identity, identity);

/// The cause alone: what comes before it is where the module was.
fn words(error: &Error) -> String {
    error.root_cause().to_string()
}

fn stopped(error: &Error) -> Stop {
    match (error.downcast_ref::<Stop>(), error.downcast_ref::<Trap>()) {
        (Some(stop), _) => stop.clone(),
        (None, Some(Trap::OutOfFuel)) => Stop::OutOfSteps,
        (None, Some(Trap::StackOverflow) | None) => Stop::Engine(words(error)),
        (None, Some(_)) => Stop::Trap(words(error)),
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Error> {
        Ok(self.allows_memory(desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Error> {
        Ok(self.allows_table(current, desired, maximum))
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

impl Loaded for Ready {
    fn instantiate(&self, state: State) -> Result<Box<dyn Guest + '_>, Stop> {
        let data = Data { state, instance: None, memory: None };
        let mut store = Store::new(self.module.engine(), data);
        store.limiter(|data| &mut data.state.limiter);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| {
            context.data().state.watch().look()?;
            Ok(UpdateDeadline::Continue(1))
        });
        let instance = self.linker.instantiate(&mut store, &self.module);
        let instance = instance.map_err(|error| stopped(&error))?;
        let memory = instance.get_memory(&mut store, "memory");
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
        match self.0.data().memory {
            Some(memory) => memory.data_mut(&mut self.0),
            None => &mut [],
        }
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
        self.state().watch().look()?;
        let instance = self.0.data().instance;
        let function = instance.and_then(|instance| instance.get_func(&mut self.0, export));
        let function = function.ok_or_else(|| no_function(export))?;
        let args: Vec<_> = args.iter().map(|&arg| to_engine(arg)).collect();
        let count = function.ty(self.0.as_context()).results().len();
        let mut results = vec![WasmtimeVal::I32(0); count];
        let ended = function.call(&mut self.0, &args, &mut results);
        ended.map_err(|error| stopped(&error))?;
        Ok(results.iter().filter_map(of_engine).collect())
    }

    fn charge(&mut self, steps: u64) -> Result<(), Stop> {
        self.state().watch().look()?;
        let mut context = self.0.as_context_mut();
        // There is none where nothing is counted.
        let Ok(left) = context.get_fuel() else { return Ok(()) };
        let left = left.checked_sub(steps).ok_or(Stop::OutOfSteps)?;
        context.set_fuel(left).map_err(|error| stopped(&error))
    }

    fn allow(&mut self, steps: u64) {
        // Without a limit the engine was configured without fuel.
        let _ = self.0.as_context_mut().set_fuel(steps);
    }

    fn steps_left(&mut self) -> Option<u64> {
        self.0.as_context().get_fuel().ok()
    }
}
