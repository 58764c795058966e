//! The text for imports that call exports of the instance that called them.

use super::Interface;
use super::function::{Function, Import, Parameter, Rust};
use super::write::{Reach, Words, calls, state};
use std::fmt::Write;

/// The associated function of the trait. The instance is lent to it, and the host's data with that.
pub(super) fn signature(function: &Function) -> String {
    let mut text = format!("fn {}(inside: &mut Inside<'_, Self>", function.rust_name);
    for Parameter { name, rust } in &function.params {
        let _ = write!(text, ", {name}: {}", rust.name());
    }
    let _ = write!(text, ") -> Result<{}, Error>", function.result.map_or("()", Rust::name));
    text
}

pub(super) fn host_function(import: &Import, words: &Words) -> String {
    let Words { engine, .. } = words;
    let Import { module, name, function, .. } = import;
    let mut params = String::new();
    let mut strings = String::new();
    let mut arguments = String::new();
    for Parameter { name, rust } in &function.params {
        match rust {
            Rust::Bytes => {
                let _ = write!(params, ", {name}__at: u32, {name}__len: u32");
                // What is called may change the memory.
                let _ = writeln!(
                    strings,
                    "            let {name} = bytes_of(inside.memory(), {name}__at, {name}__len)?.to_vec();"
                );
                let _ = write!(arguments, ", &{name}");
            }
            Rust::Bool => {
                let _ = write!(params, ", {name}: i32");
                let _ = write!(arguments, ", {name} != 0");
            }
            other => {
                let _ = write!(params, ", {name}: {}", other.name());
                let _ = write!(arguments, ", {name}");
            }
        }
    }
    let returned = function.result.map_or("()", |result| result.wasm());
    let converted = if function.result == Some(Rust::Bool) { ".map(i32::from)" } else { "" };
    let rust_name = &function.rust_name;
    format!(
        "    linker\n        .func_wrap({module:?}, {name:?}, |caller: {engine}::Caller<'_, T>{params}| -> Result<{returned}, {engine}::Error> {{\n            \
         let mut inside = Inside::new(caller)?;\n{strings}            \
         let result = T::{rust_name}(&mut inside{arguments});\n            \
         inside.handed_back(result){converted}\n        }})\n        .map_err(|error| Error::Setup(error.into()))?;\n"
    )
}

pub(super) fn text(interface: &Interface<'_>, words: &Words) -> String {
    let Words { engine, exited, .. } = words;
    let error = |text: &str| interface.bindings.engine.error(text);
    let missing = error("the module exports no memory");
    let ended = error("a call back into the wasm module ended it");
    let mut text = format!(
        r#"
/// The instance, lent to a function that it has called. A call that fails ends the instance, whatever
/// the function returns.
#[allow(dead_code)]
pub struct Inside<'a, T: 'static> {{
    store: {engine}::Caller<'a, T>,
    memory: {engine}::Memory,
    poisoned: bool,
}}

#[allow(dead_code, unused_mut, clippy::all)]
impl<'a, T: 'static> Inside<'a, T> {{
    fn new(mut store: {engine}::Caller<'a, T>) -> Result<Self, {engine}::Error> {{
        let memory = store.get_export("memory").and_then({engine}::Extern::into_memory);
        let memory = memory.ok_or_else(|| {missing})?;
        Ok(Self {{ store, memory, poisoned: false }})
    }}

    /// What the module gets, or why it gets no further.
    fn handed_back<R>(self, result: Result<R, Error>) -> Result<R, {engine}::Error> {{
        match result {{
            Ok(value) if !self.poisoned => Ok(value),
            Ok(_) => Err({ended}),
            Err(Error::Trap(e) | Error::Setup(e)) => Err(e),
            Err(Error::Exit(status)) => Err({exited}),
            Err(other) => Err({engine}::Error::{from_text}(other.to_string())),
        }}
    }}

    fn typed_export<P: {engine}::WasmParams, R: {engine}::WasmResults>(
        &mut self,
        name: &str,
    ) -> Result<{engine}::TypedFunc<P, R>, Error> {{
        let function = self.store.get_export(name).and_then({engine}::Extern::into_func);
        let function = function.ok_or_else(|| {{
            Error::Setup({engine}::Error::{from_text}(format!("the module does not export {{name}}")))
        }})?;
        function.typed(&self.store).map_err(Error::Setup)
    }}
"#,
        from_text = interface.bindings.engine.error_from_text(),
    );
    text.push_str(&state(words));
    text.push_str(&calls(interface, Reach::Name));
    text.push_str("}\n");
    text
}
