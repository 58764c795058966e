//! One Go file: its directive lines and the functions they stand on.
//!
//! Go's compiler gathers directive lines between two tokens and gives them to the declaration that
//! starts next, across blank lines and other comments. So a directive belongs to the next top-level
//! declaration, and one that lies inside a declaration belongs to none.

use crate::codes;
use crate::gotype::{self, GoType, Imports};
use crate::spelling::{self, Kind, Line};
use gowasm_diagnostic::{Diagnostic, Position};
use tree_sitter::{Node, Parser, Tree};

/// What a file holds, before types are resolved.
#[derive(Debug, Default)]
pub(crate) struct FileDirectives {
    pub(crate) package_name: String,
    pub(crate) functions: Vec<MarkedFunction>,
    pub(crate) findings: Vec<Diagnostic>,
    /// `func main` of a package main.
    pub(crate) main: Option<MainFunction>,
}

/// Whether a text may have a [`MainFunction`]; without parsing.
pub(crate) fn may_have_main(text: &[u8]) -> bool {
    memchr::memmem::find(text, b"func main(").is_some()
        && memchr::memmem::find(text, b"package main").is_some()
}

#[derive(Debug, Clone)]
pub(crate) struct MainFunction {
    pub(crate) position: Position,
    /// There are statements in it.
    pub(crate) does_something: bool,
}

impl FileDirectives {
    /// With the package's path in the types of all signatures.
    pub(crate) fn qualified(mut self, package: &str) -> Self {
        for marked in &mut self.functions {
            for raw in marked.params.iter_mut().chain(&mut marked.results) {
                raw.parsed = std::mem::replace(&mut raw.parsed, GoType::Unknown).qualify(package);
            }
        }
        self
    }
}

/// A function with the directive that counts.
#[derive(Debug)]
pub(crate) struct MarkedFunction {
    pub(crate) directive: Directive,
    pub(crate) name: String,
    pub(crate) params: Vec<RawParameter>,
    pub(crate) results: Vec<RawParameter>,
}

#[derive(Debug, Clone)]
pub(crate) struct Directive {
    pub(crate) kind: Kind,
    pub(crate) words: Vec<String>,
    pub(crate) position: Position,
}

#[derive(Debug)]
pub(crate) struct RawParameter {
    pub(crate) name: Option<String>,
    pub(crate) go_type: String,
    pub(crate) parsed: GoType,
    pub(crate) position: Position,
}

/// A Go file that tree-sitter parsed.
pub(crate) struct Source<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) shown: &'a str,
    tree: Tree,
}

impl<'a> Source<'a> {
    pub(crate) fn parse(text: &'a [u8], shown: &'a str) -> Option<Self> {
        let mut parser = Parser::new();
        parser.set_language(&tree_sitter_go::LANGUAGE.into()).ok()?;
        let tree = parser.parse(text, None)?;
        Some(Source { text, shown, tree })
    }

