//! The text of the bindings.

use super::function::{Export, Function, Import, Parameter, Rust};
use super::{Interface, inside};
use heck::ToUpperCamelCase;
use std::fmt::Write;

/// Names of the engine's crate and what it does in its own way.
pub(super) struct Words {
    pub(super) engine: &'static str,
    exit_status: &'static str,
    pub(super) exited: &'static str,
    instantiate: &'static str,
    name: String,
}

pub(super) fn text(interface: &Interface<'_>) -> String {
    let engine = interface.bindings.engine;
    let words = Words {
        engine: engine.crate_name(),
        exit_status: engine.exit_status(),
        exited: engine.exited(),
        instantiate: engine.instantiate(),
        name: type_name(interface.bindings.name),
    };
    let mut text = head(interface, &words);
    text.push_str(&errors(&words));
    if !interface.imports.is_empty() {
        text.push_str(&imports(interface, &words));
    }
    text.push_str(&structure(interface, &words));
    text.push_str(&methods(interface, &words));
    if interface.calls_back() {
        text.push_str(&inside::text(interface, &words));
    }
    text
}

fn type_name(module: &str) -> String {
    match module.to_upper_camel_case() {
        name if matches!(name.as_str(), "Error" | "Imports" | "Inside" | "Self") => {
            format!("{name}Module")
        }
        name => name,
    }
}

fn head(interface: &Interface<'_>, words: &Words) -> String {
    let Words { engine, .. } = words;
    let path = interface.bindings.module.display().to_string();
    let name = interface.bindings.name;
    format!(
        "// Written by gowasm from the manifest of the wasm module `{name}`.\n\n\
         /// The wasm module, for `{}::Module::new`.\n\
         #[allow(dead_code)]\n\
         pub static WASM: &[u8] = include_bytes!({path:?});\n\n",
        engine.trim_start_matches(':')
    )
}

fn errors(words: &Words) -> String {
    let Words { engine, exit_status, .. } = words;
    format!(
        r#"/// Why a call gave no result.
#[derive(Debug)]
#[allow(dead_code)]
pub enum Error {{
    /// The module trapped: a panic, an access out of bounds, a limit. Its stderr says more.
    Trap({engine}::Error),
    /// The module exited with this status.
    Exit(i32),
    /// An earlier call ended in a trap or an exit. Go's runtime is in no state to be called: make a
    /// new instance.
    Poisoned,
    /// A string has no place in the module's memory.
    Memory,
    /// The module and its host do not fit: an import or export is missing or of another type.
    Setup({engine}::Error),
}}

impl ::std::fmt::Display for Error {{
    fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {{
        match self {{
            Error::Trap(error) => write!(f, "the wasm module trapped: {{error}}"),
            Error::Exit(status) => write!(f, "the wasm module exited with status {{status}}"),
            Error::Poisoned => f.write_str("an earlier call ended this instance of the wasm module"),
            Error::Memory => f.write_str("a string has no place in the wasm module's memory"),
            Error::Setup(error) => write!(f, "the wasm module does not fit its host: {{error}}"),
        }}
    }}
}}

impl ::std::error::Error for Error {{}}

#[allow(dead_code)]
impl Error {{
    fn of_call(e: {engine}::Error) -> Self {{
        match {exit_status} {{
            Some(status) => Error::Exit(status),
            None => Error::Trap(e),
        }}
    }}
}}

"#
    )
}

fn imports(interface: &Interface<'_>, words: &Words) -> String {
    let Words { engine, .. } = words;
    let bound = if interface.calls_back() { ": Sized + 'static" } else { "" };
    let mut text = format!(
        "/// What the module imports from its host, besides WASI. Strings of Go are bytes, mostly UTF-8.\n\
         pub trait Imports{bound} {{\n"
    );
    for import in &interface.imports {
        let Import { module, name, function, calls_back } = import;
        let _ = writeln!(text, "    /// `{module}.{name}`: {}", function.origin);
        let signature = if *calls_back { inside::signature(function) } else { signature(function) };
        let _ = writeln!(text, "    {signature};");
    }
    let _ = write!(
        text,
        "}}\n\n/// Gives a linker the module's imports; WASI has to be added as well.\n\
         #[allow(non_snake_case, clippy::useless_conversion)]\n\
         pub fn add_to_linker<T: Imports + 'static>(linker: &mut {engine}::Linker<T>) -> Result<(), Error> {{\n"
    );
    for import in &interface.imports {
        text.push_str(&match import.calls_back {
            true => inside::host_function(import, words),
            false => host_function(interface, import, words),
        });
    }
    text.push_str("    Ok(())\n}\n\n");
    if interface.imports.iter().any(|import| has(&import.function, Rust::Bytes)) {
        let outside =
            interface.bindings.engine.error("a string lies outside of the module's memory");
        let _ = write!(
            text,
            "fn bytes_of(memory: &[u8], address: u32, length: u32) -> Result<&[u8], {engine}::Error> {{\n    \
             let start = address as usize;\n    \
             let end = start.checked_add(length as usize);\n    \
             end.and_then(|end| memory.get(start..end)).ok_or_else(|| {outside})\n}}\n\n"
        );
    }
    text
}

