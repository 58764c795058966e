//! Cuts a file into items. Every section says which of its bytes it can tell apart; what is left of it
//! is its own.

use crate::gotables::{self, GoTables};
use crate::memory::{Memory, Segment};
use crate::names::package_of;
use crate::report::{Item, Report};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use wasmparser::{
    DataKind, ElementItems, ElementKind, Error, ExternalKind, KnownCustom, Name, Operator,
    OperatorsReader, Parser, Payload, TypeRef,
};

/// A piece of the file, and what it belongs to.
struct Piece {
    place: Range<usize>,
    kind: Kind,
    function: Option<u32>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Body,
    Name,
    SegmentHeader,
    /// A segment's content: a place in `segments`.
    Segment(usize),
}

/// What the sections of a module say.
#[derive(Default)]
struct Found {
    /// In the order of the file, with their headers.
    sections: Vec<(String, Range<usize>)>,
    pieces: Vec<Piece>,
    segments: Vec<Segment>,
    imported: u32,
    bodies: u32,
    exports: HashMap<u32, String>,
    /// Functions by their place in the table of indirect calls.
    slots: BTreeMap<u32, u32>,
    names: HashMap<u32, String>,
    has_names: bool,
}

/// Where a module's bytes go. Fails for what is no wasm module.
pub fn measure(file: &[u8]) -> Result<Report, String> {
    if !file.starts_with(b"\0asm") {
        return Err("it does not begin with the bytes `\\0asm`".to_owned());
    }
    let found = read(file).map_err(|error| error.to_string())?;
    let memory = Memory::of(file, &found.segments);
    let go = gotables::find(&memory);
    let has_go_tables = go.is_some();
    let go = go.unwrap_or_default();
    let functions = Functions::new(&found, &go);
    let items = items(&found, &go, &functions, file.len());
    Ok(Report { bytes: file.len() as u64, has_names: found.has_names, has_go_tables, items })
}

