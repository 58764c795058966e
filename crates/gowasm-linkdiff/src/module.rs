//! Where the parts of a module lie, read without trust: what cannot be read has no parts.

use std::ops::Range;

use wasmparser::{BinaryReader, KnownCustom, Name, Parser, Payload, TypeRef};

/// A section: its header and its contents, as ranges of the file.
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) range: Range<usize>,
}

/// What is needed to say in words where an offset lies.
#[derive(Default)]
pub(crate) struct Module {
    pub(crate) sections: Vec<Section>,
    /// `module.name` of each imported function, which come first in the function index space.
    pub(crate) imports: Vec<String>,
    /// The bodies, each with its local declarations and without its size.
    pub(crate) bodies: Vec<Range<usize>>,
    pub(crate) function_names: Vec<(u32, String)>,
    /// Address and contents of each data segment.
    pub(crate) segments: Vec<(u64, Range<usize>)>,
}

impl Module {
    pub(crate) fn read(bytes: &[u8]) -> Module {
        let mut module = Module::default();
        // A module that is cut off or wrong still has the parts before the fault.
        let _ = module.fill(bytes);
        module
    }

    fn fill(&mut self, bytes: &[u8]) -> wasmparser::Result<()> {
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section() {
                let name = match &payload {
                    Payload::CustomSection(custom) => format!("custom section {:?}", custom.name()),
                    _ => format!("{} section", section_name(id)),
                };
                self.sections.push(Section { name, range: in_memory(range) });
            }
            match payload {
                Payload::ImportSection(reader) => {
                    for import in reader.into_imports() {
                        let import = import?;
                        if let TypeRef::Func(_) = import.ty {
                            self.imports.push(format!("{}.{}", import.module, import.name));
                        }
                    }
                }
                Payload::CodeSectionEntry(body) => self.bodies.push(in_memory(body.range())),
                Payload::DataSection(reader) => self.read_segments(reader)?,
                Payload::CustomSection(custom) => {
                    if let KnownCustom::Name(names) = custom.as_known() {
                        for name in names {
                            let Name::Function(map) = name? else { continue };
                            for naming in map {
                                let naming = naming?;
                                self.function_names.push((naming.index, naming.name.to_owned()));
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn read_segments(&mut self, reader: wasmparser::DataSectionReader) -> wasmparser::Result<()> {
        for segment in reader {
            let segment = segment?;
            let wasmparser::DataKind::Active { offset_expr, .. } = segment.kind else { continue };
            let mut operators = offset_expr.get_operators_reader();
            let address = match operators.read()? {
                wasmparser::Operator::I32Const { value } => u64::from(value as u32),
                wasmparser::Operator::I64Const { value } => value as u64,
                _ => continue,
            };
            let end = segment.range.end as usize;
            self.segments.push((address, end - segment.data.len()..end));
        }
        Ok(())
    }

    /// The function's name, or its number where it has none.
    pub(crate) fn function(&self, index: u32) -> String {
        if let Some(import) = self.imports.get(index as usize) {
            return format!("imported function {import}");
        }
        match self.function_names.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(at) => format!("function {} ({index})", self.function_names[at].1),
            Err(_) => format!("function {index}"),
        }
    }
}

fn section_name(id: u8) -> &'static str {
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    NAMES.get(usize::from(id)).copied().unwrap_or("unknown")
}

/// The parser counts as if the file could be larger than memory.
fn in_memory(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The number of entries that a section begins with.
pub(crate) fn entries(bytes: &[u8], section: &Section) -> Option<u32> {
    let mut reader = BinaryReader::new(bytes.get(section.range.clone())?, 0);
    reader.read_var_u32().ok()
}
