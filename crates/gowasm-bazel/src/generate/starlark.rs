//! A BUILD or MODULE.bazel file as far as it matters here: the calls at its top level, with where each
//! part stands in the text. What a file says beyond that stays as it is, byte for byte.

use gowasm_diagnostic::{Diagnostic, Position};
use std::ops::Range;
use tree_sitter::{Node, Parser};

#[derive(Debug)]
pub(crate) struct File {
    pub(crate) text: String,
    pub(crate) calls: Vec<Call>,
    /// Where a first `load` goes.
    pub(crate) head: usize,
    /// A comment line `# gowasm:ignore`.
    pub(crate) ignored: bool,
    /// Comment lines at the top level, without `#`.
    pub(crate) comments: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Call {
    /// As the file has it: `go_wasm_package`, `go_wasm.modules`.
    pub(crate) function: String,
    /// `x` in `x = f()`.
    pub(crate) variable: Option<String>,
    /// From the comments directly above to the end of the last line.
    pub(crate) lines: Range<usize>,
    /// Between the parentheses.
    pub(crate) inside: Range<usize>,
    pub(crate) arguments: Vec<Argument>,
    /// A comment says `# keep`.
    pub(crate) keep: bool,
}

#[derive(Debug)]
pub(crate) struct Argument {
    /// Absent of a positional one.
    pub(crate) name: Option<String>,
    pub(crate) span: Range<usize>,
    pub(crate) value: Range<usize>,
    pub(crate) content: Content,
    pub(crate) keep: bool,
}

#[derive(Debug)]
pub(crate) enum Content {
    String(String),
    /// Lists and selects of lists, added together: a plain list is one part.
    Lists(Vec<Part>),
    /// An expression that is the user's own.
    Other,
}

#[derive(Debug)]
pub(crate) enum Part {
    List(List),
    Select(Vec<(String, List)>),
}

#[derive(Debug, Default)]
pub(crate) struct List {
    pub(crate) elements: Vec<Element>,
    /// Comments behind the last element.
    pub(crate) tail: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) value: String,
    /// Comments in lines of their own.
    pub(crate) above: Vec<String>,
    /// The comment behind it.
    pub(crate) beside: Option<String>,
}

impl Element {
    pub(crate) fn keep(&self) -> bool {
        self.above.iter().chain(&self.beside).any(|comment| is_keep(comment))
    }
}

impl Call {
    pub(crate) fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments.iter().find(|argument| argument.name.as_deref() == Some(name))
    }

    /// The value of an argument that is a string.
    pub(crate) fn string(&self, name: &str) -> Option<&str> {
        self.argument(name)?.string()
    }

    pub(crate) fn strings(&self, name: &str) -> impl Iterator<Item = &str> {
        let parts = match self.argument(name).map(|argument| &argument.content) {
            Some(Content::Lists(parts)) => parts.as_slice(),
            _ => &[],
        };
        parts.iter().flat_map(Part::lists).flat_map(|list| &list.elements).map(|e| e.value.as_str())
    }
}

