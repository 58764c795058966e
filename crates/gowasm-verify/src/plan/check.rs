//! Holds a plan against a module's interface: exports that are there, arguments and results of the
//! right number and type. What comes out can be run without looking at the plan again.

use super::ready::{Checked, ReadyCall, ReadyEnding, ReadyHost, ReadyStart};
use super::{Call, Ending, Host, Located, Plan};
use crate::Kind;
use crate::nearest;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface::{Interface, Item};
use gowasm_directive::{FuncType, WasmType};
use std::collections::BTreeMap;

/// Looking for what may have been meant takes as long as there are names: it is done for so many.
const SUGGESTIONS: usize = 20;
const NO_SUGGESTION: &str = "the first faults of the plan say what may have been meant";

pub(crate) fn check(
    plan: &Plan,
    interface: &Interface,
    kind: Kind,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker { plan, interface, kind, saved: BTreeMap::new(), faults: Vec::new() };
    let checked = checker.plan();
    if checker.faults.is_empty() { Ok(checked) } else { Err(checker.faults) }
}

pub(super) struct Checker<'a> {
    pub(super) plan: &'a Plan,
    pub(super) interface: &'a Interface,
    pub(super) kind: Kind,
    /// What calls have saved so far.
    pub(super) saved: BTreeMap<String, WasmType>,
    pub(super) faults: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn plan(&mut self) -> Checked {
        let plan = self.plan;
        if self.kind == Kind::Js {
            self.js();
            return Checked {
                missing_imports: plan.missing_imports.unwrap_or_default(),
                start: self.start(),
                world: plan.world.clone(),
                js_script: plan.js.as_ref().map(|js| js.script.clone()),
                ..Checked::default()
            };
        }
        if let Some(js) = &plan.js {
            self.fault(
                js.offset,
                "[js] is for modules of GOOS=js",
                "supply functions with [[host]]",
            );
        }
        let memory = plan.memory.as_ref();
        if let Some(memory) = memory {
            self.allocator(&memory.allocator);
        }
        if let Some(release) = memory.and_then(|memory| memory.release.as_ref()) {
            self.release(release);
        }
        let start = self.start();
        if self.kind == Kind::Command
            && let Some(call) = plan.calls.first()
        {
            let hint = "call it from a `[[host]]` function with `calls`, or build with --buildmode c-shared";
            self.fault(
                call.export.offset,
                "a command's exports cannot be called from outside",
                hint,
            );
            return Checked::default();
        }
        Checked {
            missing_imports: plan.missing_imports.unwrap_or_default(),
            allocator: memory.map(|memory| memory.allocator.value.clone()),
            release: memory.and_then(|m| m.release.as_ref()).map(|release| release.value.clone()),
            start,
            calls: plan.calls.iter().filter_map(|call| self.call(call)).collect(),
            hosts: plan.hosts.iter().filter_map(|host| self.host(host)).collect(),
            world: plan.world.clone(),
            js_script: None,
        }
    }

    fn js(&mut self) {
        let hint = "verify the package built for wasip1, or leave only [start], [world] and [js] in the plan";
        if let Some(call) = self.plan.calls.first() {
            let message = "calls of exports are not supported for js modules";
            self.fault(call.export.offset, message, hint);
        }
        let world = &self.plan.world;
        if !world.dirs.is_empty() || world.time.is_some() {
            let message = "[[dir]] and the `time` of [world] are not supported for js modules";
            self.fault(0, message, hint);
        }
        if let Some(host) = self.plan.hosts.first() {
            let message = "[[host]] is not supported for js modules";
            let hint = "supply functions in the `script` of [js]: `imports.MODULE = { NAME() {} }`";
            self.fault(host.name.offset, message, hint);
        }
    }

    fn start(&mut self) -> ReadyStart {
        let Some(start) = &self.plan.start else { return ReadyStart::default() };
        if self.kind == Kind::Reactor {
            let hint = "a reactor is initialised and called: use [[call]]";
            self.fault(start.offset, "[start] is for commands; this module has no `_start`", hint);
        }
        let ending = match &start.value.ending {
            Ending::Traps(text) => ReadyEnding::Traps(text.clone()),
            Ending::Exits(code) => ReadyEnding::Exits(*code),
            Ending::Returns(_) => ReadyEnding::default(),
        };
        let must_end = !matches!(start.value.ending, Ending::Returns(_));
        let line = Some(self.plan.at(start.offset).line);
        let (output, limits) = (start.value.output.clone(), start.value.limits);
        ReadyStart { ending, must_end, output, limits, line }
    }

    fn allocator(&mut self, name: &Located<String>) {
        if let Some(found) = self.export(name)
            && (found.params != [WasmType::I32] || found.results != [WasmType::I32])
        {
            let message = format!("`{}` is {found}: no allocator", name.value);
            self.fault(name.offset, message, "an allocator is (i32) -> i32: a size to an address");
        }
    }

    fn release(&mut self, name: &Located<String>) {
        if let Some(found) = self.export(name)
            && found.params != [WasmType::I32]
        {
            let message = format!("`{}` is {found}: it cannot release memory", name.value);
            self.fault(name.offset, message, "it must take an i32: an address");
        }
    }

    pub(super) fn call(&mut self, call: &Call) -> Option<ReadyCall> {
        let signature = self.export(&call.export)?;
        let args = self.args(&call.export.value, &call.args, &signature, None);
        let ending = match &call.ending {
            Ending::Traps(text) => ReadyEnding::Traps(text.clone()),
            Ending::Exits(code) => ReadyEnding::Exits(*code),
            Ending::Returns(None) => ReadyEnding::Returns(None),
            Ending::Returns(Some(returned)) => ReadyEnding::Returns(Some(self.returned(
                &call.export.value,
                returned,
                &signature,
            )?)),
        };
        let writes = call.writes.iter().filter_map(|look| self.look(look, &signature)).collect();
        let reads = call.reads.iter().filter_map(|look| self.look(look, &signature)).collect();
        let save = call.save.as_ref().and_then(|name| self.save(name, call, &signature));
        Some(ReadyCall {
            export: call.export.value.clone(),
            args: args?,
            ending,
            output: call.output.clone(),
            fresh: call.fresh,
            uninitialized: call.uninitialized,
            ended: call.ended,
            limits: call.limits,
            writes,
            reads,
            save,
            line: self.plan.at(call.export.offset).line,
        })
    }

    pub(super) fn host(&mut self, host: &Host) -> Option<ReadyHost> {
        let own = self.import(host)?;
        let target = match &host.calls {
            None => None,
            Some(name) => Some((name, self.export(name)?)),
        };
        let calls = match &target {
            None => None,
            Some((name, signature)) => {
                Some((name.value.clone(), self.call_args(host, name, signature, &own)?))
            }
        };
        let returns =
            self.host_result(host, &own, target.as_ref().map(|(_, signature)| signature))?;
        self.writes(host, &own);
        let call_returns = match (&host.call_returns, &target) {
            (Some(returned), Some((name, signature))) => {
                Some(self.returned(&name.value, returned, signature)?)
            }
            _ => None,
        };
        let writes = host.writes.iter().map(|write| write.value.clone()).collect();
        let (module, name) = (host.module.clone(), host.name.value.clone());
        Some(ReadyHost { module, name, returns, writes, calls, call_returns })
    }

    pub(super) fn needs_allocator(&mut self, offset: usize) {
        if self.plan.memory.is_none() {
            let message =
                "bytes need a place in the module's memory, and the plan names no allocator";
            let hint = "add `[memory]` with `allocator = \"…\"`, an export that takes a size and returns an address";
            self.fault(offset, message, hint);
        }
    }

    pub(super) fn export(&mut self, name: &Located<String>) -> Option<FuncType> {
        match self.interface.export(&name.value).map(|export| &export.item) {
            Some(Item::Func(signature)) => Some(signature.clone()),
            Some(_) => {
                let message = format!("the module's export `{}` is no function", name.value);
                self.fault(name.offset, message, "only functions can be called");
                None
            }
            None => {
                let message = format!("the module exports no `{}`", name.value);
                if self.faults.len() >= SUGGESTIONS {
                    self.fault(name.offset, message, NO_SUGGESTION);
                    return None;
                }
                let functions =
                    self.interface.exports.iter().filter(|e| e.item.func_type().is_some());
                let names: Vec<_> = functions.map(|export| export.name.as_str()).collect();
                let hint = suggestion(&name.value, &names, "exports");
                self.fault(name.offset, message, &hint);
                None
            }
        }
    }

    fn import(&mut self, host: &Host) -> Option<FuncType> {
        let name = &host.name.value;
        let imports = &self.interface.imports;
        if let Some(import) = self.interface.import(&host.module, name) {
            if let Item::Func(signature) = &import.item {
                return Some(signature.clone());
            }
            let message = format!("the import `{}.{name}` is no function", host.module);
            self.fault(host.name.offset, message, "a plan supplies only functions");
            return None;
        }
        let message = format!("the module does not import `{}.{name}`", host.module);
        if self.faults.len() >= SUGGESTIONS {
            self.fault(host.name.offset, message, NO_SUGGESTION);
            return None;
        }
        let of_module = |module: &str| {
            let own = imports.iter().filter(|import| import.module == module);
            own.map(|import| import.name.as_str()).collect::<Vec<_>>()
        };
        let hint = match of_module(&host.module) {
            names if !names.is_empty() => suggestion(name, &names, "imports"),
            _ => {
                let mut modules: Vec<_> = imports.iter().map(|i| i.module.as_str()).collect();
                modules.dedup();
                modules.retain(|module| *module != gowasm_directive::wasip1::MODULE);
                suggestion(&host.module, &modules, "imports from")
            }
        };
        self.fault(host.name.offset, message, &hint);
        None
    }

    pub(super) fn fault(&mut self, offset: usize, message: impl Into<String>, hint: &str) {
        let fault = Diagnostic::error(message.into()).at(self.plan.at(offset)).hint(hint);
        self.faults.push(fault);
    }
}

/// The nearest name, or else the first few there are.
fn suggestion(name: &str, names: &[&str], verb: &str) -> String {
    const SHOWN: usize = 8;
    if let Some(near) = nearest(name, names.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    if names.is_empty() {
        return format!("it {verb} nothing that a plan could name");
    }
    let shown: Vec<_> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let rest = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("it {verb} {}{rest}", shown.join(", "))
}