fn has(function: &Function, rust: Rust) -> bool {
    function.params.iter().any(|param| param.rust == rust)
}

/// The method of the trait. One that gets addresses gets the memory that they are in.
fn signature(function: &Function) -> String {
    let mut text = format!("fn {}(&mut self", function.rust_name);
    if has(function, Rust::Address) {
        text.push_str(", module_memory: &mut [u8]");
    }
    for Parameter { name, rust } in &function.params {
        let _ = write!(text, ", {name}: {}", rust.name());
    }
    text.push(')');
    if let Some(result) = function.result {
        let _ = write!(text, " -> {}", result.name());
    }
    text
}

fn host_function(interface: &Interface<'_>, import: &Import, words: &Words) -> String {
    let Words { engine, .. } = words;
    let Import { module, name, function, .. } = import;
    let (bytes, addresses) = (has(function, Rust::Bytes), has(function, Rust::Address));
    let mut params = String::new();
    let mut values = Vec::new();
    for Parameter { name, rust } in &function.params {
        match rust {
            Rust::Bytes => {
                let _ = write!(params, ", {name}__at: u32, {name}__len: u32");
                let copy = if addresses { ".to_vec()" } else { "" };
                let bytes = format!("bytes_of(memory, {name}__at, {name}__len)?{copy}");
                values.push(if addresses { format!("&{bytes}") } else { bytes });
            }
            Rust::Bool => {
                let _ = write!(params, ", {name}: i32");
                values.push(format!("{name} != 0"));
            }
            other => {
                let _ = write!(params, ", {name}: {}", other.name());
                values.push(name.clone());
            }
        }
    }
    let state = if bytes || addresses { "state" } else { "caller.data_mut()" };
    let mut body = String::new();
    if state == "state" {
        let missing = interface.bindings.engine.error("the module exports no memory");
        let _ = write!(
            body,
            "            let memory = caller.get_export(\"memory\").and_then({engine}::Extern::into_memory);\n            \
             let memory = memory.ok_or_else(|| {missing})?;\n            \
             let (memory, state) = memory.data_and_store_mut(&mut caller);\n"
        );
    }
    // Strings first: they are read before the memory is lent out.
    let mut arguments = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let _ = writeln!(body, "            let value{index} = {value};");
        arguments.push(format!("value{index}"));
    }
    if addresses {
        arguments.insert(0, "memory".to_owned());
    }
    let call = format!("{state}.{}({})", function.rust_name, arguments.join(", "));
    let result = match function.result {
        None => format!("            {call};\n            Ok(())\n"),
        Some(Rust::Bool) => format!("            Ok(i32::from({call}))\n"),
        Some(_) => format!("            Ok({call})\n"),
    };
    let returned = function.result.map_or("()", |result| result.wasm());
    format!(
        "    linker\n        .func_wrap({module:?}, {name:?}, |mut caller: {engine}::Caller<'_, T>{params}| -> Result<{returned}, {engine}::Error> {{\n\
         {body}{result}        }})\n        .map_err(|error| Error::Setup(error.into()))?;\n"
    )
}

fn structure(interface: &Interface<'_>, words: &Words) -> String {
    let Words { engine, name, .. } = words;
    let mut text = format!(
        "/// An instance of the module `{}`.\n#[allow(dead_code)]\npub struct {name}<T: 'static> {{\n    \
         store: {engine}::Store<T>,\n    memory: {engine}::Memory,\n    poisoned: bool,\n",
        interface.bindings.name
    );
    for (field, function) in fields(interface) {
        let _ = writeln!(text, "    {field}: {engine}::TypedFunc<{}>,", function.types);
    }
    text.push_str("}\n\n");
    text
}

/// A function of the instance.
struct Field {
    export: String,
    types: String,
}

