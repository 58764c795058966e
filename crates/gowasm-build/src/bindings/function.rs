//! A function of the manifest, as Rust sees it.

use gowasm_directive::{GoFunction, GoParameter, Manifest, WasmType};
use heck::ToSnakeCase;
use std::collections::HashSet;

/// What one Go value is in Rust.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rust {
    Bool,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    /// An address in the module's memory.
    Address,
    /// A Go string: an address and a length.
    Bytes,
}

impl Rust {
    /// As a value that is handed over.
    pub(super) fn name(self) -> &'static str {
        match self {
            Rust::Bool => "bool",
            Rust::I32 => "i32",
            Rust::U32 | Rust::Address => "u32",
            Rust::I64 => "i64",
            Rust::U64 => "u64",
            Rust::F32 => "f32",
            Rust::F64 => "f64",
            Rust::Bytes => "&[u8]",
        }
    }

    /// As the engine's typed functions have it.
    pub(super) fn wasm(self) -> &'static str {
        match self {
            Rust::Bool => "i32",
            Rust::Bytes => "u32, u32",
            other => other.name(),
        }
    }

    fn of(go_type: &str, wasm: WasmType) -> Self {
        match (go_type, wasm) {
            ("bool", WasmType::I32) => Rust::Bool,
            ("uint32" | "uint", WasmType::I32) => Rust::U32,
            ("uint64" | "uint", WasmType::I64) => Rust::U64,
            ("uintptr" | "unsafe.Pointer", WasmType::I32) => Rust::Address,
            (pointer, WasmType::I32) if pointer.starts_with('*') => Rust::Address,
            (_, WasmType::I64) => Rust::I64,
            (_, WasmType::F32) => Rust::F32,
            (_, WasmType::F64) => Rust::F64,
            _ => Rust::I32,
        }
    }
}

pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) rust: Rust,
}

/// What exports and imports have in common.
pub(super) struct Function {
    pub(super) rust_name: String,
    pub(super) params: Vec<Parameter>,
    pub(super) result: Option<Rust>,
    /// The Go function and its position.
    pub(super) origin: String,
}

pub(super) struct Export {
    pub(super) name: String,
    pub(super) function: Function,
}

pub(super) struct Import {
    pub(super) module: String,
    pub(super) name: String,
    pub(super) function: Function,
    /// The host's function may call exports.
    pub(super) calls_back: bool,
}

impl Export {
    pub(super) fn takes_bytes(&self) -> bool {
        self.function.params.iter().any(|param| param.rust == Rust::Bytes)
    }
}

/// Methods that the struct has besides.
const METHODS: &[&str] = &[
    "new",
    "data",
    "data_mut",
    "memory",
    "memory_mut",
    "is_poisoned",
    "check",
    "finish",
    "place",
    "free",
    "typed_export",
    "handed_back",
    "run",
];

pub(super) fn exports(manifest: &Manifest) -> Vec<Export> {
    let mut taken: HashSet<String> = METHODS.iter().map(|&name| name.to_owned()).collect();
    let functions = manifest.exports.iter().filter_map(|export| {
        let go = export.go.as_ref()?;
        let (params, results) = (export.params.as_ref()?, export.results.as_ref()?);
        let function = function(&export.name, go, params, results, &mut taken);
        Some(Export { name: export.name.clone(), function })
    });
    functions.collect()
}

/// Names that the written functions use themselves.
const LOCALS: &[&str] =
    &["caller", "inside", "linker", "memory", "module_memory", "result", "state"];

/// What the host has to supply besides WASI.
pub(super) fn imports(manifest: &Manifest, calling_back: &[String]) -> Vec<Import> {
    let mut taken = HashSet::new();
    let functions = manifest.imports.iter().filter_map(|import| {
        let go = import.go.as_ref()?;
        if matches!(import.module.as_str(), "wasi_snapshot_preview1" | "gojs") {
            return None;
        }
        let (params, results) = (import.params.as_ref()?, import.results.as_ref()?);
        let function = function(&import.name, go, params, results, &mut taken);
        let (module, name) = (import.module.clone(), import.name.clone());
        Some(Import { calls_back: calling_back.contains(&name), module, name, function })
    });
    functions.collect()
}

fn function(
    name: &str,
    go: &GoFunction,
    params: &[WasmType],
    results: &[WasmType],
    taken: &mut HashSet<String>,
) -> Function {
    let result = results.first().map(|&wasm| {
        Rust::of(go.results.first().map_or("", |result| result.go_type.as_str()), wasm)
    });
    Function {
        rust_name: unique(name, taken),
        params: parameters(&go.params, params),
        result,
        origin: format!("{}.{}, {}", go.package, go.function, go.position),
    }
}

/// A Go string takes two wasm values, everything else one.
fn parameters(go: &[GoParameter], wasm: &[WasmType]) -> Vec<Parameter> {
    let mut taken: HashSet<String> = LOCALS.iter().map(|&name| name.to_owned()).collect();
    let mut rest = wasm.iter().copied();
    let mut params = Vec::new();
    for (index, param) in go.iter().enumerate() {
        let Some(first) = rest.next() else { break };
        let rust = match param.go_type.as_str() {
            "string" => {
                rest.next();
                Rust::Bytes
            }
            other => Rust::of(other, first),
        };
        let name = match param.name.as_deref() {
            None | Some("_") => format!("arg{index}"),
            Some(name) => name.to_owned(),
        };
        params.push(Parameter { name: unique(&name, &mut taken), rust });
    }
    params
}

/// The name as Rust writes it, unlike all that are taken.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let base = rust_name(name);
    let mut candidate = base.clone();
    let mut number = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{base}_{number}");
        number += 1;
    }
    candidate
}

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

fn rust_name(name: &str) -> String {
    let snake = name.to_snake_case();
    let plain: String =
        snake.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match plain.as_str() {
        "" | "_" => "unnamed".to_owned(),
        word if KEYWORDS.contains(&word) => format!("{word}_"),
        word if word.starts_with(|c: char| c.is_ascii_digit()) => format!("n{word}"),
        word => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_rust_names() {
        for (go, rust) in [
            ("isPrime", "is_prime"),
            ("inUse", "in_use"),
            ("HTTPGet", "http_get"),
            ("proxy_on_vm_start", "proxy_on_vm_start"),
            ("wasi:http/run@1", "wasi_http_run_1"),
            ("type", "type_"),
            ("3d", "n3d"),
            ("", "unnamed"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(rust_name(go), rust);
        }
        let mut taken = HashSet::new();
        assert_eq!(["a", "A", "a_2"].map(|name| unique(name, &mut taken)), ["a", "a_2", "a_2_2"]);
    }

    #[test]
    fn a_string_takes_two_values() {
        let param =
            |go_type: &str| GoParameter { name: Some("p".to_owned()), go_type: go_type.to_owned() };
        let go = [param("string"), param("*int32"), param("bool"), param("Celsius")];
        let wasm = [WasmType::I32, WasmType::I32, WasmType::I32, WasmType::I32, WasmType::F64];
        let found: Vec<_> = parameters(&go, &wasm).into_iter().map(|p| (p.name, p.rust)).collect();
        let wanted =
            [("p", Rust::Bytes), ("p_2", Rust::Address), ("p_3", Rust::Bool), ("p_4", Rust::F64)];
        assert_eq!(found, wanted.map(|(name, rust)| (name.to_owned(), rust)));
    }
}
