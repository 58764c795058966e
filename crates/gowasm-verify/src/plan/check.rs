//! Holds a plan against a module's interface: exports that are there, arguments and results of the
//! right number and type. What comes out can be run without looking at the plan again.

use super::{
    Arg, Bytes, Call, CallLimits, Ending, Host, Located, Look, Output, Place, Plan, Returned,
    Written,
};
use crate::Kind;
use crate::nearest;
use crate::value::{Number, Val};
use crate::world::World;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface::{Interface, Item};
use gowasm_directive::{FuncType, WasmType};
use std::collections::BTreeMap;

/// A plan that fits its module.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) allocator: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) start: ReadyStart,
    pub(crate) calls: Vec<ReadyCall>,
    pub(crate) hosts: Vec<ReadyHost>,
    pub(crate) world: World,
}

impl Checked {
    /// Without a plan a command must exit with 0, and nothing else is asked for.
    pub(crate) fn none() -> Self {
        Checked::default()
    }
}

#[derive(Debug, Default)]
pub(crate) struct ReadyStart {
    pub(crate) ending: ReadyEnding,
    pub(crate) output: Output,
    pub(crate) limits: CallLimits,
    pub(crate) line: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct ReadyCall {
    pub(crate) export: String,
    pub(crate) args: Vec<ReadyArg>,
    pub(crate) ending: ReadyEnding,
    pub(crate) output: Output,
    pub(crate) fresh: bool,
    pub(crate) uninitialized: bool,
    pub(crate) limits: CallLimits,
    pub(crate) writes: Vec<Look>,
    pub(crate) reads: Vec<Look>,
    pub(crate) save: Option<String>,
    pub(crate) line: u32,
}

#[derive(Debug)]
pub(crate) struct ReadyHost {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) returns: HostResult,
    pub(crate) writes: Vec<super::Write>,
    pub(crate) calls: Option<(String, Vec<ReadyArg>)>,
    pub(crate) call_returns: Option<ReadyReturned>,
}

#[derive(Debug)]
pub(crate) enum HostResult {
    Nothing,
    Value(Val),
    Argument(usize),
    /// Whatever the export returned that it calls.
    OfCall,
}

#[derive(Debug)]
pub(crate) enum ReadyArg {
    Value(Val),
    Bytes { bytes: Vec<u8>, pointer_only: bool },
    OfHost(usize),
    Saved(String),
}

#[derive(Debug)]
pub(crate) enum ReadyEnding {
    Returns(Option<ReadyReturned>),
    Traps(String),
    Exits(i32),
}

impl Default for ReadyEnding {
    fn default() -> Self {
        ReadyEnding::Exits(0)
    }
}

#[derive(Debug)]
pub(crate) enum ReadyReturned {
    Value(Val),
    /// These very bits.
    Exact(Val),
    Near {
        value: f64,
        within: f64,
    },
    At(Bytes),
    CString(Bytes),
    Packed(Bytes),
}

pub(crate) fn check(
    plan: &Plan,
    interface: &Interface,
    kind: Kind,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker { plan, interface, kind, saved: BTreeMap::new(), faults: Vec::new() };
    let checked = checker.plan();
    if checker.faults.is_empty() { Ok(checked) } else { Err(checker.faults) }
}

