//! What stands in a plan as an argument, a result or bytes.

use super::table::{Reader, Table};
use super::{Arg, Bytes, Located, Returned, Write, Written};
use crate::value::Number;
use gowasm_diagnostic::Diagnostic;
use toml::Spanned;
use toml::de::DeValue;

impl<'t> Reader<'t> {
    pub(super) fn args(&mut self, table: &mut Table<'t>) -> Option<Located<Vec<Located<Arg>>>> {
        let value = table.take("args")?;
        let offset = value.span().start;
        let items = self.array("args", value)?;
        let args = items.into_iter().filter_map(|item| self.arg(item)).collect();
        Some(Located { value: args, offset })
    }

    pub(super) fn arg(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Arg>> {
        let offset = value.span().start;
        let arg = match value.into_inner() {
            DeValue::Table(table) => {
                let mut table = Table::new("the argument", offset, table);
                let arg = if table.has("arg") {
                    self.parameter(&mut table, "arg").map(Arg::OfHost)
                } else if table.has("saved") {
                    self.string(&mut table, "saved").map(|name| Arg::Saved(name.value))
                } else if table.has("bits") {
                    self.bits(&mut table).map(|bits| Arg::Number(Number::Bits(bits)))
                } else {
                    let bytes = self.bytes(&mut table);
                    let pointer_only = self.pass(&mut table);
                    bytes.map(|bytes| Arg::Bytes { bytes: bytes.bytes, pointer_only })
                };
                self.finish(table);
                arg?
            }
            other => Arg::Number(self.number(&other, offset, "an argument")?),
        };
        Some(Located { value: arg, offset })
    }

    pub(super) fn pass(&mut self, table: &mut Table<'t>) -> bool {
        match self.string(table, "pass") {
            None => false,
            Some(pass) => {
                if pass.value != "pointer" {
                    let message =
                        format!("`pass` is \"pointer\" or left out, not {:?}", pass.value);
                    self.fault(pass.offset, message);
                }
                true
            }
        }
    }

    /// `string` or `bytes`: exactly one of them.
    pub(super) fn bytes(&mut self, table: &mut Table<'t>) -> Option<Bytes> {
        let given = table.has("string") || table.has("bytes");
        let text = self.string(table, "string");
        let hex = self.string(table, "bytes");
        match (text, hex) {
            (Some(text), None) => Some(Bytes { bytes: text.value.into_bytes(), text: true }),
            (None, Some(hex)) => self.hex(&hex),
            // What is no string was reported already.
            (None, None) if given => None,
            (None, None) => {
                self.fault(table.offset, format!("{} needs `string` or `bytes`", table.name));
                None
            }
            (Some(_), Some(hex)) => {
                self.fault(hex.offset, "`bytes` contradicts `string`: give one of them");
                None
            }
        }
    }

    pub(super) fn hex(&mut self, hex: &Located<String>) -> Option<Bytes> {
        let digits: Option<Vec<u8>> = hex
            .value
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .map(|c| c.to_digit(16).map(|digit| digit as u8))
            .collect();
        match digits {
            Some(digits) if digits.len() % 2 == 0 => {
                let bytes = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
                Some(Bytes { bytes, text: false })
            }
            _ => {
                self.fault(hex.offset, "bytes are written as pairs of hexadecimal digits");
                None
            }
        }
    }

    pub(super) fn returned(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Returned>> {
        let offset = value.span().start;
        let table = match value.into_inner() {
            DeValue::Table(table) => table,
            other => {
                let number = self.number(&other, offset, "a result")?;
                return Some(Located { value: Returned::Number(number), offset });
            }
        };
        let mut table = Table::new("the result", offset, table);
        let before = self.faults.len();
        let mut found = Vec::new();
        let as_text = |text: Located<String>| Bytes { bytes: text.value.into_bytes(), text: true };
        found.extend(self.string(&mut table, "string_at").map(as_text).map(Returned::At));
        found.extend(self.string(&mut table, "c_string").map(as_text).map(Returned::CString));
        found.extend(self.string(&mut table, "packed_string").map(as_text).map(Returned::Packed));
        let hex = self.string(&mut table, "bytes_at");
        found.extend(hex.and_then(|hex| self.hex(&hex)).map(Returned::At));
        let hex = self.string(&mut table, "packed_bytes");
        found.extend(hex.and_then(|hex| self.hex(&hex)).map(Returned::Packed));
        let bits = if table.has("bits") { self.bits(&mut table) } else { None };
        found.extend(bits.map(|bits| Returned::Number(Number::Bits(bits))));
        found.extend(self.near(&mut table));
        self.finish(table);
        if found.len() != 1 && self.faults.len() == before {
            self.fault(offset, "a result has exactly one form, such as `packed_string`");
        }
        found.pop().map(|value| Located { value, offset })
    }

    /// What a host function returns: a number, or one of its own arguments.
    pub(super) fn host_result(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Arg>> {
        let offset = value.span().start;
        let result = match value.into_inner() {
            DeValue::Table(table) => {
                let mut table = Table::new("`returns`", offset, table);
                let number = self.parameter(&mut table, "arg");
                self.finish(table);
                Arg::OfHost(number?)
            }
            other => Arg::Number(self.number(&other, offset, "a result")?),
        };
        Some(Located { value: result, offset })
    }

    pub(super) fn writes(&mut self, value: Spanned<DeValue<'t>>) -> Vec<Located<Write>> {
        let items = self.array("writes", value).unwrap_or_default();
        items.into_iter().filter_map(|item| self.write(item)).collect()
    }

    pub(super) fn write(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Write>> {
        let mut table = self.table("the write", value)?;
        let offset = table.offset;
        let at = self.parameter(&mut table, "at");
        let number = table.number();
        let what = match number {
            Some((key, size)) => self.write_number(&mut table, key, size).map(Written::Bytes),
            None if table.has("size_at") => {
                let size_at = self.parameter(&mut table, "size_at");
                let bytes = self.bytes(&mut table);
                size_at
                    .zip(bytes)
                    .map(|(size_at, bytes)| Written::Allocated { size_at, bytes: bytes.bytes })
            }
            None => self.bytes(&mut table).map(|bytes| Written::Bytes(bytes.bytes)),
        };
        self.finish(table);
        Some(Located { value: Write { at: at?, what: what? }, offset })
    }

    pub(super) fn write_number(
        &mut self,
        table: &mut Table<'t>,
        key: &'static str,
        size: usize,
    ) -> Option<Vec<u8>> {
        let value = table.take(key)?;
        let offset = value.span().start;
        let number = self.number(value.get_ref(), offset, "a number to write")?;
        let bits = size as u32 * 8;
        let (low, high) = match key.as_bytes()[0] {
            b'u' => (0, (1_i128 << bits) - 1),
            _ => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
        };
        match (key, number) {
            ("f32", Number::Float(value)) => Some((value as f32).to_le_bytes().to_vec()),
            ("f64", Number::Float(value)) => Some(value.to_le_bytes().to_vec()),
            ("f32" | "f64", _) => {
                self.fault(offset, format!("`{number}` is no float; write it as `1.0`"));
                None
            }
            (_, Number::Int(value)) if (low..=high).contains(&value) => {
                Some(value.to_le_bytes()[..size].to_vec())
            }
            _ => {
                self.fault(offset, format!("`{number}` does not fit into {key}"));
                None
            }
        }
    }

    pub(super) fn number(
        &mut self,
        value: &DeValue<'t>,
        offset: usize,
        what: &str,
    ) -> Option<Number> {
        match value {
            DeValue::Boolean(value) => Some(Number::Bool(*value)),
            DeValue::Integer(integer) => {
                let value = i128::from_str_radix(integer.as_str(), integer.radix());
                if value.is_err() {
                    self.fault(offset, format!("{integer} is too large for any wasm type"));
                }
                value.ok().map(Number::Int)
            }
            DeValue::Float(float) => {
                let value = float.as_str().parse();
                if value.is_err() {
                    self.fault(offset, format!("`{}` is no float", float.as_str()));
                }
                value.ok().map(Number::Float)
            }
            other => {
                let message = format!("{what} cannot be of type {}", other.type_str());
                let hint = match other {
                    DeValue::String(_) => "write a text as `{ string = \"…\" }`",
                    _ => "write a number, or one of the tables of docs/plans.md",
                };
                let fault = Diagnostic::error(message).at(self.position(offset)).hint(hint);
                self.faults.push(fault);
                None
            }
        }
    }
}
