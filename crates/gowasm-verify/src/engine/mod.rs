//! The engines that run modules of wasip1. All of them find the same surroundings: the functions of
//! imports.rs, reached through `Guest`.

mod frames;
mod inside;
mod outside;
pub(crate) mod wasmi;
#[cfg(feature = "wasmtime")]
mod wasmtime;

use crate::guest::{Guest, State, Stop};
use crate::imports::Import;
use crate::verdict::EngineVersion;
use crate::{Engine, Failure, Limits, Outside};
#[cfg(not(feature = "wasmtime"))]
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface::Interface;
use outside::Host;

/// An engine that is there.
pub(crate) enum Ready {
    Wasmi,
    #[cfg(feature = "wasmtime")]
    Wasmtime(wasmtime::Compiler),
    /// In a process of its own.
    Outside(Engine, Host),
}

/// A module that is ready to be instantiated any number of times.
pub(crate) trait Loaded {
    fn instantiate(&self, state: State) -> Result<Box<dyn Guest + '_>, Stop>;
}

/// What is worth doing before a module runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// For a verification, which runs little of a module.
    Little,
    /// For a program, which may run for long.
    Much,
}

/// An error says why the engine is not there.
pub(crate) fn prepare(
    engine: Engine,
    outside: Option<&Outside>,
    effort: Effort,
) -> Result<Ready, Failure> {
    #[cfg(not(feature = "wasmtime"))]
    let _ = effort;
    match engine {
        Engine::Wasmi => Ok(Ready::Wasmi),
        #[cfg(feature = "wasmtime")]
        Engine::Wasmtime => Ok(Ready::Wasmtime(wasmtime::Compiler::Cranelift(effort))),
        #[cfg(feature = "wasmtime")]
        Engine::Winch => Ok(Ready::Wasmtime(wasmtime::Compiler::Winch)),
        #[cfg(not(feature = "wasmtime"))]
        Engine::Wasmtime | Engine::Winch => {
            let message = format!("the engine {} is not built into this gowasm", engine.name());
            let hint = "build gowasm with `--features wasmtime`, or use --engine wasmi";
            Err(Failure::Environment(Diagnostic::error(message).hint(hint)))
        }
        Engine::Node => Ok(Ready::Outside(engine, Host::node(outside)?)),
        Engine::Wazero => Ok(Ready::Outside(engine, Host::wazero(outside)?)),
    }
}

impl Ready {
    pub(crate) fn version(&self) -> EngineVersion {
        let (engine, version) = match self {
            Ready::Wasmi => (Engine::Wasmi, wasmi::VERSION.to_owned()),
            #[cfg(feature = "wasmtime")]
            Ready::Wasmtime(compiler) => (compiler.engine(), wasmtime::VERSION.to_owned()),
            Ready::Outside(engine, host) => (*engine, host.version.clone()),
        };
        EngineVersion { name: engine.name().to_owned(), version }
    }

    /// Makes a module ready; the error is why the engine does not take it.
    pub(crate) fn load<'m>(
        &'m self,
        module: &'m [u8],
        interface: &Interface,
        imports: Vec<Import>,
        limits: Limits,
    ) -> Result<Box<dyn Loaded + 'm>, String> {
        match self {
            Ready::Wasmi => wasmi::load(module, imports),
            #[cfg(feature = "wasmtime")]
            Ready::Wasmtime(compiler) => wasmtime::load(*compiler, module, imports, limits),
            Ready::Outside(_, host) => host.load(module, interface, imports, limits),
        }
    }
}

/// A module whose instantiation runs code cannot be held to limits before its first call.
fn refuse_start_function(module: &[u8]) -> Result<(), String> {
    for payload in wasmparser::Parser::new(0).parse_all(module) {
        match payload.map_err(|error| error.to_string())? {
            wasmparser::Payload::StartSection { .. } => {
                return Err("the module has a start function: Go writes none".to_owned());
            }
            wasmparser::Payload::CodeSectionStart { .. } => break,
            _ => {}
        }
    }
    Ok(())
}
