//! From TOML to a plan. Every fault is gathered, each with its line and column.

use super::{
    Arg, Bytes, Call, Ending, Host, Located, MemoryPlan, Output, Plan, Returned, Start, Write,
    Written,
};
use crate::nearest;
use crate::value::Number;
use gowasm_diagnostic::{Diagnostic, Position};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) fn read(text: &str, path: &str) -> Result<Plan, Vec<Diagnostic>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax_error(error, text, path)).collect());
    }
    let mut reader = Reader { text, path, faults: Vec::new() };
    let plan = reader.plan(document.into_inner());
    if reader.faults.is_empty() { Ok(plan) } else { Err(reader.faults) }
}

fn syntax_error(error: &toml::de::Error, text: &str, path: &str) -> Diagnostic {
    let offset = error.span().map_or(0, |span| span.start);
    Diagnostic::error(format!("not valid TOML: {}", error.message().trim_end()))
        .at(Position::at_offset(path, text.as_bytes(), offset))
}

pub(super) struct Reader<'t> {
    text: &'t str,
    path: &'t str,
    faults: Vec<Diagnostic>,
}

/// The keys of one table; those that are read are taken out.
pub(super) struct Table<'t> {
    /// How messages call it, such as `[[call]]`.
    name: &'static str,
    pub(super) offset: usize,
    pub(super) keys: BTreeMap<String, (usize, Spanned<DeValue<'t>>)>,
    known: Vec<&'static str>,
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
    fn plan(&mut self, document: DeTable<'t>) -> Plan {
        let mut top = Table::new("the plan", 0, document);
        let memory = top.take("memory").and_then(|value| self.table("[memory]", value));
        let memory = memory.and_then(|table| self.memory(table));
        let start = top.take("start").and_then(|value| self.table("[start]", value));
        let start = start.map(|table| self.start(table));
        let calls = top.take("call").map(|value| self.tables("[[call]]", value));
        let calls = calls.into_iter().flatten().filter_map(|table| self.call(table)).collect();
        let hosts = top.take("host").map(|value| self.tables("[[host]]", value));
        let hosts: Vec<_> =
            hosts.into_iter().flatten().filter_map(|table| self.host(table)).collect();
        let world = self.world(&mut top);
        self.finish(top);
        self.reject_twice(&hosts);
        let (path, text) = (self.path.to_owned(), self.text.to_owned());
        Plan { path, text, memory, start, calls, hosts, world }
    }

    fn memory(&mut self, mut table: Table<'t>) -> Option<MemoryPlan> {
        let allocator = self.required_string(&mut table, "allocator");
        let release = self.string(&mut table, "release");
        self.finish(table);
        Some(MemoryPlan { allocator: allocator?, release })
    }

    fn start(&mut self, mut table: Table<'t>) -> Located<Start> {
        let ending = self.ending(&mut table, false);
        let ending = match ending {
            Ending::Returns(_) => Ending::Exits(0),
            other => other,
        };
        let output = self.output(&mut table);
        let limits = self.limits(&mut table);
        let offset = table.offset;
        self.finish(table);
        Located { value: Start { ending, output, limits }, offset }
    }

    fn call(&mut self, mut table: Table<'t>) -> Option<Call> {
        let export = self.required_string(&mut table, "export");
        let offset = table.offset;
        let args = self.args(&mut table).unwrap_or(Located { value: Vec::new(), offset });
        let ending = self.ending(&mut table, true);
        let output = self.output(&mut table);
        let fresh = self.boolean(&mut table, "fresh");
        let uninitialized = self.boolean(&mut table, "uninitialized");
        let limits = self.limits(&mut table);
        let writes = self.looks(&mut table, "writes", false);
        let reads = self.looks(&mut table, "reads", true);
        let save = self.string(&mut table, "save");
        self.finish(table);
        Some(Call {
            export: export?,
            args,
            ending,
            output,
            fresh,
            uninitialized,
            limits,
            writes,
            reads,
            save,
        })
    }

    fn host(&mut self, mut table: Table<'t>) -> Option<Host> {
        let module = self.required_string(&mut table, "module");
        let name = self.required_string(&mut table, "name");
        let returns = table.take("returns").and_then(|value| self.host_result(value));
        let writes = table.take("writes").map(|value| self.writes(value)).unwrap_or_default();
        let calls = self.string(&mut table, "calls");
        let (args_at, returns_at) = (offset_of(&table, "args"), offset_of(&table, "call_returns"));
        let args = self.args(&mut table);
        let call_returns = table.take("call_returns").and_then(|value| self.returned(value));
        self.finish(table);
        if calls.is_none() {
            for (key, at) in [("args", args_at), ("call_returns", returns_at)] {
                if let Some(at) = at {
                    self.fault(at, format!("`{key}` is of use only beside `calls`"));
                }
            }
        }
        let (module, name) = (module?, name?);
        if module.value == gowasm_directive::wasip1::MODULE {
            let message =
                format!("`{}` belongs to the engine; a plan cannot replace it", name.value);
            self.fault(module.offset, message);
        }
        Some(Host { module: module.value, name, returns, writes, calls, args, call_returns })
    }

    fn reject_twice(&mut self, hosts: &[Host]) {
        for (index, host) in hosts.iter().enumerate() {
            let same =
                |other: &&Host| other.module == host.module && other.name.value == host.name.value;
            if let Some(first) = hosts[..index].iter().find(same) {
                let message = format!("`{}.{}` is declared twice", host.module, host.name.value);
                let first = self.position(first.name.offset);
                let fault = Diagnostic::error(message)
                    .at(self.position(host.name.offset))
                    .related(first, "the first time");
                self.faults.push(fault);
            }
        }
    }

    fn ending(&mut self, table: &mut Table<'t>, may_return: bool) -> Ending {
        let given: Vec<_> = ["returns", "traps", "exits"]
            .into_iter()
            .filter(|key| table.has(key) && (may_return || *key != "returns"))
            .collect();
        if let [first, second, ..] = given[..] {
            let at = offset_of(table, second).unwrap_or(table.offset);
            self.fault(at, format!("`{second}` contradicts `{first}`: a call ends only once"));
        }
        let returns = if may_return { table.take("returns") } else { None };
        let returns = returns.and_then(|value| self.returned(value));
        let traps = self.string(table, "traps");
        let exits = self.integer(table, "exits", i32::MIN.into(), u32::MAX.into());
        match (traps, exits) {
            (Some(text), _) => Ending::Traps(text.value),
            (_, Some(code)) => Ending::Exits(code as i32),
            _ => Ending::Returns(returns),
        }
    }

    fn output(&mut self, table: &mut Table<'t>) -> Output {
        let mut text = |key| self.string(table, key).map(|text| text.value);
        let (stdout, stderr) = (text("stdout"), text("stderr"));
        let (stdout_contains, stderr_contains) = (text("stdout_contains"), text("stderr_contains"));
        Output {
            stdout,
            stderr,
            stdout_contains,
            stderr_contains,
            host_calls: self.host_calls(table),
        }
    }

    fn args(&mut self, table: &mut Table<'t>) -> Option<Located<Vec<Located<Arg>>>> {
        let value = table.take("args")?;
        let offset = value.span().start;
        let items = self.array("args", value)?;
        let args = items.into_iter().filter_map(|item| self.arg(item)).collect();
        Some(Located { value: args, offset })
    }

    fn arg(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Arg>> {
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

    fn pass(&mut self, table: &mut Table<'t>) -> bool {
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

    fn returned(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Returned>> {
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
    fn host_result(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Arg>> {
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

    fn writes(&mut self, value: Spanned<DeValue<'t>>) -> Vec<Located<Write>> {
        let items = self.array("writes", value).unwrap_or_default();
        items.into_iter().filter_map(|item| self.write(item)).collect()
    }

    fn write(&mut self, value: Spanned<DeValue<'t>>) -> Option<Located<Write>> {
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

    fn position(&self, offset: usize) -> Position {
        Position::at_offset(self.path, self.text.as_bytes(), offset)
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

fn offset_of(table: &Table<'_>, key: &str) -> Option<usize> {
    table.keys.get(key).map(|(offset, _)| *offset)
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