    /// The top-level declarations.
    pub(crate) fn declarations(&self) -> Vec<Node<'_>> {
        let root = self.tree.root_node();
        root.named_children(&mut root.walk()).filter(|node| node.kind() != "comment").collect()
    }

    /// Where the file declares the function, method (`T.M`, `(*T).M`) or variable of this symbol.
    pub(crate) fn declaration(&self, symbol: &str) -> Option<Position> {
        self.declarations().into_iter().find_map(|node| match node.kind() {
            "function_declaration" => {
                let name = node.child_by_field_name("name")?;
                (self.str(name) == symbol).then(|| self.position(name))
            }
            "method_declaration" => {
                let name = node.child_by_field_name("name")?;
                let receiver = self.receiver(node)?;
                (format!("{receiver}.{}", self.str(name)) == symbol).then(|| self.position(name))
            }
            "var_declaration" => {
                let mut names = self.var_names(node).into_iter();
                names.find(|name| self.str(*name) == symbol).map(|name| self.position(name))
            }
            _ => None,
        })
    }

    /// The type that a method is of, as its symbol has it.
    fn receiver(&self, method: Node<'_>) -> Option<String> {
        let receiver = method.child_by_field_name("receiver")?.named_child(0)?;
        let of = receiver.child_by_field_name("type")?;
        Some(match of.kind() {
            "pointer_type" => format!("(*{})", self.str(of.named_child(0)?)),
            _ => self.str(of).to_owned(),
        })
    }

    /// The names of a declaration of variables, in a group or alone.
    fn var_names<'t>(&self, node: Node<'t>) -> Vec<Node<'t>> {
        let mut names = Vec::new();
        for child in node.named_children(&mut node.walk()) {
            match child.kind() {
                "var_spec_list" => names.extend(self.var_names(child)),
                "var_spec" => names.extend(child.children_by_field_name("name", &mut child.walk())),
                _ => {}
            }
        }
        names
    }

    pub(crate) fn str(&self, node: Node<'_>) -> &'a str {
        std::str::from_utf8(&self.text[node.byte_range()]).unwrap_or_default()
    }

    fn position(&self, node: Node<'_>) -> Position {
        let point = node.start_position();
        Position::new(self.shown, point.row as u32 + 1, point.column as u32 + 1)
    }

    /// The comments that may hold a directive, in the order of the text.
    fn comments(&self) -> Vec<Node<'_>> {
        let root = self.tree.root_node();
        let starts = spelling::STARTS.iter();
        let mut found: Vec<Node<'_>> = starts
            .flat_map(|start| memchr::memmem::find_iter(self.text, start))
            .filter_map(|at| root.descendant_for_byte_range(at, at + 1))
            .filter(|node| node.kind() == "comment")
            .collect();
        found.sort_by_key(Node::start_byte);
        found.dedup();
        found
    }

    /// `func main`, where the package is main.
    fn main(&self, package_name: &str, declarations: &[Node<'_>]) -> Option<MainFunction> {
        let is_main = |node: &&Node<'_>| {
            let name = node.child_by_field_name("name");
            node.kind() == "function_declaration" && name.is_some_and(|it| self.str(it) == "main")
        };
        let function = declarations.iter().find(is_main).filter(|_| package_name == "main")?;
        let body = function.child_by_field_name("body")?;
        let does_something =
            body.named_children(&mut body.walk()).any(|node| node.kind() != "comment");
        Some(MainFunction { position: self.position(*function), does_something })
    }

    fn alone_on_its_line(&self, node: Node<'_>) -> bool {
        let before = &self.text[..node.start_byte()];
        let line = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        before[line..].trim_ascii().is_empty()
    }
}

/// What `go list` goes by: everything up to the last import. It is the whole of a file in which the parser
/// lost its way, and of one that embeds files, as any line may say which.
pub fn header(text: &[u8]) -> &[u8] {
    let Some(source) = Source::parse(text, "") else { return text };
    let declarations = source.declarations();
    let is_head = |node: &&Node<'_>| matches!(node.kind(), "package_clause" | "import_declaration");
    let end = declarations.iter().filter(is_head).map(|node| node.end_byte()).max();
    match end.and_then(|end| text.get(..end)) {
        Some(head)
            if !source.tree.root_node().has_error()
                && memchr::memmem::find(head, b"embed").is_none() =>
        {
            head
        }
        _ => text,
    }
}

/// A directive line and what it stands on.
struct Marked<'t> {
    directive: Directive,
    on: Node<'t>,
}

