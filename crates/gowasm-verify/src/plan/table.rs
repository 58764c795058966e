//! The keys of a plan's tables, each with its place; whatever is wrong with one is gathered.

use super::Located;
use crate::nearest;
use gowasm_diagnostic::{Diagnostic, Lines, Position};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) struct Reader<'t> {
    pub(super) lines: Lines,
    pub(super) path: &'t str,
    pub(super) faults: Vec<Diagnostic>,
}

/// The keys of one table; those that are read are taken out.
pub(super) struct Table<'t> {
    /// How messages call it, such as `[[call]]`.
    pub(super) name: &'static str,
    pub(super) offset: usize,
    pub(super) keys: BTreeMap<String, (usize, Spanned<DeValue<'t>>)>,
    pub(super) known: Vec<&'static str>,
}

impl<'t> Table<'t> {
    pub(super) fn new(name: &'static str, offset: usize, table: DeTable<'t>) -> Self {
        let keys = table.into_iter().map(|(key, value)| {
            let start = key.span().start;
            (key.into_inner().into_owned(), (start, value))
        });
        Table { name, offset, keys: keys.collect(), known: Vec::new() }
    }

    pub(super) fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.keys.remove(key).map(|(_, value)| value)
    }

    /// The key of a number, of the ten there are.
    pub(super) fn number(&mut self) -> Option<(&'static str, usize)> {
        self.known.extend(NUMBERS.map(|(key, _)| key));
        NUMBERS.into_iter().find(|(key, _)| self.has(key))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }
}

impl<'t> Reader<'t> {
    pub(super) fn parameter(&mut self, table: &mut Table<'t>, key: &'static str) -> Option<usize> {
        let present = table.has(key);
        let number = self.integer(table, key, 0, 999);
        if !present {
            self.fault(table.offset, format!("{} lacks `{key}`", table.name));
        }
        number.map(|number| number as usize)
    }

    pub(super) fn integer(
        &mut self,
        table: &mut Table<'t>,
        key: &'static str,
        low: i128,
        high: i128,
    ) -> Option<i128> {
        let value = table.take(key)?;
        let offset = value.span().start;
        let parsed = match value.get_ref() {
            DeValue::Integer(integer) => {
                i128::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            other => {
                self.wrong_type(key, "an integer", other, offset);
                return None;
            }
        };
        let number = parsed.filter(|number| (low..=high).contains(number));
        if number.is_none() {
            self.fault(offset, format!("`{key}` must lie between {low} and {high}"));
        }
        number
    }

    pub(super) fn boolean(&mut self, table: &mut Table<'t>, key: &'static str) -> bool {
        let Some(value) = table.take(key) else { return false };
        match value.get_ref() {
            DeValue::Boolean(value) => *value,
            other => {
                self.wrong_type(key, "true or false", other, value.span().start);
                false
            }
        }
    }

    pub(super) fn required_string(
        &mut self,
        table: &mut Table<'t>,
        key: &'static str,
    ) -> Option<Located<String>> {
        if !table.has(key) {
            self.fault(table.offset, format!("{} lacks `{key}`", table.name));
        }
        self.string(table, key)
    }

    pub(super) fn string(
        &mut self,
        table: &mut Table<'t>,
        key: &'static str,
    ) -> Option<Located<String>> {
        let value = table.take(key)?;
        let offset = value.span().start;
        match value.into_inner() {
            DeValue::String(text) => Some(Located { value: text.into_owned(), offset }),
            other => {
                self.wrong_type(key, "a string", &other, offset);
                None
            }
        }
    }

    pub(super) fn array(
        &mut self,
        key: &str,
        value: Spanned<DeValue<'t>>,
    ) -> Option<Vec<Spanned<DeValue<'t>>>> {
        let offset = value.span().start;
        match value.into_inner() {
            DeValue::Array(items) => Some(items.into_iter().collect()),
            other => {
                self.wrong_type(key, "an array", &other, offset);
                None
            }
        }
    }

    pub(super) fn table(
        &mut self,
        name: &'static str,
        value: Spanned<DeValue<'t>>,
    ) -> Option<Table<'t>> {
        let offset = value.span().start;
        match value.into_inner() {
            DeValue::Table(table) => Some(Table::new(name, offset, table)),
            other => {
                self.fault(offset, format!("{name} is a table, not of type {}", other.type_str()));
                None
            }
        }
    }

    pub(super) fn tables(
        &mut self,
        name: &'static str,
        value: Spanned<DeValue<'t>>,
    ) -> Vec<Table<'t>> {
        let offset = value.span().start;
        match value.into_inner() {
            DeValue::Array(items) => {
                items.into_iter().filter_map(|item| self.table(name, item)).collect()
            }
            _ => {
                self.fault(
                    offset,
                    format!("{name} is written with two brackets: it may stand often"),
                );
                Vec::new()
            }
        }
    }

    /// Whatever is left in a table is unknown.
    pub(super) fn finish(&mut self, table: Table<'t>) {
        for (key, (offset, _)) in table.keys {
            let fault = Diagnostic::error(format!("{} has no key `{key}`", table.name))
                .at(self.position(offset));
            self.faults.push(match nearest(&key, table.known.iter().copied()) {
                Some(near) => fault.hint(format!("did you mean `{near}`?")),
                None => fault.hint(format!("it knows {}", quoted(&table.known))),
            });
        }
    }

    pub(super) fn wrong_type(
        &mut self,
        key: &str,
        wanted: &str,
        found: &DeValue<'t>,
        offset: usize,
    ) {
        self.fault(offset, format!("`{key}` must be {wanted}, not of type {}", found.type_str()));
    }

    pub(super) fn fault(&mut self, offset: usize, message: impl Into<String>) {
        let fault = Diagnostic::error(message).at(self.position(offset));
        self.faults.push(fault);
    }

    pub(super) fn position(&self, offset: usize) -> Position {
        self.lines.position(self.path, offset)
    }
}

/// Numbers that a host function can write, and their sizes.
const NUMBERS: [(&str, usize); 10] = [
    ("u8", 1),
    ("u16", 2),
    ("u32", 4),
    ("u64", 8),
    ("i8", 1),
    ("i16", 2),
    ("i32", 4),
    ("i64", 8),
    ("f32", 4),
    ("f64", 8),
];

pub(super) fn offset_of(table: &Table<'_>, key: &str) -> Option<usize> {
    table.keys.get(key).map(|(offset, _)| *offset)
}

pub(super) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