impl Argument {
    pub(crate) fn string(&self) -> Option<&str> {
        match &self.content {
            Content::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Part {
    pub(crate) fn lists(&self) -> impl Iterator<Item = &List> {
        let (one, several) = match self {
            Part::List(list) => (Some(list), [].as_slice()),
            Part::Select(branches) => (None, branches.as_slice()),
        };
        one.into_iter().chain(several.iter().map(|(_, list)| list))
    }
}

/// Parses a file that is shown to the user as `shown`.
pub(crate) fn parse(text: String, shown: &str) -> Result<File, Diagnostic> {
    let mut parser = Parser::new();
    let language = tree_sitter_starlark::LANGUAGE.into();
    let tree = parser.set_language(&language).ok().and_then(|()| parser.parse(&text, None));
    let tree = tree.ok_or_else(|| Diagnostic::error(format!("{shown} cannot be parsed")))?;
    let root = tree.root_node();
    if let Some(offset) = first_error(root) {
        let position = Position::at_offset(shown, text.as_bytes(), offset);
        return Err(Diagnostic::error("this is no Starlark").at(position).hint(
            "mend the file; a comment line `# gowasm:ignore` in a correct file makes this command leave it alone",
        ));
    }
    let reader = Reader { text: &text };
    let (mut calls, mut head, mut ignored, mut comments) = (Vec::new(), None, false, Vec::new());
    let mut docstring_end = 0;
    for statement in root.named_children(&mut root.walk()) {
        if statement.kind() == "comment" {
            let comment = reader.of(statement).trim_start_matches('#').trim();
            ignored |= comment == "gowasm:ignore";
            comments.push(comment.to_owned());
            continue;
        }
        if statement.start_byte() == root.start_byte() && reader.is_docstring(statement) {
            docstring_end = reader.end_of_line(statement.end_byte());
            continue;
        }
        head.get_or_insert_with(|| reader.with_comments(statement).start);
        calls.extend(reader.call(statement));
    }
    let head = head.unwrap_or(text.len()).max(docstring_end);
    Ok(File { calls, head, ignored, comments, text })
}

fn first_error(node: Node<'_>) -> Option<usize> {
    if !node.has_error() {
        return None;
    }
    if node.is_error() || node.is_missing() {
        return Some(node.start_byte());
    }
    node.children(&mut node.walk()).find_map(first_error).or(Some(node.start_byte()))
}

fn is_keep(comment: &str) -> bool {
    let words = comment.trim_start_matches('#').trim();
    words == "keep" || words.starts_with("keep:")
}

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    fn of(&self, node: Node<'_>) -> &'a str {
        &self.text[node.byte_range()]
    }

    fn end_of_line(&self, offset: usize) -> usize {
        self.text[offset..].find('\n').map_or(self.text.len(), |at| offset + at + 1)
    }

    fn start_of_line(&self, offset: usize) -> usize {
        self.text[..offset].rfind('\n').map_or(0, |at| at + 1)
    }

    fn is_docstring(&self, statement: Node<'_>) -> bool {
        statement.named_child(0).is_some_and(|child| child.kind() == "string")
    }

    /// A statement's lines, and the comments directly above.
    fn with_comments(&self, statement: Node<'_>) -> Range<usize> {
        let mut start = self.start_of_line(statement.start_byte());
        while start > 0 {
            let above = self.start_of_line(start - 1);
            if !self.text[above..start].starts_with('#') {
                break;
            }
            start = above;
        }
        start..self.end_of_line(statement.end_byte())
    }

    fn call(&self, statement: Node<'_>) -> Option<Call> {
        let mut node = statement.named_child(0)?;
        let mut variable = None;
        if node.kind() == "assignment" {
            variable = Some(self.of(node.child_by_field_name("left")?).to_owned());
            node = node.child_by_field_name("right")?;
        }
        if node.kind() != "call" {
            return None;
        }
        let list = node.child_by_field_name("arguments")?;
        if list.kind() != "argument_list" {
            return None;
        }
        let lines = self.with_comments(statement);
        let around = [
            &self.text[lines.start..statement.start_byte()],
            // Behind the closing parenthesis.
            &self.text[statement.end_byte()..lines.end],
        ];
        Some(Call {
            function: self.of(node.child_by_field_name("function")?).to_owned(),
            variable,
            keep: around.iter().flat_map(|text| text.lines()).any(|line| is_keep(line.trim())),
            inside: list.start_byte() + 1..list.end_byte() - 1,
            arguments: self.arguments(list),
            lines,
        })
    }

    fn arguments(&self, list: Node<'_>) -> Vec<Argument> {
        let mut arguments: Vec<Argument> = Vec::new();
        let mut keep_next = false;
        for child in list.named_children(&mut list.walk()) {
            if child.kind() == "comment" {
                let keep = is_keep(self.of(child));
                // Behind an argument, or in a line before one.
                match arguments.last_mut().filter(|_| !self.starts_line(child)) {
                    Some(last) => last.keep |= keep,
                    None => keep_next |= keep,
                }
                continue;
            }
            let (name, value) = match child.kind() {
                "keyword_argument" => {
                    (child.child_by_field_name("name"), child.child_by_field_name("value"))
                }
                _ => (None, Some(child)),
            };
            let Some(value) = value else { continue };
            arguments.push(Argument {
                name: name.map(|name| self.of(name).to_owned()),
                span: child.byte_range(),
                value: value.byte_range(),
                content: self.content(value),
                keep: std::mem::take(&mut keep_next),
            });
        }
        arguments
    }

    fn starts_line(&self, node: Node<'_>) -> bool {
        self.text[self.start_of_line(node.start_byte())..node.start_byte()].trim().is_empty()
    }

    fn content(&self, value: Node<'_>) -> Content {
        if let Some(text) = self.string(value) {
            return Content::String(text);
        }
        self.parts(value).map_or(Content::Other, Content::Lists)
    }

    /// A string without escapes, which labels and file names do not need.
    fn string(&self, node: Node<'_>) -> Option<String> {
        let content = node.named_child(1)?;
        let plain = match (node.kind(), node.named_child_count()) {
            ("string", 2) => return Some(String::new()),
            ("string", 3) => content.named_child_count() == 0,
            _ => false,
        };
        let prefixed = self.of(node.named_child(0)?).starts_with(|c: char| c.is_alphabetic());
        (plain && !prefixed).then(|| self.of(content).to_owned())
    }

    fn parts(&self, value: Node<'_>) -> Option<Vec<Part>> {
        match value.kind() {
            "list" => Some(vec![Part::List(self.list(value)?)]),
            "call" => Some(vec![Part::Select(self.select(value)?)]),
            "binary_operator" => {
                let operator = value.child_by_field_name("operator")?;
                let sides =
                    (value.child_by_field_name("left")?, value.child_by_field_name("right")?);
                if self.of(operator) != "+" {
                    return None;
                }
                let mut parts = self.parts(sides.0)?;
                parts.append(&mut self.parts(sides.1)?);
                Some(parts)
            }
            _ => None,
        }
    }

    fn list(&self, node: Node<'_>) -> Option<List> {
        let mut list = List::default();
        for child in node.named_children(&mut node.walk()) {
            if child.kind() != "comment" {
                let value = self.string(child)?;
                let above = std::mem::take(&mut list.tail);
                list.elements.push(Element { value, above, beside: None });
                continue;
            }
            let comment = self.of(child).to_owned();
            match list.elements.last_mut().filter(|_| !self.starts_line(child)) {
                Some(last) => last.beside = Some(comment),
                None => list.tail.push(comment),
            }
        }
        Some(list)
    }

    fn select(&self, call: Node<'_>) -> Option<Vec<(String, List)>> {
        let arguments = call.child_by_field_name("arguments")?;
        let dictionary = arguments.named_child(0)?;
        if self.of(call.child_by_field_name("function")?) != "select"
            || arguments.named_child_count() != 1
            || dictionary.kind() != "dictionary"
        {
            return None;
        }
        let mut branches = Vec::new();
        for pair in dictionary.named_children(&mut dictionary.walk()) {
            if pair.kind() != "pair" {
                return None;
            }
            let key = self.string(pair.child_by_field_name("key")?)?;
            branches.push((key, self.list(pair.child_by_field_name("value")?)?));
        }
        Some(branches)
    }
}
