//! The import and export sections of a wasm module, read without running or validating its code.

use crate::codes;
use crate::wasm::{FuncType, WasmType};
use gowasm_diagnostic::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use wasmparser::{
    BinaryReaderError, Chunk, CompositeInnerType, Encoding, ExternalKind, KnownCustom, Parser,
    Payload, TypeRef, ValType,
};

/// What a module takes from its host and offers to it, in the module's order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    pub imports: Vec<ModuleImport>,
    pub exports: Vec<ModuleExport>,
    /// What the `producers` section says wrote it, such as `go1.26.8`.
    pub go_version: Option<String>,
    /// What the section of an embedded manifest holds, unread.
    pub(crate) manifest: Option<Vec<u8>>,
    /// The numbers of exports and imports by their names; of several with one name, the first.
    by_name: HashMap<String, usize>,
    imports_by_name: HashMap<(String, String), usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleImport {
    pub module: String,
    pub name: String,
    pub item: Item,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleExport {
    pub name: String,
    pub item: Item,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    Func(FuncType),
    Memory,
    Table,
    Global,
    Tag,
}

impl Item {
    pub fn kind(&self) -> ItemKind {
        match self {
            Item::Func(_) => ItemKind::Func,
            Item::Memory => ItemKind::Memory,
            Item::Table => ItemKind::Table,
            Item::Global => ItemKind::Global,
            Item::Tag => ItemKind::Tag,
        }
    }

    pub fn func_type(&self) -> Option<&FuncType> {
        match self {
            Item::Func(func_type) => Some(func_type),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    Func,
    Memory,
    Table,
    Global,
    Tag,
}

impl Interface {
    pub fn export(&self, name: &str) -> Option<&ModuleExport> {
        self.exports.get(*self.by_name.get(name)?)
    }

    pub fn import(&self, module: &str, name: &str) -> Option<&ModuleImport> {
        self.imports.get(*self.imports_by_name.get(&(module.to_owned(), name.to_owned()))?)
    }

    fn index(mut self) -> Self {
        for (number, export) in self.exports.iter().enumerate() {
            self.by_name.entry(export.name.clone()).or_insert(number);
        }
        for (number, import) in self.imports.iter().enumerate() {
            let name = (import.module.clone(), import.name.clone());
            self.imports_by_name.entry(name).or_insert(number);
        }
        self
    }
}

/// Reads a module's interface. The bytes may be anything.
pub fn read(module: &[u8]) -> Result<Interface, Diagnostic> {
    if !module.starts_with(b"\0asm") {
        let message = "not a wasm module: it does not begin with the bytes `\\0asm`";
        return Err(Diagnostic::error(message).code(codes::BAD_MODULE));
    }
    Reader::default().read(module).map_err(|fault| {
        let message = match fault {
            Fault::Malformed(error) => {
                format!(
                    "not a valid wasm module: {} (at offset {:#x})",
                    error.message(),
                    error.offset()
                )
            }
            Fault::Other(message) => message,
        };
        Diagnostic::error(message).code(codes::BAD_MODULE)
    })
}

enum Fault {
    Malformed(BinaryReaderError),
    Other(String),
}

impl From<BinaryReaderError> for Fault {
    fn from(error: BinaryReaderError) -> Self {
        Fault::Malformed(error)
    }
}

fn other(message: &str) -> Fault {
    Fault::Other(message.to_owned())
}

#[derive(Default)]
struct Reader {
    /// `None` for types that are no function types.
    types: Vec<Option<FuncType>>,
    /// Type indices of the functions, imported ones first.
    functions: Vec<u32>,
    interface: Interface,
}

impl Reader {
    fn read(mut self, module: &[u8]) -> Result<Interface, Fault> {
        let mut parser = Parser::new(0);
        let mut rest = module;
        // Exports are read last, though nothing that they name comes later in a well-formed module.
        loop {
            let (consumed, payload) = match parser.parse(rest, true)? {
                Chunk::NeedMoreData(_) => return Err(other("the wasm module is cut off")),
                Chunk::Parsed { consumed, payload } => (consumed, payload),
            };
            match payload {
                Payload::Version { encoding: Encoding::Component, .. } => {
                    return Err(other("this is a wasm component, not a module; Go writes modules"));
                }
                Payload::TypeSection(section) => self.types(section)?,
                Payload::ImportSection(section) => self.imports(section)?,
                Payload::FunctionSection(section) => {
                    for type_index in section {
                        self.functions.push(type_index?);
                    }
                }
                Payload::ExportSection(section) => self.exports(section)?,
                Payload::CustomSection(section) => {
                    if section.name() == crate::embed::SECTION {
                        self.interface.manifest = Some(section.data().to_vec());
                    }
                    if let KnownCustom::Producers(producers) = section.as_known() {
                        self.interface.go_version = go_version(producers);
                    }
                }
                Payload::CodeSectionStart { size, .. } => {
                    // The bodies are the engines' to judge.
                    parser.skip_section();
                    let after = consumed + size as usize;
                    rest = rest.get(after..).ok_or_else(|| other("the wasm module is cut off"))?;
                    continue;
                }
                Payload::End(_) => return Ok(self.interface.index()),
                _ => {}
            }
            rest = rest.get(consumed..).unwrap_or_default();
        }
    }

    fn types(&mut self, section: wasmparser::TypeSectionReader<'_>) -> Result<(), Fault> {
        for group in section {
            for sub_type in group?.into_types() {
                self.types.push(match sub_type.composite_type.inner {
                    CompositeInnerType::Func(func) => Some(FuncType {
                        params: func.params().iter().map(wasm_type).collect(),
                        results: func.results().iter().map(wasm_type).collect(),
                    }),
                    _ => None,
                });
            }
        }
        Ok(())
    }

    fn imports(&mut self, section: wasmparser::ImportSectionReader<'_>) -> Result<(), Fault> {
        for import in section.into_imports() {
            let import = import?;
            let item = match import.ty {
                TypeRef::Func(index) | TypeRef::FuncExact(index) => {
                    self.functions.push(index);
                    Item::Func(self.func_type(index)?)
                }
                TypeRef::Memory(_) => Item::Memory,
                TypeRef::Table(_) => Item::Table,
                TypeRef::Global(_) => Item::Global,
                TypeRef::Tag(_) => Item::Tag,
            };
            let (module, name) = (import.module.to_owned(), import.name.to_owned());
            self.interface.imports.push(ModuleImport { module, name, item });
        }
        Ok(())
    }

    fn exports(&mut self, section: wasmparser::ExportSectionReader<'_>) -> Result<(), Fault> {
        for export in section {
            let export = export?;
            let item = match export.kind {
                ExternalKind::Func | ExternalKind::FuncExact => {
                    let type_index = self
                        .functions
                        .get(export.index as usize)
                        .ok_or_else(|| other("an export names a function that the module lacks"))?;
                    Item::Func(self.func_type(*type_index)?)
                }
                ExternalKind::Memory => Item::Memory,
                ExternalKind::Table => Item::Table,
                ExternalKind::Global => Item::Global,
                ExternalKind::Tag => Item::Tag,
            };
            self.interface.exports.push(ModuleExport { name: export.name.to_owned(), item });
        }
        Ok(())
    }

    fn func_type(&self, index: u32) -> Result<FuncType, Fault> {
        let found = self.types.get(index as usize).and_then(Option::as_ref);
        found.cloned().ok_or_else(|| other("a function of the module has no function type"))
    }
}

fn wasm_type(value: &ValType) -> WasmType {
    match value {
        ValType::I32 => WasmType::I32,
        ValType::I64 => WasmType::I64,
        ValType::F32 => WasmType::F32,
        ValType::F64 => WasmType::F64,
        ValType::V128 => WasmType::V128,
        ValType::Ref(_) => WasmType::Ref,
    }
}

/// Go's linker names itself in the `producers` section; one that cannot be read says nothing.
fn go_version(producers: wasmparser::ProducersSectionReader<'_>) -> Option<String> {
    for field in producers.into_iter().flatten() {
        for value in field.values.into_iter().flatten() {
            if value.name == "Go" && value.version.starts_with("go") {
                return Some(value.version.to_owned());
            }
        }
    }
    None
}
