//! Go types as far as directives need them: which wasm values a type becomes, and whether Go lets it
//! cross the border at all. What the sources of the packages at hand cannot tell stays unknown.

use crate::source::Source;
use crate::wasm::WasmType;
use rustc_hash::{FxHashMap, FxHashSet};
use std::ops::Range;
use tree_sitter::Node;

/// A type expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GoType {
    /// A name as the source has it, until its package is known.
    Name(String),
    /// `structs.HostLayout`, with the path of the import; a predeclared name, with the path of the
    /// package that uses it.
    Qualified(String, String),
    Pointer(Box<GoType>),
    Array(Box<GoType>),
    Struct(Vec<GoType>),
    /// A slice, map, channel, function or interface.
    Unsupported,
    /// Generic types, and what the parser could not read.
    Unknown,
}

/// The imports of one file: the name it uses for each.
pub(crate) struct Imports(FxHashMap<String, String>);

impl Imports {
    pub(crate) fn of(source: &Source<'_>, declarations: &[Node<'_>]) -> Self {
        let mut names = FxHashMap::default();
        for declaration in declarations.iter().filter(|node| node.kind() == "import_declaration") {
            for spec in specs(*declaration, "import_spec_list", &["import_spec"]) {
                let Some(path) = spec.child_by_field_name("path") else { continue };
                let path = source.str(path).trim_matches(['"', '`']);
                let name = match spec.child_by_field_name("name") {
                    Some(name) => source.str(name),
                    None => usual_name(path),
                };
                names.insert(name.to_owned(), path.to_owned());
            }
        }
        Imports(names)
    }
}

/// The name that a package of this path usually has: the last element that is no version.
fn usual_name(path: &str) -> &str {
    let is_version = |element: &str| {
        let digits = element.strip_prefix('v').unwrap_or_default();
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let mut elements = path.rsplit('/');
    let last = elements.next().unwrap_or(path);
    match elements.next() {
        Some(before) if is_version(last) => before,
        // Such as gopkg.in/yaml.v3.
        _ => {
            last.rsplit_once('.').filter(|(_, end)| is_version(end)).map_or(last, |(name, _)| name)
        }
    }
}

/// The specs of a declaration, in a group or alone.
fn specs<'t>(declaration: Node<'t>, group: &str, kinds: &[&str]) -> Vec<Node<'t>> {
    let mut found = Vec::new();
    for child in declaration.named_children(&mut declaration.walk()) {
        if child.kind() == group {
            found.extend(specs(child, "", kinds));
        } else if kinds.contains(&child.kind()) {
            found.push(child);
        }
    }
    found
}

pub(crate) fn read(source: &Source<'_>, node: Node<'_>, imports: &Imports) -> GoType {
    read_within(source, node, imports, 0)
}

/// Deeper nesting than any real type has; keeps hostile input from exhausting the stack.
const MAX_DEPTH: u32 = 64;

/// Steps that one question about a pointer may take: structs that hold structs that hold structs have
/// more paths than anybody can walk. What takes longer stays unknown.
const STEPS: Range<u32> = 0..10_000;

fn read_within(source: &Source<'_>, node: Node<'_>, imports: &Imports, depth: u32) -> GoType {
    if depth > MAX_DEPTH || node.is_error() || node.is_missing() {
        return GoType::Unknown;
    }
    let inner = |node: Option<Node<'_>>| match node {
        Some(node) => read_within(source, node, imports, depth + 1),
        None => GoType::Unknown,
    };
    match node.kind() {
        "type_identifier" => GoType::Name(source.str(node).to_owned()),
        "qualified_type" => qualified(source, node, imports),
        "pointer_type" => GoType::Pointer(Box::new(inner(node.named_child(0)))),
        "parenthesized_type" => inner(node.named_child(0)),
        "array_type" => GoType::Array(Box::new(inner(node.child_by_field_name("element")))),
        "struct_type" => GoType::Struct(fields(source, node, imports, depth)),
        "slice_type" | "map_type" | "channel_type" | "function_type" | "interface_type" => {
            GoType::Unsupported
        }
        _ => GoType::Unknown,
    }
}

