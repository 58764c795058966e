//! What has to be known of a module before it gets its guard.

use crate::Error;
use std::collections::HashMap;
use std::ops::Range;
use wasmparser::{
    BinaryReader, CompositeInnerType, DataKind, ExternalKind, KnownCustom, MemoryType, Operator,
    Parser, Payload, TypeRef, ValType,
};

pub(crate) const WASI: &str = "wasi_snapshot_preview1";

#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// Number and place of the contents of every section, in the module's order.
    pub(crate) sections: Vec<(u8, Range<usize>)>,
    pub(crate) types: u32,
    /// How many parameters a function of each type has.
    pub(crate) params: Vec<u32>,
    /// The type of every function, imported ones first.
    pub(crate) functions: Vec<u32>,
    /// Imported functions of the host: those that may call back.
    pub(crate) host_imports: Vec<u32>,
    /// Imports of `proc_exit`; Go has one for each declaration.
    pub(crate) exits: Vec<u32>,
    /// Whether addresses up to 64 KiB are there, of 32 bits.
    pub(crate) has_memory: bool,
    memories: u32,
    pub(crate) imported: u32,
    /// Unless a damaged module has it with another type than WASI.
    pub(crate) fd_write: Option<u32>,
    /// Which types are that of `fd_write`.
    write_types: Vec<bool>,
    pub(crate) globals: u32,
    pub(crate) exports: Vec<Export>,
    /// Places of function bodies, without their sizes.
    pub(crate) bodies: Vec<Range<usize>>,
    pub(crate) data_segments: u32,
    /// The lowest address that a data segment fills.
    pub(crate) lowest_data: u64,
    /// The last two, for when there may be no more.
    pub(crate) last_segments: [Segment; 2],
    pub(crate) name_section: Option<Range<usize>>,
}

/// An active data segment.
#[derive(Debug, Default, Clone)]
pub(crate) struct Segment {
    /// Of the whole entry.
    pub(crate) place: Range<usize>,
    pub(crate) address: u64,
    pub(crate) bytes: Range<usize>,
}

#[derive(Debug)]
pub(crate) struct Export {
    pub(crate) name: String,
    pub(crate) kind: ExternalKind,
    pub(crate) index: u32,
}

impl Layout {
    /// The type of a function, which may be beyond what a damaged module has.
    pub(crate) fn type_of(&self, function: u32) -> Option<u32> {
        self.functions.get(function as usize).copied()
    }

    /// Addresses without more words are those of the first memory.
    fn memory(&mut self, memory: MemoryType) {
        let is_plain = !memory.memory64 && memory.page_size_log2.is_none() && memory.initial > 0;
        self.has_memory |= self.memories == 0 && is_plain;
        self.memories += 1;
    }

    pub(crate) fn param_count(&self, type_index: u32) -> u32 {
        self.params.get(type_index as usize).copied().unwrap_or(0)
    }
}

pub(crate) fn read(module: &[u8]) -> Result<Layout, Error> {
    let mut layout = Layout { lowest_data: u64::MAX, ..Layout::default() };
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Some(section) = payload.as_section() {
            layout.sections.push((section.0, place(section.1)));
        }
        match payload {
            Payload::TypeSection(section) => {
                layout.types = section.count();
                for group in section {
                    for sub_type in group?.into_types() {
                        let (params, writes) = match sub_type.composite_type.inner {
                            CompositeInnerType::Func(func) => {
                                let types = (func.params(), func.results());
                                let writes = types == (&[ValType::I32; 4][..], &[ValType::I32][..]);
                                (func.params().len() as u32, writes)
                            }
                            _ => (0, false),
                        };
                        layout.params.push(params);
                        layout.write_types.push(writes);
                    }
                }
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import?;
                    match import.ty {
                        TypeRef::Func(type_index) => {
                            let index = layout.functions.len() as u32;
                            layout.functions.push(type_index);
                            match (import.module, import.name) {
                                (WASI, "fd_write") => {
                                    let types = &layout.write_types;
                                    let fits = types.get(type_index as usize) == Some(&true);
                                    layout.fd_write = fits.then_some(index);
                                }
                                (WASI, "proc_exit") => layout.exits.push(index),
                                (WASI, _) => {}
                                _ => layout.host_imports.push(index),
                            }
                        }
                        TypeRef::Global(_) => layout.globals += 1,
                        TypeRef::Memory(memory) => layout.memory(memory),
                        _ => {}
                    }
                }
                layout.imported = layout.functions.len() as u32;
            }
            Payload::FunctionSection(section) => {
                for type_index in section {
                    layout.functions.push(type_index?);
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    layout.memory(memory?);
                }
            }
            Payload::GlobalSection(section) => layout.globals += section.count(),
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let (name, kind, index) = (export.name.to_owned(), export.kind, export.index);
                    layout.exports.push(Export { name, kind, index });
                }
            }
            Payload::CodeSectionEntry(body) => layout.bodies.push(place(body.range())),
            Payload::DataSection(section) => {
                layout.data_segments = section.count();
                for segment in section {
                    let segment = segment?;
                    let address = start_of(&segment.kind)?;
                    layout.lowest_data = layout.lowest_data.min(address);
                    let place = place(segment.range);
                    let bytes = place.end - segment.data.len()..place.end;
                    let [_, last] = std::mem::take(&mut layout.last_segments);
                    layout.last_segments = [last, Segment { place, address, bytes }];
                }
            }
            Payload::CustomSection(section) => {
                if let KnownCustom::Name(_) = section.as_known() {
                    layout.name_section = Some(place(section.data_offset()..section.range().end));
                }
            }
            _ => {}
        }
    }
    Ok(layout)
}

/// A place in a module that is in memory, so that no number can be cut off.
fn place(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Where an active segment begins; one whose address is not plain may be anywhere.
fn start_of(kind: &DataKind<'_>) -> Result<u64, Error> {
    let DataKind::Active { offset_expr, .. } = kind else { return Ok(u64::MAX) };
    match offset_expr.get_operators_reader().read()? {
        Operator::I32Const { value } => Ok(u64::from(value as u32)),
        _ => Ok(0),
    }
}

/// Calls of functions that are to be led elsewhere: the place of the instruction, and where to.
pub(crate) fn calls(
    module: &[u8],
    body: &Range<usize>,
    to: &HashMap<u32, u32>,
) -> Result<Vec<(Range<usize>, u32)>, Error> {
    let bytes = module.get(body.clone()).unwrap_or_default();
    if !may_call(bytes, to) {
        return Ok(Vec::new());
    }
    let function = wasmparser::FunctionBody::new(BinaryReader::new(bytes, body.start as u64));
    let mut operators = function.get_operators_reader()?;
    let mut found = Vec::new();
    while !operators.eof() {
        let (operator, at) = operators.read_with_offset()?;
        if let Operator::Call { function_index } = operator
            && let Some(&other) = to.get(&function_index)
        {
            found.push((place(at..operators.original_position()), other));
        }
    }
    Ok(found)
}

/// Whether the byte of a call stands before what may be the beginning of one of the numbers. Most
/// bodies need no closer look.
fn may_call(bytes: &[u8], to: &HashMap<u32, u32>) -> bool {
    const CALL: u8 = 0x10;
    let low = |byte: u8| u32::from(byte & 0x7f);
    bytes.windows(2).any(|pair| pair[0] == CALL && to.keys().any(|key| key & 0x7f == low(pair[1])))
}
