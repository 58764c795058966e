//! What the two engines do not have in common.

use super::Engine;

impl Engine {
    pub(super) fn crate_name(self) -> &'static str {
        match self {
            Engine::Wasmi => "::wasmi",
            Engine::Wasmtime => "::wasmtime",
        }
    }

    /// An expression: the error `e` as the status that the module exited with, if it did.
    pub(super) fn exit_status(self) -> &'static str {
        match self {
            Engine::Wasmi => "e.i32_exit_status()",
            Engine::Wasmtime => "e.downcast_ref::<::wasmtime_wasi::I32Exit>().map(|exit| exit.0)",
        }
    }

    /// The method of a linker that makes an instance.
    pub(super) fn instantiate(self) -> &'static str {
        match self {
            Engine::Wasmi => "instantiate_and_start",
            Engine::Wasmtime => "instantiate",
        }
    }

    /// An expression: the error by which the engine is told of an exit with `status`.
    pub(super) fn exited(self) -> &'static str {
        match self {
            Engine::Wasmi => "::wasmi::Error::i32_exit(status)",
            Engine::Wasmtime => "::wasmtime::Error::new(::wasmtime_wasi::I32Exit(status))",
        }
    }

    /// The function of the engine's own kind of errors that makes one of a text.
    pub(super) fn error_from_text(self) -> &'static str {
        match self {
            Engine::Wasmi => "new",
            Engine::Wasmtime => "msg",
        }
    }

    /// An expression: an error of the engine's own kind that says `text`.
    pub(super) fn error(self, text: &str) -> String {
        format!("{}::Error::{}({text:?})", self.crate_name(), self.error_from_text())
    }
}