pub(crate) fn read(text: &[u8], shown: &str) -> FileDirectives {
    let Some(source) = Source::parse(text, shown) else { return FileDirectives::default() };
    let declarations = source.declarations();
    // Where the parser lost its way (a syntax error, or syntax newer than it), what follows a comment
    // is not certain: what it found counts, what it missed is the compiler's to say.
    let sound = !source.tree.root_node().has_error();
    let mut findings = Vec::new();
    let mut marked: Vec<Marked<'_>> = Vec::new();
    let mut spaced: Vec<(Kind, Node<'_>)> = Vec::new();
    let mut of_tinygo: Vec<(&str, &str, Node<'_>)> = Vec::new();
    for comment in source.comments() {
        let line = spelling::read(source.str(comment).trim_end_matches('\r'));
        let position = source.position(comment);
        match line {
            Line::Other => {}
            Line::Malformed(kind, fault) => findings.push(malformed(kind, fault, position)),
            Line::Misspelled(kind, word) => findings.push(misspelled(kind, word, position)),
            Line::Spaced(kind) => spaced.push((kind, comment)),
            Line::TinyGo(word, name) => of_tinygo.push((word, name, comment)),
            Line::Directive(kind, words) => {
                let words = words.into_iter().map(str::to_owned).collect();
                let directive = Directive { kind, words, position };
                match target_of(&source, comment, &declarations) {
                    Ok(on) => marked.push(Marked { directive, on }),
                    Err(why) if sound => findings.push(no_function(&directive, &why)),
                    Err(_) => {}
                }
            }
        }
    }
    for (kind, comment) in spaced {
        if sound && starts_next_line(&source, comment, &declarations, kind, &marked) {
            findings.push(space(kind, source.position(comment)));
        }
    }
    let of_cgo = memchr::memmem::find(text, b"\"C\"").is_some();
    for (word, name, comment) in of_tinygo {
        if of_cgo && word == "export" {
            continue;
        }
        let Some(on) = function_below(&source, comment, &declarations, "//") else { continue };
        // Whoever writes for both has Go's directive there as well.
        if sound && !marked.iter().any(|other| other.on.id() == on.id()) {
            let has_body = on.child_by_field_name("body").is_some();
            findings.push(tinygo(word, name, has_body, source.position(comment)));
        }
    }
    let functions = functions(&source, &declarations, marked, &mut findings);
    let package_name = package_name(&source, &declarations);
    let main = source.main(&package_name, &declarations);
    FileDirectives { package_name, functions, findings, main }
}

/// The function that a directive stands on, or what is there instead.
fn target_of<'t>(
    source: &Source<'_>,
    comment: Node<'t>,
    declarations: &[Node<'t>],
) -> Result<Node<'t>, String> {
    if !source.alone_on_its_line(comment) {
        return Err("shares its line with code".to_owned());
    }
    let (start, end) = (comment.start_byte(), comment.end_byte());
    let around =
        declarations.iter().find(|node| node.start_byte() < start && end <= node.end_byte());
    if let Some(node) = around {
        // Between `func` and the name Go still takes it.
        let name =
            node.child_by_field_name("name").filter(|_| node.kind() == "function_declaration");
        if name.is_some_and(|name| end <= name.start_byte()) {
            return Ok(*node);
        }
        return Err(format!("stands inside {}", described(node.kind())));
    }
    match declarations.iter().find(|node| node.start_byte() >= end) {
        Some(node) if matches!(node.kind(), "function_declaration" | "method_declaration") => {
            Ok(*node)
        }
        Some(node) => Err(format!("stands above {}", described(node.kind()))),
        None => Err("has nothing under it".to_owned()),
    }
}

fn described(kind: &str) -> &'static str {
    match kind {
        "package_clause" => "the package clause",
        "import_declaration" => "an import declaration",
        "const_declaration" => "a constant declaration",
        "var_declaration" => "a variable declaration",
        "type_declaration" => "a type declaration",
        "function_declaration" => "a function",
        "method_declaration" => "a method",
        _ => "something that is not a function",
    }
}

