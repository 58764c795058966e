//! The documents say what the code does: every code has its section, and manifests and diagnostics have
//! the form that the schemas give them.

use gowasm_diagnostic::{Diagnostic, Position};
use gowasm_directive::Manifest;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn schema(name: &str) -> Value {
    serde_json::from_str(&read(&format!("../../docs/schema/{name}.schema.json"))).expect("JSON")
}

#[test]
fn every_code_has_its_section() {
    let in_code: BTreeSet<String> = read("src/codes.rs")
        .split('"')
        .filter(|word| word.starts_with("GW"))
        .map(str::to_owned)
        .collect();
    let page = read("../../docs/diagnostics.md");
    let sections =
        page.lines().filter_map(|line| line.strip_prefix("### ")).filter_map(|l| l.split_once(':'));
    let in_page: BTreeSet<String> = sections.map(|(code, _)| code.to_owned()).collect();
    assert!(in_code.len() > 20);
    assert_eq!(in_code, in_page);
}

/// The part of JSON Schema that our schemas use; anything else in a schema fails.
fn faults(root: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (keyword, rule) in schema.as_object().expect("a schema") {
        let fits = match keyword.as_str() {
            "$schema" | "$defs" | "title" | "description" => true,
            "$ref" => {
                let name =
                    rule.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a name");
                found.extend(faults(root, &root["$defs"][name], value, at));
                true
            }
            "type" => match rule.as_str().expect("a type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_u64(),
                other => panic!("type {other}"),
            },
            "enum" => rule.as_array().expect("a list").contains(value),
            "const" => rule == value,
            "minimum" => value.as_u64() >= rule.as_u64(),
            "pattern" => {
                value.as_str().is_some_and(|text| matches(rule.as_str().expect("a pattern"), text))
            }
            "required" => {
                let names = rule.as_array().expect("a list").iter().filter_map(Value::as_str);
                let missing: Vec<&str> = names.filter(|name| value.get(*name).is_none()).collect();
                missing.is_empty()
            }
            "additionalProperties" => {
                let known = schema["properties"].as_object().expect("properties");
                value
                    .as_object()
                    .is_none_or(|object| object.keys().all(|key| known.contains_key(key)))
            }
            "properties" => {
                for (name, inner) in rule.as_object().expect("properties") {
                    if let Some(value) = value.get(name) {
                        found.extend(faults(root, inner, value, &format!("{at}.{name}")));
                    }
                }
                true
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    found.extend(faults(root, rule, value, &format!("{at}[{index}]")));
                }
                true
            }
            other => panic!("the test does not know `{other}`"),
        };
        if !fits {
            found.push(format!("{at}: {keyword} {rule} does not hold for {value}"));
        }
    }
    found
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern {
        "^[0-9a-f]{64}$" => {
            text.len() == 64 && text.bytes().all(|b| b"0123456789abcdef".contains(&b))
        }
        "^GW[0-9]{3}$" => text
            .strip_prefix("GW")
            .is_some_and(|n| n.len() == 3 && n.bytes().all(|b| b.is_ascii_digit())),
        other => panic!("the test does not know the pattern {other}"),
    }
}

#[test]
fn manifests_have_the_form_of_the_schema() {
    let schema = schema("manifest");
    let check = |value: &Value| faults(&schema, &schema, value, "manifest");
    // The snapshots of the manifest tests are what the code writes.
    for name in ["manifest_of_a_reactor", "manifest_read_from_a_module"] {
        let snapshot = read(&format!("tests/snapshots/manifest__{name}.snap"));
        let json = &snapshot[snapshot.find("\n{").expect("a manifest")..];
        let mut value: Value = serde_json::from_str(json).expect("JSON");
        assert_eq!(check(&value), Vec::<String>::new());
        assert!(serde_json::from_value::<Manifest>(value.clone()).is_ok());
        // The check can fail.
        value["surprise"] = Value::Null;
        assert_eq!(check(&value).len(), 1);
        value["exports"][0]["kind"] = "function".into();
        assert_eq!(check(&value).len(), 2);
    }
}

#[test]
fn diagnostics_have_the_form_of_the_schema() {
    let schema = schema("diagnostic");
    let check = |diagnostic: &Diagnostic| {
        let value = serde_json::to_value(diagnostic).expect("JSON");
        faults(&schema, &schema, &value, "diagnostic")
    };
    let full = Diagnostic::error("two functions export `add`")
        .code("GW016")
        .at(Position::new("a.go", 3, 1))
        .related(Position::new("b.go", 9, 1), "the other one")
        .hint("rename one of them");
    assert_eq!(check(&full), Vec::<String>::new());
    assert_eq!(check(&Diagnostic::warning("bare")), Vec::<String>::new());
    assert_eq!(check(&Diagnostic::warning("bare").code("E1")).len(), 1);
}
