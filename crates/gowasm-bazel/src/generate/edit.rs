//! Edits of a BUILD file: what is to change is replaced in the text, and all else stays as it is.

use super::format::{self, Value, quote, rank};
use super::label::Label;
use super::starlark::{Argument, Call, Content, Element, File, List, Part};
use std::collections::BTreeSet;
use std::ops::Range;

pub(super) struct Edits<'a> {
    file: &'a File,
    /// Bazel's package.
    folder: &'a str,
    replacements: Vec<(Range<usize>, String)>,
    /// Rules to add at the end.
    rules: Vec<String>,
    /// What the user has to look after, with the place.
    pub(super) notes: Vec<(usize, String)>,
}

/// What comes of a list.
enum Merged {
    Same,
    Changed(String),
    /// The user's own expression.
    LeftAlone,
}

impl<'a> Edits<'a> {
    pub(super) fn new(file: &'a File, folder: &'a str) -> Self {
        Edits { file, folder, replacements: Vec::new(), rules: Vec::new(), notes: Vec::new() }
    }

    pub(super) fn add_rule(&mut self, text: String) {
        self.rules.push(text);
    }

    pub(super) fn remove_call(&mut self, call: &Call) {
        let mut range = call.lines.clone();
        // The empty line behind it, or before it at the end of the file.
        if self.file.text[range.end..].starts_with('\n') {
            range.end += 1;
        } else if self.file.text[..range.start].ends_with("\n\n") {
            range.start -= 1;
        }
        self.replacements.push((range, String::new()));
    }

    /// Gives an attribute its value. `retained` tells which of the user's elements stay besides those
    /// with `# keep`.
    pub(super) fn set(
        &mut self,
        call: &Call,
        name: &str,
        value: &Value,
        retained: &dyn Fn(&str) -> bool,
    ) {
        let argument = call.argument(name);
        match argument {
            None if value.is_default_of(name) => {}
            None => self.insert(call, name, &value.render()),
            Some(argument) if argument.keep => {}
            Some(argument) => match self.merge(argument, value, retained) {
                Merged::Same => {}
                Merged::Changed(text) if text == "[]" && value.is_default_of(name) => {
                    self.remove(argument);
                }
                Merged::Changed(text) => self.replacements.push((argument.value.clone(), text)),
                Merged::LeftAlone => self.note(call, argument, name, value),
            },
        }
    }

    fn note(&mut self, call: &Call, argument: &Argument, name: &str, value: &Value) {
        let text = &self.file.text[argument.value.clone()];
        let wanted = match value {
            Value::List(elements) if name == "deps" => elements.as_slice(),
            Value::Selected(common, _) => common.as_slice(),
            _ => &[],
        };
        let lacking: Vec<&str> = wanted
            .iter()
            .filter(|label| !text.contains(&quote(label)))
            .map(String::as_str)
            .collect();
        if !lacking.is_empty() {
            let message = format!(
                "`{name}` of {} `{}` is an expression of your own and is left as it is; it may lack {}",
                call.function,
                call.string("name").unwrap_or_default(),
                lacking.join(", ")
            );
            self.notes.push((argument.span.start, message));
        }
    }

    fn merge(&self, argument: &Argument, value: &Value, retained: &dyn Fn(&str) -> bool) -> Merged {
        let none = Vec::new();
        let (wanted, branches) = match value {
            Value::List(elements) => (elements, &none),
            Value::Selected(common, branches) => (common, branches),
            other => {
                let own = matches!(argument.content, Content::Other | Content::Lists(_));
                return match other.render() {
                    text if text == self.file.text[argument.value.clone()] => Merged::Same,
                    // The same string in other quotes.
                    _ if matches!((&argument.content, other), (Content::String(a), Value::String(b)) if a == b) => {
                        Merged::Same
                    }
                    _ if own => Merged::LeftAlone,
                    text => Merged::Changed(text),
                };
            }
        };
        let Content::Lists(parts) = &argument.content else { return Merged::LeftAlone };
        let keys: BTreeSet<&str> = branches.iter().map(|(key, _)| key.as_str()).collect();
        let (list, selected) = match parts.as_slice() {
            [Part::List(list)] => (list, None),
            [Part::List(list), Part::Select(selected)] => (list, Some(selected)),
            [Part::Select(selected)] => {
                (&List { elements: Vec::new(), tail: Vec::new() }, Some(selected))
            }
            _ => return Merged::LeftAlone,
        };
        if let Some(selected) = selected {
            let plain =
                |list: &List| list.tail.is_empty() && !list.elements.iter().any(Element::keep);
            let ours = |key: &str| {
                keys.contains(key)
                    || key.ends_with("//toolchains:is_js")
                    || key.ends_with("//toolchains:is_wasip1")
            };
            if !selected.iter().all(|(key, list)| ours(key) && plain(list)) {
                return Merged::LeftAlone;
            }
        }
        let merged = self.merge_list(list, wanted, retained);
        let same_branches = match selected {
            None => branches.is_empty(),
            Some(selected) => {
                let theirs = selected.iter().map(|(key, list)| (key.as_str(), self.labels(list)));
                let ours = branches.iter().map(|(key, labels)| {
                    (key.as_str(), labels.iter().map(|l| self.label(l)).collect())
                });
                theirs.collect::<BTreeSet<_>>() == ours.collect()
            }
        };
        if merged.elements == list.elements && same_branches {
            return Merged::Same;
        }
        let text = format::list(&merged, 1);
        if branches.is_empty() {
            return Merged::Changed(text);
        }
        let select = Value::Selected(Vec::new(), branches.clone()).render();
        Merged::Changed(if text == "[]" { select } else { format!("{text} + {select}") })
    }