fn read(file: &[u8]) -> Result<Found, Error> {
    let mut found = Found::default();
    let mut end = 0;
    for payload in Parser::new(0).parse_all(file) {
        let payload = payload?;
        if let Payload::Version { range, .. } = &payload {
            end = range.end as usize;
            found.sections.push(("header".to_owned(), 0..end));
        }
        // A section begins where the one before ended, so that headers belong to their sections.
        if let Some((id, range)) = payload.as_section() {
            let name = match &payload {
                Payload::CustomSection(custom) => format!("custom {}", custom.name()),
                _ => section_name(id).to_owned(),
            };
            found.sections.push((name, end..range.end as usize));
            end = range.end as usize;
        }
        section(&mut found, payload)?;
    }
    Ok(found)
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

fn section(found: &mut Found, payload: Payload<'_>) -> Result<(), Error> {
    match payload {
        Payload::ImportSection(imports) => {
            for import in imports.into_imports() {
                found.imported += u32::from(matches!(import?.ty, TypeRef::Func(_)));
            }
        }
        Payload::ExportSection(exports) => {
            for export in exports {
                let export = export?;
                if export.kind == ExternalKind::Func {
                    found.exports.insert(export.index, export.name.to_owned());
                }
            }
        }
        Payload::ElementSection(elements) => {
            for element in elements {
                let element = element?;
                let (ElementKind::Active { offset_expr, .. }, ElementItems::Functions(items)) =
                    (element.kind, element.items)
                else {
                    continue;
                };
                let Some(start) = constant(offset_expr.get_operators_reader()) else { continue };
                for (place, function) in (start..=u64::from(u32::MAX)).zip(items) {
                    found.slots.insert(place as u32, function?);
                }
            }
        }
        Payload::CodeSectionEntry(body) => {
            let function = found.imported.saturating_add(found.bodies);
            found.bodies = found.bodies.saturating_add(1);
            let place = in_file(body.range());
            found.pieces.push(Piece { place, kind: Kind::Body, function: Some(function) });
        }
        Payload::DataSection(data) => {
            for segment in data {
                let segment = segment?;
                let whole = in_file(segment.range);
                let content = whole.end - segment.data.len()..whole.end;
                let address = match segment.kind {
                    DataKind::Active { memory_index: 0, offset_expr } => {
                        constant(offset_expr.get_operators_reader())
                    }
                    _ => None,
                };
                let number = found.segments.len();
                let header = whole.start..content.start;
                let piece = |place, kind| Piece { place, kind, function: None };
                found.pieces.push(piece(header, Kind::SegmentHeader));
                found.pieces.push(piece(content.clone(), Kind::Segment(number)));
                found.segments.push(Segment { address, content });
            }
        }
        Payload::CustomSection(custom) => {
            if let KnownCustom::Name(names) = custom.as_known() {
                for subsection in names {
                    // A damaged name section is no reason to tell nothing of the rest.
                    let Ok(Name::Function(mut map)) = subsection else { continue };
                    let mut start = map.names.original_position();
                    while let Some(Ok(naming)) = map.next() {
                        let end = map.names.original_position();
                        let place = in_file(start..end);
                        let function = Some(naming.index);
                        found.pieces.push(Piece { place, kind: Kind::Name, function });
                        start = end;
                        // The guard names its own functions in modules that have no other names.
                        found.has_names |= !naming.name.starts_with("gowasm");
                        found.names.insert(naming.index, naming.name.to_owned());
                    }
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// The parser counts in 64 bits; the file is in memory.
fn in_file(range: Range<u64>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The value of `i32.const` or `i64.const`.
fn constant(mut expression: OperatorsReader<'_>) -> Option<u64> {
    match expression.read().ok()? {
        Operator::I32Const { value } => Some(u64::from(value as u32)),
        Operator::I64Const { value } => u64::try_from(value).ok(),
        _ => None,
    }
}

/// What functions are called: as the runtime calls them, which is how Go writes them; else as the name
/// section does, where most of Go's characters are `_`; else as they are exported.
struct Functions {
    names: HashMap<u32, String>,
    packages: HashMap<u32, Option<String>>,
    /// The functions of the runtime's list, by their place in it.
    listed: Vec<Option<u32>>,
}

impl Functions {
    fn new(found: &Found, go: &GoTables) -> Self {
        let mut names = found.exports.clone();
        names.extend(found.names.iter().map(|(index, name)| (*index, name.clone())));
        let mut packages = HashMap::new();
        let mut listed = Vec::new();
        let mut of_runtime = HashMap::new();
        for (slot, name) in &go.functions {
            let function = found.slots.get(slot).copied();
            listed.push(function);
            // Of several functions with one body the first gives it its name.
            if let Some(function) = function {
                of_runtime.entry(function).or_insert_with(|| name.clone());
            }
        }
        for (function, name) in of_runtime {
            packages.insert(function, package_of(&name));
            names.insert(function, name);
        }
        Functions { names, packages, listed }
    }

    fn name(&self, function: u32) -> String {
        self.names.get(&function).cloned().unwrap_or_else(|| format!("function {function}"))
    }

    fn package(&self, function: u32) -> Option<String> {
        match self.packages.get(&function) {
            Some(package) => package.clone(),
            None => self.names.get(&function).and_then(|name| package_of(name)),
        }
    }
}

/// The sums that become items: by section, table and function.
#[derive(Default)]
struct Sums(BTreeMap<(usize, &'static str, Option<u32>), u64>);

impl Sums {
    fn add(&mut self, section: usize, table: &'static str, function: Option<u32>, bytes: usize) {
        if bytes > 0 {
            *self.0.entry((section, table, function)).or_default() += bytes as u64;
        }
    }
}

/// The rest of a section that has no table of its own.
const REST: &str = "";

fn items(found: &Found, go: &GoTables, functions: &Functions, size: usize) -> Vec<Item> {
    let mut sums = Sums::default();
    let mut pieces = found.pieces.iter().peekable();
    let mut at = 0;
    for (number, (_, section)) in found.sections.iter().enumerate() {
        while let Some(piece) = pieces.next_if(|piece| piece.place.end <= section.end) {
            let start = piece.place.start.max(at);
            let end = piece.place.end.max(start);
            let before = start - at;
            let length = end - start;
            match piece.kind {
                // A body's size stands before it.
                Kind::Body => {
                    let size = leb_size(piece.place.len()).min(before);
                    sums.add(number, REST, None, before - size);
                    sums.add(number, "code", piece.function, length + size);
                }
                Kind::Name => {
                    sums.add(number, REST, None, before);
                    sums.add(number, "names", piece.function, length);
                }
                Kind::SegmentHeader => {
                    sums.add(number, REST, None, before);
                    sums.add(number, "data segment headers", None, length);
                }
                Kind::Segment(segment) => {
                    sums.add(number, REST, None, before);
                    content(&mut sums, number, &found.segments[segment], go, functions);
                }
            }
            at = end;
        }
        sums.add(number, REST, None, section.end.saturating_sub(at));
        at = at.max(section.end);
    }
    let mut items: Vec<Item> = sums
        .0
        .into_iter()
        .map(|(key, bytes)| {
            let (section, table, function) = key;
            let section = &found.sections[section].0;
            Item {
                section: section.clone(),
                table: if table == REST { format!("section: {section}") } else { table.to_owned() },
                package: function.and_then(|function| functions.package(function)),
                function: function.map(|function| functions.name(function)),
                bytes,
            }
        })
        .collect();
    if at < size {
        let (section, table) = ("after the sections".to_owned(), "after the sections".to_owned());
        let bytes = (size - at) as u64;
        items.push(Item { section, table, package: None, function: None, bytes });
    }
    items
}

/// How many bytes the shortest LEB128 of a number takes.
fn leb_size(number: usize) -> usize {
    (usize::BITS - number.leading_zeros()).div_ceil(7).max(1) as usize
}

/// Hands the bytes of a segment to the tables of the runtime that they fill.
fn content(
    sums: &mut Sums,
    section: usize,
    segment: &Segment,
    go: &GoTables,
    functions: &Functions,
) {
    let Some(place) = segment.filled() else {
        return sums.add(section, "other data", None, segment.content.len());
    };
    let first = go.regions.partition_point(|region| region.place.end <= place.start);
    let mut at = place.start;
    for region in go.regions[first..].iter().take_while(|region| region.place.start < place.end) {
        let start = region.place.start.max(at);
        let end = region.place.end.min(place.end);
        sums.add(section, "other data", None, (start - at) as usize);
        let owner =
            region.function.and_then(|number| functions.listed.get(number).copied().flatten());
        sums.add(section, region.table, owner, (end - start) as usize);
        at = end;
    }
    sums.add(section, "other data", None, (place.end - at) as usize);
}