fn qualified(source: &Source<'_>, node: Node<'_>, imports: &Imports) -> GoType {
    let package = node.child_by_field_name("package").map(|package| source.str(package));
    let path = package.and_then(|package| imports.0.get(package));
    match (path, node.child_by_field_name("name")) {
        (Some(path), Some(name)) => GoType::Qualified(path.clone(), source.str(name).to_owned()),
        _ => GoType::Unknown,
    }
}

fn fields(source: &Source<'_>, node: Node<'_>, imports: &Imports, depth: u32) -> Vec<GoType> {
    let Some(list) = node.named_child(0) else { return Vec::new() };
    let mut found = Vec::new();
    for field in list.named_children(&mut list.walk()).filter(|f| f.kind() == "field_declaration") {
        let Some(node) = field.child_by_field_name("type") else { continue };
        let embedded_pointer = field.child(0).is_some_and(|first| first.kind() == "*");
        let field_type = read_within(source, node, imports, depth + 1);
        found.push(match embedded_pointer {
            true => GoType::Pointer(Box::new(field_type)),
            false => field_type,
        });
    }
    found
}

impl GoType {
    /// Gives every name the package whose source it stands in: it means the type that is declared there,
    /// or else the predeclared one.
    pub(crate) fn qualify(self, package: &str) -> GoType {
        match self {
            GoType::Name(name) => GoType::Qualified(package.to_owned(), name),
            GoType::Pointer(inner) => GoType::Pointer(Box::new(inner.qualify(package))),
            GoType::Array(inner) => GoType::Array(Box::new(inner.qualify(package))),
            GoType::Struct(fields) => {
                GoType::Struct(fields.into_iter().map(|field| field.qualify(package)).collect())
            }
            other => other,
        }
    }
}

/// The types that packages declare, by import path and name.
#[derive(Default)]
pub(crate) struct Types(FxHashMap<(String, String), GoType>);

impl Types {
    /// Adds the top-level types of a file of this package.
    pub(crate) fn add(&mut self, source: &Source<'_>, package: &str) {
        let declarations = source.declarations();
        let imports = Imports::of(source, &declarations);
        for declaration in declarations.iter().filter(|node| node.kind() == "type_declaration") {
            for spec in specs(*declaration, "", &["type_spec", "type_alias"]) {
                let Some(name) = spec.child_by_field_name("name") else { continue };
                let generic = spec.child_by_field_name("type_parameters").is_some();
                let declared = match spec.child_by_field_name("type") {
                    Some(node) if !generic => read(source, node, &imports).qualify(package),
                    _ => GoType::Unknown,
                };
                let name = source.str(name).to_owned();
                self.0.insert((package.to_owned(), name), declared);
            }
        }
    }

    /// The names, with their packages, that types are made of and that are not known yet.
    pub(crate) fn missing(&self, types: &[&GoType]) -> FxHashSet<(String, String)> {
        let mut seen = FxHashSet::default();
        let mut missing = FxHashSet::default();
        let mut open: Vec<&GoType> = types.to_vec();
        while let Some(go_type) = open.pop() {
            match go_type {
                // The compiler's own package: its source only stands for what it does.
                GoType::Qualified(path, _) if path == "unsafe" => {}
                GoType::Qualified(path, name) => {
                    let key = (path.clone(), name.clone());
                    match self.0.get(&key) {
                        Some(declared) if seen.insert(key.clone()) => open.push(declared),
                        Some(_) => {}
                        None => drop(missing.insert(key)),
                    }
                }
                GoType::Pointer(inner) | GoType::Array(inner) => open.push(inner),
                GoType::Struct(fields) => open.extend(fields),
                GoType::Name(_) | GoType::Unsupported | GoType::Unknown => {}
            }
        }
        missing
    }