/// Whether a `// go:wasmexport name` is meant as a directive: on the line right above a function, or
/// right above other directives of it, and the function has no such directive.
fn starts_next_line(
    source: &Source<'_>,
    comment: Node<'_>,
    declarations: &[Node<'_>],
    kind: Kind,
    marked: &[Marked<'_>],
) -> bool {
    let Some(next) = function_below(source, comment, declarations, "//go:") else { return false };
    let body = next.child_by_field_name("body");
    let fits = match kind {
        Kind::Export => body.is_some(),
        Kind::Import => body.is_none(),
    };
    fits && !marked.iter().any(|other| other.on.id() == next.id() && other.directive.kind == kind)
}

/// The top-level function that begins under a comment, with nothing between the two but lines of this
/// beginning.
fn function_below<'t>(
    source: &Source<'_>,
    comment: Node<'t>,
    declarations: &[Node<'t>],
    between: &str,
) -> Option<Node<'t>> {
    let next = declarations.iter().find(|node| node.start_byte() >= comment.end_byte())?;
    let inside = declarations.iter().any(|node| {
        node.start_byte() < comment.start_byte() && comment.end_byte() <= node.end_byte()
    });
    let lines = String::from_utf8_lossy(&source.text[comment.end_byte()..next.start_byte()]);
    let mut lines = lines.trim_end_matches([' ', '\t']).lines().skip(1);
    (next.kind() == "function_declaration"
        && !inside
        && lines.all(|line| line.starts_with(between)))
    .then_some(*next)
}

/// One entry a function: of several directives Go keeps the last of each kind.
fn functions(
    source: &Source<'_>,
    declarations: &[Node<'_>],
    marked: Vec<Marked<'_>>,
    findings: &mut Vec<Diagnostic>,
) -> Vec<MarkedFunction> {
    let imports = Imports::of(source, declarations);
    let mut functions = Vec::new();
    for group in marked.chunk_by(|a, b| a.on.id() == b.on.id()) {
        let Some(first) = group.first() else { continue };
        let node = first.on;
        let (exports, host): (Vec<_>, Vec<_>) =
            group.iter().partition(|marked| marked.directive.kind == Kind::Export);
        let name =
            node.child_by_field_name("name").map(|name| source.str(name)).unwrap_or_default();
        two_directives(name, &exports, findings);
        two_directives(name, &host, findings);
        let (export, import) = (exports.last(), host.last());
        if let (Some(export), Some(import)) = (export, import) {
            findings.push(both(name, &export.directive, &import.directive));
        }
        // With both, Go imports and never makes the export.
        let Some(counts) = import.or(export) else { continue };
        if let Some(finding) = unfit(source, node, name, &counts.directive) {
            findings.push(finding);
            continue;
        }
        functions.push(MarkedFunction {
            directive: counts.directive.clone(),
            name: name.to_owned(),
            params: parameters(source, node.child_by_field_name("parameters"), &imports),
            results: parameters(source, node.child_by_field_name("result"), &imports),
        });
    }
    functions
}

/// What keeps a function from being exported or imported at all.
fn unfit(
    source: &Source<'_>,
    node: Node<'_>,
    name: &str,
    directive: &Directive,
) -> Option<Diagnostic> {
    let kind = directive.kind;
    let word = kind.word();
    let there = |diagnostic: Diagnostic| diagnostic.at(directive.position.clone());
    let body = node.child_by_field_name("body").is_some();
    if node.kind() == "method_declaration" {
        let message =
            format!("//{word} {} stands on a method, `{name}`", directive.words.join(" "));
        return Some(there(
            Diagnostic::error(message)
                .code(codes::METHOD)
                .hint("put it on a function that calls the method"),
        ));
    }
    if node.child_by_field_name("type_parameters").is_some() {
        let message = format!(
            "//{word} {} stands on a generic function, `{name}`",
            directive.words.join(" ")
        );
        return Some(there(
            Diagnostic::error(message)
                .code(codes::GENERIC)
                .hint("put it on a function without type parameters that calls this one"),
        ));
    }
    if name == "_" {
        let message = format!(
            "//{word} {} stands on a function named `_`, which Go throws away",
            directive.words.join(" ")
        );
        return Some(there(
            Diagnostic::error(message).code(codes::UNNAMED).hint("give the function a name"),
        ));
    }
    match kind {
        Kind::Export if !body => {
            let message = format!("the exported function `{name}` has no body");
            let diagnostic = Diagnostic::error(message).code(codes::EXPORT_WITHOUT_BODY);
            Some(there(
                diagnostic.hint("to get a function from the host, use //go:wasmimport MODULE NAME"),
            ))
        }
        Kind::Import if body => {
            let message = format!("the imported function `{name}` has a body");
            let diagnostic = Diagnostic::error(message)
                .code(codes::IMPORT_WITH_BODY)
                .related(source.position(node), "the function");
            Some(there(diagnostic.hint(
                "remove the body; to offer the function to the host, use //go:wasmexport NAME",
            )))
        }
        _ => None,
    }
}

fn parameters(source: &Source<'_>, list: Option<Node<'_>>, imports: &Imports) -> Vec<RawParameter> {
    let Some(list) = list else { return Vec::new() };
    let one = |name: Option<String>, node: Node<'_>, go_type: String, parsed: GoType| {
        RawParameter { name, go_type, parsed, position: source.position(node) }
    };
    if list.kind() != "parameter_list" {
        // A single result without parentheses.
        let go_type = source.str(list).to_owned();
        return vec![one(None, list, go_type, gotype::read(source, list, imports))];
    }
    let mut found = Vec::new();
    for declaration in list.named_children(&mut list.walk()) {
        let Some(node) = declaration.child_by_field_name("type") else { continue };
        let (go_type, parsed) = match declaration.kind() {
            "variadic_parameter_declaration" => {
                (format!("...{}", source.str(node)), GoType::Unsupported)
            }
            "parameter_declaration" => {
                (source.str(node).to_owned(), gotype::read(source, node, imports))
            }
            _ => continue,
        };
        let mut cursor = declaration.walk();
        let names: Vec<Node<'_>> =
            declaration.children_by_field_name("name", &mut cursor).collect();
        if names.is_empty() {
            found.push(one(None, node, go_type.clone(), parsed.clone()));
        }
        for name in names {
            found.push(one(
                Some(source.str(name).to_owned()),
                name,
                go_type.clone(),
                parsed.clone(),
            ));
        }
    }
    found
}

fn package_name(source: &Source<'_>, declarations: &[Node<'_>]) -> String {
    declarations
        .iter()
        .find(|node| node.kind() == "package_clause")
        .and_then(|clause| clause.named_child(0))
        .map(|name| source.str(name).to_owned())
        .unwrap_or_default()
}