impl Field {
    fn new(export: &str, types: &str) -> Self {
        Field { export: export.to_owned(), types: types.to_owned() }
    }
}

/// Those that are looked up once.
fn fields(interface: &Interface<'_>) -> Vec<(String, Field)> {
    if interface.is_command {
        return vec![("start".to_owned(), Field::new("_start", "(), ()"))];
    }
    let mut fields = Vec::new();
    if let Some((allocator, release)) = &interface.bindings.allocator {
        fields.push(("allocator".to_owned(), Field::new(allocator, ALLOCATOR)));
        if let Some(release) = release {
            fields.push(("release".to_owned(), Field::new(release, RELEASE)));
        }
    }
    for export in &interface.exports {
        fields.push((field_name(export), Field::new(&export.name, &types(&export.function))));
    }
    fields
}

const ALLOCATOR: &str = "(u32,), u32";
const RELEASE: &str = "(u32,), ()";

fn field_name(export: &Export) -> String {
    format!("export_{}", export.function.rust_name)
}

/// How a method comes by a function of the instance.
#[derive(Clone, Copy)]
pub(super) enum Reach {
    /// The struct has it.
    Field,
    /// The engine knows it by its name.
    Name,
}

impl Reach {
    fn function(self, field: &str, export: &str, types: &str) -> String {
        match self {
            Reach::Field => format!("self.{field}"),
            Reach::Name => format!("self.typed_export::<{types}>({export:?})?"),
        }
    }
}

fn types(function: &Function) -> String {
    let params: Vec<&str> = function.params.iter().map(|param| param.rust.wasm()).collect();
    let params = match params.as_slice() {
        [] => "()".to_owned(),
        params => format!("({},)", params.join(", ")),
    };
    format!("{params}, {}", function.result.map_or("()", Rust::wasm))
}

fn methods(interface: &Interface<'_>, words: &Words) -> String {
    let Words { engine, name, instantiate, .. } = words;
    let missing = interface.bindings.engine.error("the module exports no memory");
    let mut text = format!(
        "#[allow(dead_code, clippy::all)]\nimpl<T: 'static> {name}<T> {{\n    \
         /// Makes an instance{}. `linker` has everything that the module imports.\n    \
         pub fn new(\n        mut store: {engine}::Store<T>,\n        linker: &{engine}::Linker<T>,\n        \
         module: &{engine}::Module,\n    ) -> Result<Self, Error> {{\n        \
         let instance = linker.{instantiate}(&mut store, module).map_err(Error::Setup)?;\n        \
         let memory = instance.get_memory(&mut store, \"memory\");\n        \
         let memory = memory.ok_or_else(|| Error::Setup({missing}))?;\n",
        if interface.is_command { "" } else { " and initialises Go" }
    );
    if !interface.is_command {
        text.push_str(
            "        let initialize = instance.get_typed_func::<(), ()>(&mut store, \"_initialize\");\n        \
             initialize.map_err(Error::Setup)?.call(&mut store, ()).map_err(Error::of_call)?;\n",
        );
    }
    let fields = fields(interface);
    for (field, Field { export, types }) in &fields {
        let _ = writeln!(
            text,
            "        let {field} = instance.get_typed_func::<{types}>(&mut store, {export:?}).map_err(Error::Setup)?;"
        );
    }
    let names: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
    let names = names.iter().fold(String::new(), |text, name| text + ", " + name);
    let _ = writeln!(text, "        Ok(Self {{ store, memory, poisoned: false{names} }})\n    }}");
    text.push_str(&state(words));
    if interface.is_command {
        text.push_str(
            "\n    /// Runs `main`. A command runs once; an exit with status 0 is its good end.\n    \
             pub fn run(&mut self) -> Result<(), Error> {\n        self.check()?;\n        \
             let result = self.start.call(&mut self.store, ());\n        self.poisoned = true;\n        \
             match self.finish(result) {\n            Err(Error::Exit(0)) => Ok(()),\n            other => other,\n        }\n    }\n",
        );
    } else {
        text.push_str(&calls(interface, Reach::Field));
    }
    text.push_str("}\n");
    text
}

