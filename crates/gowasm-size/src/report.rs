//! Items of bytes, added up by what the user asks for.

use serde::Serialize;
use std::collections::BTreeMap;

/// Bytes of one section and kind, of one function where they belong to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    pub section: String,
    pub table: String,
    /// The Go package, where the bytes belong to one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    pub bytes: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The size of the file; the sum of all items.
    pub bytes: u64,
    /// Whether the module has a name section with more names than the guard's.
    pub has_names: bool,
    /// Whether the tables of the Go runtime were found in the module's data.
    pub has_go_tables: bool,
    pub items: Vec<Item>,
}

/// What rows stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    Section,
    Package,
    Function,
    Table,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    pub name: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub name: String,
    pub old: u64,
    pub new: u64,
}

/// What a row of bytes that belong to no package or function is called.
const NONE: &str = "(none)";

impl Report {
    /// The bytes by name, the largest first; equal ones by name.
    pub fn by(&self, by: By) -> Vec<Row> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for item in &self.items {
            *sums.entry(item.name(by)).or_default() += item.bytes;
        }
        let mut rows: Vec<Row> =
            sums.into_iter().map(|(name, bytes)| Row { name: name.to_owned(), bytes }).collect();
        rows.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
        rows
    }

    /// What became of each name since `old`, the largest change first; what stayed is left out.
    pub fn changes_since(&self, old: &Report, by: By) -> Vec<Change> {
        let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for row in old.by(by) {
            sums.entry(row.name).or_default().0 = row.bytes;
        }
        for row in self.by(by) {
            sums.entry(row.name).or_default().1 = row.bytes;
        }
        let mut changes: Vec<Change> = sums
            .into_iter()
            .filter(|(_, (old, new))| old != new)
            .map(|(name, (old, new))| Change { name, old, new })
            .collect();
        changes.sort_by_key(|change| std::cmp::Reverse(change.old.abs_diff(change.new)));
        changes
    }
}

impl Item {
    fn name(&self, by: By) -> &str {
        match by {
            By::Section => &self.section,
            By::Table => &self.table,
            By::Package => self.package.as_deref().unwrap_or(NONE),
            By::Function => self.function.as_deref().unwrap_or(NONE),
        }
    }
}
