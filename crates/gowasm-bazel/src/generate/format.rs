//! Values as buildifier lays them out.

use super::starlark::{Element, List};

const INDENT: &str = "    ";

/// What one of our attributes is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    String(String),
    /// Labels or files.
    List(Vec<String>),
    /// A list for every target, and more by `config_setting`.
    Selected(Vec<String>, Vec<(String, Vec<String>)>),
    /// An expression.
    Raw(String),
}

impl Value {
    /// Whether an attribute that has it is as good as none.
    pub(crate) fn is_default_of(&self, attribute: &str) -> bool {
        // Without the attribute, all of the standard library may be imported.
        *self == Value::List(Vec::new()) && attribute != "std"
    }

    pub(crate) fn render(&self) -> String {
        match self {
            Value::String(text) => quote(text),
            Value::Raw(text) => text.clone(),
            Value::List(elements) => strings(elements, 1),
            Value::Selected(common, branches) => {
                let mut text =
                    if common.is_empty() { String::new() } else { strings(common, 1) + " + " };
                text += "select({\n";
                for (key, elements) in branches {
                    text +=
                        &format!("{}{}: {},\n", INDENT.repeat(2), quote(key), strings(elements, 2));
                }
                text + INDENT + "})"
            }
        }
    }
}

pub(crate) fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn strings(values: &[String], depth: usize) -> String {
    let element =
        |value: &String| Element { value: value.clone(), above: Vec::new(), beside: None };
    let mut elements: Vec<Element> = values.iter().map(element).collect();
    sort(&mut elements);
    list(&List { elements, tail: Vec::new() }, depth)
}

/// A list whose closing bracket is indented so far.
pub(crate) fn list(list: &List, depth: usize) -> String {
    match list.elements.as_slice() {
        [] if list.tail.is_empty() => "[]".to_owned(),
        [one] if list.tail.is_empty() && one.above.is_empty() && one.beside.is_none() => {
            format!("[{}]", quote(&one.value))
        }
        elements => {
            let inner = INDENT.repeat(depth + 1);
            let mut text = "[\n".to_owned();
            for element in elements {
                for comment in &element.above {
                    text += &format!("{inner}{comment}\n");
                }
                text += &format!("{inner}{},", quote(&element.value));
                if let Some(comment) = &element.beside {
                    text += &format!("  {comment}");
                }
                text.push('\n');
            }
            for comment in &list.tail {
                text += &format!("{inner}{comment}\n");
            }
            text + &INDENT.repeat(depth) + "]"
        }
    }
}

/// Buildifier's order: files, labels of this package, of this repository, of others. A comment line
/// begins a group of its own.
pub(crate) fn sort(elements: &mut [Element]) {
    elements
        .chunk_by_mut(|_, next| next.above.is_empty())
        .for_each(|group| group.sort_by(|a, b| key(&a.value).cmp(&key(&b.value))));
}

fn key(value: &str) -> (u8, Vec<String>, &str) {
    let phase = match value {
        _ if value.starts_with(':') => 1,
        _ if value.starts_with("//") => 2,
        _ if value.starts_with('@') => 3,
        _ => 0,
    };
    (phase, value.replace(':', ".").split('.').map(str::to_owned).collect(), value)
}

/// Where buildifier puts an attribute: those with equal ranks stand in the order of their names.
pub(crate) fn rank(attribute: &str) -> i32 {
    match attribute {
        "name" => -99,
        "size" => -95,
        "timeout" => -94,
        "testonly" => -93,
        "srcs" => -90,
        "out" => -89,
        "deps" => 4,
        _ => 0,
    }
}

/// A whole rule.
pub(crate) fn rule(kind: &str, attributes: &[(&str, Value)]) -> String {
    let mut sorted: Vec<_> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| (rank(name), *name));
    let mut text = format!("{kind}(\n");
    for (name, value) in sorted {
        text += &format!("{INDENT}{name} = {},\n", value.render());
    }
    text + ")\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_before_labels_and_shorter_names_first() {
        let names = ["@r//a", "//b:c", "//b", ":z", "a_b.go", "a.go", "a-b.go"];
        let element =
            |value: &str| Element { value: value.into(), above: Vec::new(), beside: None };
        let mut elements: Vec<_> = names.map(element).into();
        sort(&mut elements);
        let sorted: Vec<_> = elements.iter().map(|element| element.value.as_str()).collect();
        assert_eq!(sorted, ["a.go", "a-b.go", "a_b.go", ":z", "//b", "//b:c", "@r//a"]);
    }
}