    /// The user's elements that stay, in their order and spelling, and the new ones among them.
    fn merge_list(&self, list: &List, wanted: &[String], retained: &dyn Fn(&str) -> bool) -> List {
        let labels: BTreeSet<Label> = wanted.iter().map(|element| self.label(element)).collect();
        let stays = |element: &&Element| {
            element.keep()
                || labels.contains(&self.label(&element.value))
                || retained(&element.value)
        };
        let mut elements: Vec<Element> = list.elements.iter().filter(stays).cloned().collect();
        let there: BTreeSet<Label> =
            elements.iter().map(|element| self.label(&element.value)).collect();
        let new = wanted.iter().filter(|element| !there.contains(&self.label(element)));
        let new =
            new.map(|value| Element { value: value.clone(), above: Vec::new(), beside: None });
        // Into the first group, as comments above elements begin the others.
        let at = elements.iter().skip(1).position(|element| !element.above.is_empty());
        let at = match elements.first() {
            Some(first) if !first.above.is_empty() => 0,
            _ => at.map_or(elements.len(), |at| at + 1),
        };
        let new: Vec<Element> = new.collect();
        if !new.is_empty() {
            elements.splice(at..at, new);
            format::sort(&mut elements);
        }
        List { elements, tail: list.tail.clone() }
    }

    fn label(&self, text: &str) -> Label {
        Label::parse(text, self.folder)
    }

    fn labels(&self, list: &List) -> BTreeSet<Label> {
        list.elements.iter().map(|element| self.label(&element.value)).collect()
    }

    fn remove(&mut self, argument: &Argument) {
        let text = &self.file.text;
        let range = self.lines_of(argument.span.clone());
        let alone = |range: &Range<usize>| {
            let before = text[range.start..argument.span.start].trim();
            let after = text[argument.span.end..range.end].trim();
            let (before, after) = (before.is_empty(), after.trim_start_matches(',').trim_start());
            before && (after.is_empty() || after.starts_with('#'))
        };
        if alone(&range) {
            self.replacements.push((range, String::new()));
            return;
        }
        let rest = &text[argument.span.end..];
        let comma = rest.strip_prefix(',').map_or(rest, |rest| rest.trim_start_matches(' '));
        let end = argument.span.end + rest.len() - comma.len();
        self.replacements.push((argument.span.start..end, String::new()));
    }

    fn lines_of(&self, span: Range<usize>) -> Range<usize> {
        let text = &self.file.text;
        let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
        start..text[span.end..].find('\n').map_or(text.len(), |at| span.end + at + 1)
    }