fn malformed(kind: Kind, fault: &str, position: Position) -> Diagnostic {
    Diagnostic::error(format!("//{} {fault}", kind.word()))
        .code(codes::MALFORMED)
        .at(position)
        .hint(format!("write `{}`", kind.usage()))
}

fn misspelled(kind: Kind, word: &str, position: Position) -> Diagnostic {
    Diagnostic::warning(format!("//{word} is no directive of Go; is //{} meant?", kind.word()))
        .code(codes::MISSPELLED)
        .at(position)
        .hint(format!("write `{}`", kind.usage()))
}

fn space(kind: Kind, position: Position) -> Diagnostic {
    let message =
        format!("Go reads `// {}` as a comment, because of the space after `//`", kind.word());
    Diagnostic::warning(message)
        .code(codes::SPACE)
        .at(position)
        .hint(format!("write `{}`", kind.usage()))
}

fn tinygo(word: &str, name: &str, has_body: bool, position: Position) -> Diagnostic {
    let hint = match (word, has_body) {
        ("go:wasm-module", _) => format!("write `//go:wasmimport {name} NAME`"),
        (_, true) => format!("write `//go:wasmexport {name}`"),
        (_, false) => format!("write `//go:wasmimport MODULE {name}`"),
    };
    Diagnostic::warning(format!("Go takes `//{word} {name}` for a comment: it is TinyGo's"))
        .code(codes::TINYGO)
        .at(position)
        .hint(hint)
}

fn no_function(directive: &Directive, why: &str) -> Diagnostic {
    let (word, words) = (directive.kind.word(), directive.words.join(" "));
    Diagnostic::error(format!("//{word} {words} {why}"))
        .code(codes::NO_FUNCTION)
        .at(directive.position.clone())
        .hint("put it on the line above a top-level function")
}

fn two_directives(function: &str, directives: &[&Marked<'_>], findings: &mut Vec<Diagnostic>) {
    let Some((last, earlier)) = directives.split_last() else { return };
    for one in earlier {
        let word = one.directive.kind.word();
        let finding = Diagnostic::error(format!(
            "`{function}` has two //{word} directives; Go drops this one, `{}`",
            one.directive.words.join(" ")
        ));
        findings.push(
            finding
                .code(codes::TWO_DIRECTIVES)
                .at(one.directive.position.clone())
                .related(last.directive.position.clone(), "the one that counts")
                .hint("write a second function that calls the first"),
        );
    }
}

fn both(function: &str, export: &Directive, import: &Directive) -> Diagnostic {
    Diagnostic::error(format!(
        "`{function}` is both exported as `{}` and imported",
        export.words.join(" ")
    ))
    .code(codes::EXPORT_AND_IMPORT)
    .at(export.position.clone())
    .related(import.position.clone(), "imported here")
    .hint("export a second function that calls the imported one")
}
