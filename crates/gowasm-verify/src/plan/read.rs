//! From TOML to a plan. Every fault is gathered, each with its line and column.

use super::table::{Reader, Table, offset_of};
use super::{Call, Ending, Host, JsPlan, Located, MemoryPlan, Output, Plan, Start};
use crate::imports::MissingImports;
use gowasm_diagnostic::{Diagnostic, Lines, Position};
use std::collections::HashMap;
use toml::de::DeTable;

pub(super) fn read(text: &str, path: &str) -> Result<Plan, Vec<Diagnostic>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors.iter().map(|error| syntax_error(error, text, path)).collect());
    }
    let mut reader = Reader { lines: Lines::of(text.as_bytes()), path, faults: Vec::new() };
    let plan = reader.plan(document.into_inner());
    if reader.faults.is_empty() { Ok(plan) } else { Err(reader.faults) }
}

fn syntax_error(error: &toml::de::Error, text: &str, path: &str) -> Diagnostic {
    let offset = error.span().map_or(0, |span| span.start);
    Diagnostic::error(format!("not valid TOML: {}", error.message().trim_end()))
        .at(Position::at_offset(path, text.as_bytes(), offset))
}

impl<'t> Reader<'t> {
    fn plan(&mut self, document: DeTable<'t>) -> Plan {
        let mut top = Table::new("the plan", 0, document);
        let missing_imports = self.missing_imports(&mut top);
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
        let js = top.take("js").and_then(|value| self.table("[js]", value));
        let js = js.and_then(|table| self.js(table));
        self.finish(top);
        self.reject_twice(&hosts);
        let (path, lines) = (self.path.to_owned(), self.lines.clone());
        Plan { path, lines, missing_imports, memory, start, calls, hosts, world, js }
    }

    fn missing_imports(&mut self, top: &mut Table<'t>) -> Option<MissingImports> {
        let given = self.string(top, "missing_imports")?;
        let parsed = given.value.parse();
        parsed
            .map_err(|why: String| self.fault(given.offset, format!("`missing_imports` {why}")))
            .ok()
    }

    fn js(&mut self, mut table: Table<'t>) -> Option<JsPlan> {
        let script = self.required_string(&mut table, "script");
        let offset = table.offset;
        self.finish(table);
        Some(JsPlan { script: script?.value, offset })
    }

    fn memory(&mut self, mut table: Table<'t>) -> Option<MemoryPlan> {
        let allocator = self.required_string(&mut table, "allocator");
        let release = self.string(&mut table, "release");
        self.finish(table);
        Some(MemoryPlan { allocator: allocator?, release })
    }

    fn start(&mut self, mut table: Table<'t>) -> Located<Start> {
        let ending = self.ending(&mut table, false);
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
        let ended = self.boolean(&mut table, "ended");
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
            ended,
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
        let mut seen = HashMap::new();
        for host in hosts {
            let name = (host.module.as_str(), host.name.value.as_str());
            let first = *seen.entry(name).or_insert(host);
            if !std::ptr::eq(first, host) {
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
}