    /// How a type crosses between Go and the host.
    pub(crate) fn crossing(&self, go_type: &GoType) -> Crossing {
        match self.underlying(go_type) {
            Some(Underlying::Basic(basic)) => basic_crossing(basic),
            Some(Underlying::Other(GoType::Pointer(element))) => {
                match self.pointer_allowed(element) {
                    // A pointer is an i32 whatever it points to; whether Go allows it is Go's to say.
                    Some(false) => Crossing::Refused,
                    _ => Crossing::Values(vec![WasmType::I32]),
                }
            }
            Some(Underlying::Other(GoType::Qualified(path, name)))
                if path == "unsafe" && name == "Pointer" =>
            {
                Crossing::Values(vec![WasmType::I32])
            }
            Some(Underlying::Other(GoType::Array(_) | GoType::Struct(_) | GoType::Unsupported)) => {
                Crossing::Refused
            }
            Some(Underlying::Other(_)) | None => Crossing::Unknown,
        }
    }

    fn pointer_allowed(&self, element: &GoType) -> Option<bool> {
        let mut steps = STEPS;
        self.element_allowed(element, &mut steps)
    }

    fn underlying<'s>(&'s self, go_type: &'s GoType) -> Option<Underlying<'s>> {
        let mut current = go_type;
        for _ in 0..MAX_DEPTH {
            let GoType::Qualified(path, name) = current else {
                return Some(Underlying::Other(current));
            };
            match self.0.get(&(path.clone(), name.clone())) {
                Some(declared) => current = declared,
                // No type that a package exports has such a name.
                None if is_predeclared(name) => return Some(Underlying::Basic(name)),
                None => return Some(Underlying::Other(current)),
            }
        }
        None
    }

    /// Whether Go lets a pointer to this cross: fixed-size numbers, bool, arrays of those, and structs
    /// with `structs.HostLayout`.
    fn element_allowed(&self, go_type: &GoType, steps: &mut Range<u32>) -> Option<bool> {
        steps.next()?;
        match self.underlying(go_type)? {
            Underlying::Basic(name) => match name {
                "int8" | "uint8" | "byte" | "int16" | "uint16" | "int32" | "uint32" | "rune"
                | "int64" | "uint64" | "float32" | "float64" | "bool" => Some(true),
                _ => Some(false),
            },
            Underlying::Other(GoType::Array(element)) => self.element_allowed(element, steps),
            Underlying::Other(GoType::Struct(fields)) => self.struct_allowed(fields, steps),
            Underlying::Other(GoType::Qualified(path, name))
                if path == "unsafe" && name == "Pointer" =>
            {
                Some(false)
            }
            Underlying::Other(GoType::Pointer(_) | GoType::Unsupported) => Some(false),
            Underlying::Other(_) => None,
        }
    }

    fn struct_allowed(&self, fields: &[GoType], steps: &mut Range<u32>) -> Option<bool> {
        let mut certain = true;
        let mut host_layout = fields.is_empty();
        for field in fields {
            match field {
                GoType::Qualified(path, name) if path == "structs" && name == "HostLayout" => {
                    host_layout = true;
                }
                _ => match self.element_allowed(field, steps) {
                    Some(true) => {}
                    Some(false) => return Some(false),
                    None => certain = false,
                },
            }
        }
        match (certain, host_layout) {
            (true, host_layout) => Some(host_layout),
            (false, _) => None,
        }
    }
}

/// How a Go type crosses between Go and the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Crossing {
    /// As these wasm values.
    Values(Vec<WasmType>),
    /// As pointer and length, and only as a parameter.
    String,
    /// Go refuses it.
    Refused,
    /// Not to be told from the packages at hand.
    Unknown,
}

enum Underlying<'a> {
    Basic(&'a str),
    Other(&'a GoType),
}

fn basic_crossing(name: &str) -> Crossing {
    match name {
        "int32" | "uint32" | "rune" | "bool" | "uintptr" => Crossing::Values(vec![WasmType::I32]),
        "int64" | "uint64" => Crossing::Values(vec![WasmType::I64]),
        "float32" => Crossing::Values(vec![WasmType::F32]),
        "float64" => Crossing::Values(vec![WasmType::F64]),
        "string" => Crossing::String,
        _ => Crossing::Refused,
    }
}

fn is_predeclared(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        "any",
        "bool",
        "byte",
        "comparable",
        "complex64",
        "complex128",
        "error",
        "float32",
        "float64",
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "rune",
        "string",
        "uint",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "uintptr",
    ];
    NAMES.contains(&name)
}