/// Data, memory, and whether the instance has ended.
pub(super) fn state(words: &Words) -> String {
    let Words { engine, .. } = words;
    format!(
        "\n    /// The host's own data.\n    pub fn data(&self) -> &T {{\n        self.store.data()\n    }}\n\n    \
         pub fn data_mut(&mut self) -> &mut T {{\n        self.store.data_mut()\n    }}\n\n    \
         /// The module's memory, where addresses lead to.\n    \
         pub fn memory(&self) -> &[u8] {{\n        self.memory.data(&self.store)\n    }}\n\n    \
         pub fn memory_mut(&mut self) -> &mut [u8] {{\n        self.memory.data_mut(&mut self.store)\n    }}\n\n    \
         /// Whether a call ended this instance.\n    pub fn is_poisoned(&self) -> bool {{\n        self.poisoned\n    }}\n\n    \
         fn check(&self) -> Result<(), Error> {{\n        \
         if self.poisoned {{ Err(Error::Poisoned) }} else {{ Ok(()) }}\n    }}\n\n    \
         fn finish<R>(&mut self, result: Result<R, {engine}::Error>) -> Result<R, Error> {{\n        \
         self.poisoned |= result.is_err();\n        result.map_err(Error::of_call)\n    }}\n"
    )
}

/// A method for each export.
pub(super) fn calls(interface: &Interface<'_>, reach: Reach) -> String {
    let mut text = String::new();
    if interface.exports.iter().any(Export::takes_bytes) {
        text.push_str(&placing(interface, reach));
    }
    for export in &interface.exports {
        text.push_str(&method(export, reach));
    }
    text
}

/// How strings get into the module's memory and out of it again.
fn placing(interface: &Interface<'_>, reach: Reach) -> String {
    let (allocator, release) = interface
        .bindings
        .allocator
        .as_ref()
        .map_or(("", None), |both| (both.0.as_str(), both.1.as_deref()));
    let allocator = reach.function("allocator", allocator, ALLOCATOR);
    let free = match release {
        Some(release) => format!(
            "        if length > 0 {{\n            let result = {}.call(&mut self.store, (address,));\n            \
             self.finish(result)?;\n        }}\n        Ok(())\n",
            reach.function("release", release, RELEASE)
        ),
        None => "        // The module has no export that takes memory back.\n        let _ = (address, length);\n        Ok(())\n".to_owned(),
    };
    format!(
        "\n    fn place(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {{\n        \
         let length = u32::try_from(bytes.len()).map_err(|_| Error::Memory)?;\n        \
         if length == 0 {{\n            return Ok((0, 0));\n        }}\n        \
         let result = {allocator}.call(&mut self.store, (length,));\n        \
         let address = self.finish(result)?;\n        \
         let start = address as usize;\n        \
         let end = start.checked_add(bytes.len()).ok_or(Error::Memory)?;\n        \
         let memory = self.memory.data_mut(&mut self.store);\n        \
         memory.get_mut(start..end).ok_or(Error::Memory)?.copy_from_slice(bytes);\n        \
         Ok((address, length))\n    }}\n\n    \
         fn free(&mut self, (address, length): (u32, u32)) -> Result<(), Error> {{\n{free}    }}\n"
    )
}

fn method(export: &Export, reach: Reach) -> String {
    let Export { name, function } = export;
    let mut params = String::new();
    let (mut placed, mut values, mut freed) = (String::new(), Vec::new(), String::new());
    for Parameter { name, rust } in &function.params {
        match rust {
            Rust::Bytes => {
                let _ = write!(params, ", {name}: impl AsRef<[u8]>");
                let _ = writeln!(placed, "        let {name} = self.place({name}.as_ref())?;");
                let _ = writeln!(freed, "        self.free({name})?;");
                values.push(format!("{name}.0, {name}.1"));
            }
            Rust::Bool => {
                let _ = write!(params, ", {name}: bool");
                values.push(format!("i32::from({name})"));
            }
            other => {
                let _ = write!(params, ", {name}: {}", other.name());
                values.push(name.clone());
            }
        }
    }
    let values = match values.as_slice() {
        [] => "()".to_owned(),
        values => format!("({},)", values.join(", ")),
    };
    let returned = function.result.map_or("()", Rust::name);
    let value = if function.result == Some(Rust::Bool) { "result != 0" } else { "result" };
    let Function { rust_name, origin, .. } = function;
    let called = reach.function(&field_name(export), name, &types(function));
    format!(
        "\n    /// `{name}`: {origin}\n    pub fn {rust_name}(&mut self{params}) -> Result<{returned}, Error> {{\n        \
         self.check()?;\n{placed}        let result = {called}.call(&mut self.store, {values});\n        \
         let result = self.finish(result)?;\n{freed}        Ok({value})\n    }}\n"
    )
}
