//! A report as one page that needs nothing else: a treemap to zoom into and a box to search in.

use crate::report::Report;
use serde::Serialize;
use std::collections::BTreeMap;

const PAGE: &str = include_str!("page.html");

/// A cell of the treemap. Leaves have no cells of their own.
#[derive(Serialize)]
struct Cell {
    #[serde(rename = "n")]
    name: String,
    #[serde(rename = "b")]
    bytes: u64,
    #[serde(rename = "c", skip_serializing_if = "Vec::is_empty")]
    cells: Vec<Cell>,
}

/// Nested names, before they are cells.
#[derive(Default)]
struct Branch {
    bytes: u64,
    branches: BTreeMap<String, Branch>,
}

impl Branch {
    fn add(&mut self, path: &[&str], bytes: u64) {
        self.bytes += bytes;
        if let [first, rest @ ..] = path {
            self.branches.entry((*first).to_owned()).or_default().add(rest, bytes);
        }
    }

    fn cell(self, name: String) -> Cell {
        let mut cells: Vec<Cell> =
            self.branches.into_iter().map(|(name, branch)| branch.cell(name)).collect();
        cells.sort_by_key(|cell| std::cmp::Reverse(cell.bytes));
        Cell { name, bytes: self.bytes, cells }
    }
}

/// The page; `title` is what the module is called.
pub fn html(report: &Report, title: &str) -> String {
    let mut root = Branch::default();
    for item in &report.items {
        let mut path = vec![item.section.as_str()];
        // A section with one kind of bytes needs no level for it.
        if item.section == "data" {
            path.push(&item.table);
        }
        if let Some(function) = &item.function {
            path.push(item.package.as_deref().unwrap_or("(no package)"));
            path.push(function);
        }
        root.add(&path, item.bytes);
    }
    let data = serde_json::to_string(&root.cell(title.to_owned())).unwrap_or_default();
    // No name may end the script that the data stands in.
    let data = data.replace('<', "\\u003c");
    let notes = match (report.has_go_tables, report.has_names) {
        (false, false) => {
            "No name section and no tables of the Go runtime: functions have numbers."
        }
        (false, true) => "No tables of the Go runtime were found.",
        _ => "",
    };
    let title: String = title.chars().map(escaped).collect();
    let mut page = String::with_capacity(PAGE.len() + data.len());
    let mut rest = PAGE;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let Some((slot, after)) = after.split_once("}}") else { break };
        page.push_str(match slot {
            "title" => &title,
            "notes" => notes,
            _ => &data,
        });
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escaped(c: char) -> String {
    match c {
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        '&' => "&amp;".to_owned(),
        '"' => "&quot;".to_owned(),
        other => other.to_string(),
    }
}