struct Checker<'a> {
    plan: &'a Plan,
    interface: &'a Interface,
    kind: Kind,
    /// What calls have saved so far.
    saved: BTreeMap<String, WasmType>,
    faults: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn plan(&mut self) -> Checked {
        let plan = self.plan;
        if self.kind == Kind::Js {
            self.js();
            return Checked { start: self.start(), ..Checked::default() };
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
            allocator: memory.map(|memory| memory.allocator.value.clone()),
            release: memory.and_then(|m| m.release.as_ref()).map(|release| release.value.clone()),
            start,
            calls: plan.calls.iter().filter_map(|call| self.call(call)).collect(),
            hosts: plan.hosts.iter().filter_map(|host| self.host(host)).collect(),
            world: plan.world.clone(),
        }
    }

    fn js(&mut self) {
        let hint = "verify the package built for wasip1, or leave only [start] in the plan";
        if let Some(call) = self.plan.calls.first() {
            let message = "calls of exports are not supported for js modules";
            self.fault(call.export.offset, message, hint);
        }
        let world = &self.plan.world;
        if !(world.args.is_empty() && world.env.is_empty() && world.dirs.is_empty())
            || world.time.is_some()
        {
            let message = "[world] and [[dir]] are not supported for js modules";
            self.fault(0, message, hint);
        }
        if let Some(host) = self.plan.hosts.first() {
            let message = "host functions are not supported for js modules";
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
        let line = Some(self.plan.at(start.offset).line);
        let (output, limits) = (start.value.output.clone(), start.value.limits);
        ReadyStart { ending, output, limits, line }
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

    fn call(&mut self, call: &Call) -> Option<ReadyCall> {
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
            limits: call.limits,
            writes,
            reads,
            save,
            line: self.plan.at(call.export.offset).line,
        })
    }

    fn host(&mut self, host: &Host) -> Option<ReadyHost> {
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

    /// Arguments of the export that a host function calls; its own ones unless the plan says else.
    fn call_args(
        &mut self,
        host: &Host,
        export: &Located<String>,
        signature: &FuncType,
        own: &FuncType,
    ) -> Option<Vec<ReadyArg>> {
        if let Some(args) = &host.args {
            return self.args(&export.value, args, signature, Some(own));
        }
        if signature.params == own.params {
            return Some((0..own.params.len()).map(ReadyArg::OfHost).collect());
        }
        let message = format!(
            "`{}` is {signature} and cannot take the arguments of `{}`, which is {own}",
            export.value, host.name.value
        );
        self.fault(export.offset, message, "say with `args` what it is called with");
        None
    }

    fn host_result(
        &mut self,
        host: &Host,
        own: &FuncType,
        called: Option<&FuncType>,
    ) -> Option<HostResult> {
        let (name, offset) = (&host.name.value, host.name.offset);
        let wanted = match own.results[..] {
            [] => None,
            [one] => Some(one),
            _ => {
                let hint = "leave it undeclared: it then traps when it is called";
                self.fault(offset, format!("`{name}` has more than one result"), hint);
                return None;
            }
        };
        match (&host.returns, wanted) {
            (None, None) => Some(HostResult::Nothing),
            (Some(returns), None) => {
                let hint = "remove `returns`";
                self.fault(returns.offset, format!("`{name}` is {own}: it has no result"), hint);
                None
            }
            (None, Some(wanted)) => {
                if called.is_some_and(|called| called.results == [wanted]) {
                    return Some(HostResult::OfCall);
                }
                let hint = format!("say with `returns` which {wanted} it returns");
                self.fault(offset, format!("`{name}` is {own}: it needs a result"), &hint);
                None
            }
            (Some(returns), Some(wanted)) => match &returns.value {
                Arg::OfHost(number) if own.params.get(*number) == Some(&wanted) => {
                    Some(HostResult::Argument(*number))
                }
                Arg::OfHost(number) => {
                    let message = format!("`{name}` is {own}: argument {number} is no {wanted}");
                    self.fault(returns.offset, message, "arguments are counted from 0");
                    None
                }
                Arg::Number(number) => match number.to_wasm(wanted) {
                    Ok(value) => Some(HostResult::Value(value)),
                    Err(why) => {
                        let hint = format!("`{name}` is {own}");
                        self.fault(returns.offset, why, &hint);
                        None
                    }
                },
                // The reader lets no other form through.
                Arg::Bytes { .. } | Arg::Saved(_) => None,
            },
        }
    }

    fn writes(&mut self, host: &Host, own: &FuncType) {
        for write in &host.writes {
            let mut places = vec![write.value.at];
            if let Written::Allocated { size_at, .. } = write.value.what {
                places.push(size_at);
                self.needs_allocator(write.offset);
            }
            for place in places {
                if own.params.get(place) != Some(&WasmType::I32) {
                    let message =
                        format!("parameter {place} of `{}` is no address", host.name.value);
                    let hint = format!("it is {own}; parameters are counted from 0");
                    self.fault(write.offset, message, &hint);
                }
            }
        }
    }

    fn args(
        &mut self,
        function: &str,
        args: &Located<Vec<Located<Arg>>>,
        signature: &FuncType,
        host: Option<&FuncType>,
    ) -> Option<Vec<ReadyArg>> {
        let before = self.faults.len();
        let mut ready = Vec::new();
        // Strings take two parameters, so the place in the signature is counted apart.
        let mut place = 0;
        for arg in &args.value {
            let wanted = signature.params.get(place).copied();
            match &arg.value {
                Arg::Number(number) => {
                    match wanted.map(|wanted| number.to_wasm(wanted)) {
                        Some(Ok(value)) => ready.push(ReadyArg::Value(value)),
                        Some(Err(why)) => {
                            let hint = format!("`{function}` is {signature}");
                            self.fault(arg.offset, why, &hint);
                        }
                        None => {}
                    }
                    place += 1;
                }
                Arg::Bytes { bytes, pointer_only } => {
                    let count = if *pointer_only { 1 } else { 2 };
                    let taken = signature.params.get(place..place + count);
                    if taken.is_some_and(|taken| taken.iter().any(|&wasm| wasm != WasmType::I32)) {
                        let message = "bytes need an i32 for the address and one for the length";
                        self.fault(arg.offset, message, &format!("`{function}` is {signature}"));
                    }
                    self.needs_allocator(arg.offset);
                    let (bytes, pointer_only) = (bytes.clone(), *pointer_only);
                    ready.push(ReadyArg::Bytes { bytes, pointer_only });
                    place += count;
                }
                Arg::Saved(name) => {
                    self.argument_saved(arg.offset, name, wanted, host);
                    ready.push(ReadyArg::Saved(name.clone()));
                    place += 1;
                }
                Arg::OfHost(number) => {
                    self.argument_of_host(arg.offset, *number, wanted, host);
                    ready.push(ReadyArg::OfHost(*number));
                    place += 1;
                }
            }
        }
        if place != signature.params.len() {
            let given = match place {
                1 => "1 is given".to_owned(),
                count => format!("{count} are given"),
            };
            let wanted = signature.params.len();
            let s = if wanted == 1 { "" } else { "s" };
            let message = format!("`{function}` takes {wanted} argument{s}, {given}");
            let hint = format!("it is {signature}; a string counts for two");
            self.fault(args.offset, message, &hint);
        }
        (self.faults.len() == before).then_some(ready)
    }

    fn argument_saved(
        &mut self,
        offset: usize,
        name: &str,
        wanted: Option<WasmType>,
        host: Option<&FuncType>,
    ) {
        if host.is_some() {
            let hint = "give a value, or `{ arg = N }`";
            return self.fault(offset, "a host function knows nothing of saved results", hint);
        }
        let Some(&found) = self.saved.get(name) else { return self.not_saved(offset, name) };
        if wanted.is_some_and(|wanted| wanted != found) {
            let message = format!("`{name}` was saved as {found}");
            self.fault(offset, message, "save a result of the type that is wanted here");
        }
    }

    fn not_saved(&mut self, offset: usize, name: &str) {
        let hint = match nearest(name, self.saved.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a call before this one must have `save`".to_owned(),
        };
        self.fault(offset, format!("nothing is saved as `{name}` here"), &hint);
    }

    fn save(
        &mut self,
        name: &Located<String>,
        call: &Call,
        signature: &FuncType,
    ) -> Option<String> {
        match signature.results[..] {
            [result] => {
                self.saved.insert(name.value.clone(), result);
                Some(name.value.clone())
            }
            _ => {
                let message = format!("`{}` has no result that could be saved", call.export.value);
                self.fault(name.offset, message, &format!("it is {signature}"));
                None
            }
        }
    }

    /// Places must be addresses.
    fn look(&mut self, look: &Located<Look>, signature: &FuncType) -> Option<Look> {
        let (found, what) = match &look.value.place {
            Place::Address(_) => return Some(look.value.clone()),
            Place::Result => (signature.results.first().copied(), "the result".to_owned()),
            Place::Argument(number) => {
                (signature.params.get(*number).copied(), format!("argument {number}"))
            }
            Place::Saved(name) => match self.saved.get(name) {
                Some(&found) => (Some(found), format!("`{name}`")),
                None => {
                    self.not_saved(look.offset, name);
                    return None;
                }
            },
        };
        if found == Some(WasmType::I32) {
            return Some(look.value.clone());
        }
        self.fault(look.offset, format!("{what} is no address"), "an address is an i32");
        None
    }

    fn argument_of_host(
        &mut self,
        offset: usize,
        number: usize,
        wanted: Option<WasmType>,
        host: Option<&FuncType>,
    ) {
        let Some(host) = host else {
            let message = "`arg` stands for an argument of a host function; here is none";
            return self.fault(offset, message, "give a value");
        };
        let Some(wanted) = wanted else { return };
        if host.params.get(number) != Some(&wanted) {
            let message = format!("argument {number} of the host function is no {wanted}");
            self.fault(offset, message, &format!("it is {host}; arguments are counted from 0"));
        }
    }

    fn returned(
        &mut self,
        function: &str,
        returned: &Located<Returned>,
        signature: &FuncType,
    ) -> Option<ReadyReturned> {
        let hint = format!("`{function}` is {signature}");
        let &[result] = signature.results.as_slice() else {
            let message = match signature.results.len() {
                0 => format!("`{function}` returns nothing"),
                _ => format!("`{function}` returns more than one value"),
            };
            self.fault(returned.offset, message, "remove `returns`");
            return None;
        };
        let (form, wanted, ready) = match &returned.value {
            Returned::Number(number) => match number.to_wasm(result) {
                Ok(value) if matches!(number, Number::Bits(_)) => {
                    return Some(ReadyReturned::Exact(value));
                }
                Ok(value) => return Some(ReadyReturned::Value(value)),
                Err(why) => {
                    self.fault(returned.offset, why, &hint);
                    return None;
                }
            },
            &Returned::Near { value, within } => {
                if matches!(result, WasmType::F32 | WasmType::F64) {
                    return Some(ReadyReturned::Near { value, within });
                }
                let message = format!("only a float can be near to something, not {result}");
                self.fault(returned.offset, message, &hint);
                return None;
            }
            Returned::At(bytes) => ("an address", WasmType::I32, ReadyReturned::At(bytes.clone())),
            Returned::CString(bytes) => {
                ("an address", WasmType::I32, ReadyReturned::CString(bytes.clone()))
            }
            Returned::Packed(bytes) => {
                ("address and length", WasmType::I64, ReadyReturned::Packed(bytes.clone()))
            }
        };
        if result != wanted {
            self.fault(
                returned.offset,
                format!("{form} come back in an {wanted}, not {result}"),
                &hint,
            );
            return None;
        }
        Some(ready)
    }

    fn needs_allocator(&mut self, offset: usize) {
        if self.plan.memory.is_none() {
            let message =
                "bytes need a place in the module's memory, and the plan names no allocator";
            let hint = "add `[memory]` with `allocator = \"…\"`, an export that takes a size and returns an address";
            self.fault(offset, message, hint);
        }
    }

    fn export(&mut self, name: &Located<String>) -> Option<FuncType> {
        match self.interface.export(&name.value).map(|export| &export.item) {
            Some(Item::Func(signature)) => Some(signature.clone()),
            Some(_) => {
                let message = format!("the module's export `{}` is no function", name.value);
                self.fault(name.offset, message, "only functions can be called");
                None
            }
            None => {
                let message = format!("the module exports no `{}`", name.value);
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
        let found = imports.iter().find(|i| i.module == host.module && i.name == *name);
        if let Some(import) = found {
            if let Item::Func(signature) = &import.item {
                return Some(signature.clone());
            }
            let message = format!("the import `{}.{name}` is no function", host.module);
            self.fault(host.name.offset, message, "a plan supplies only functions");
            return None;
        }
        let message = format!("the module does not import `{}.{name}`", host.module);
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

    fn fault(&mut self, offset: usize, message: impl Into<String>, hint: &str) {
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