    /// A new attribute in buildifier's order.
    fn insert(&mut self, call: &Call, name: &str, value: &str) {
        let text = &self.file.text;
        let order = |argument: &Argument| match argument.name.as_deref() {
            Some(name) => (rank(name), name.to_owned()),
            None => (i32::MAX, String::new()),
        };
        let own = (rank(name), name.to_owned());
        if let Some(next) = call.arguments.iter().find(|argument| order(argument) > own) {
            let mut line = text[..next.span.start].rfind('\n').map_or(0, |at| at + 1);
            if !text[line..next.span.start].trim().is_empty() {
                let at = next.span.start;
                return self.replacements.push((at..at, format!("{name} = {value}, ")));
            }
            // Above the comments of the attribute that follows.
            while line > call.inside.start {
                let above = text[..line - 1].rfind('\n').map_or(0, |at| at + 1);
                if above <= call.inside.start || !text[above..line].trim_start().starts_with('#') {
                    break;
                }
                line = above;
            }
            return self.replacements.push((line..line, format!("    {name} = {value},\n")));
        }
        let Some(last) = call.arguments.last() else {
            let at = call.inside.start;
            return self.replacements.push((at..at, format!("\n    {name} = {value},\n")));
        };
        let close = text[..call.inside.end].rfind('\n').map_or(0, |at| at + 1);
        if close <= last.span.end || !text[close..call.inside.end].trim().is_empty() {
            let at = last.span.end;
            return self.replacements.push((at..at, format!(", {name} = {value}")));
        }
        if !text[last.span.end..].starts_with(',') {
            self.replacements.push((last.span.end..last.span.end, ",".to_owned()));
        }
        self.replacements.push((close..close, format!("    {name} = {value},\n")));
    }

    /// Makes the names of rules known, and forgets those that nobody uses any more.
    pub(super) fn load(&mut self, bzl: &str, add: &BTreeSet<&str>, forget: &BTreeSet<&str>) {
        let is_ours = |call: &&Call| {
            call.function == "load"
                && call.arguments.first().and_then(Argument::string).is_some_and(|text| {
                    Label::parse(text, self.folder) == Label::parse(bzl, self.folder)
                })
        };
        let loads: Vec<&Call> = self.file.calls.iter().filter(is_ours).collect();
        let Some(load) = loads.first() else {
            if !add.is_empty() {
                self.new_load(bzl, add);
            }
            return;
        };
        let known: BTreeSet<&str> = loads
            .iter()
            .flat_map(|load| &load.arguments[1..])
            .filter_map(Argument::string)
            .collect();
        let new: BTreeSet<&str> = add.difference(&known).copied().collect();
        let gone = |name: Option<&str>| {
            name.is_some_and(|name| forget.contains(name) && !add.contains(name))
        };
        let (mut plain, mut renamed) = (new.clone(), Vec::new());
        for argument in &load.arguments[1..] {
            match (&argument.name, argument.string()) {
                (None, Some(name)) if gone(Some(name)) => {}
                (None, Some(name)) => drop(plain.insert(name)),
                _ => renamed.push(&self.file.text[argument.span.clone()]),
            }
        }
        let changed = !new.is_empty()
            || load.arguments[1..].iter().any(|it| it.name.is_none() && gone(it.string()));
        if !changed {
            return;
        }
        if plain.is_empty() && renamed.is_empty() {
            return self.remove_call(load);
        }
        let label = &self.file.text[load.arguments[0].span.clone()];
        let names = plain
            .iter()
            .map(|name| quote(name))
            .chain(renamed.iter().map(|text| (*text).to_owned()));
        let all: Vec<String> = std::iter::once(label.to_owned()).chain(names).collect();
        let inside = &self.file.text[load.inside.clone()];
        let text = if inside.contains('\n') {
            all.iter().fold("\n".to_owned(), |text, name| text + "    " + name + ",\n")
        } else {
            all.join(", ")
        };
        self.replacements.push((load.inside.clone(), text));
    }

    fn new_load(&mut self, bzl: &str, names: &BTreeSet<&str>) {
        let names: Vec<String> = names.iter().map(|name| quote(name)).collect();
        let line = format!("load({}, {})\n", quote(bzl), names.join(", "));
        let mut loads = self.file.calls.iter().filter(|call| call.function == "load");
        let text = &self.file.text;
        let (at, line) = match loads.next_back() {
            Some(last) => (last.lines.end, line),
            None if self.file.head == text.len() => {
                let gap = if text.is_empty() || text.ends_with("\n\n") { "" } else { "\n" };
                (text.len(), format!("{gap}{line}"))
            }
            None => (self.file.head, line + "\n"),
        };
        self.replacements.push((at..at, line));
    }

    /// The file with all of that done.
    pub(super) fn apply(mut self) -> String {
        self.replacements.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = String::new();
        let mut at = 0;
        for (range, new) in self.replacements {
            text += &self.file.text[at..range.start.max(at)];
            text += &new;
            at = range.end.max(at);
        }
        text += &self.file.text[at..];
        for rule in self.rules {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push('\n');
            }
            if !text.is_empty() {
                text.push('\n');
            }
            text += &rule;
        }
        text
    }
}
