//! Arguments, results and places of a plan, held against the types that the module gives them.

use super::check::Checker;
use super::ready::{HostResult, ReadyArg, ReadyReturned};
use super::{Arg, Call, Host, Located, Look, Place, Returned, Written};
use crate::nearest;
use crate::value::Number;
use gowasm_directive::{FuncType, WasmType};

impl Checker<'_> {
    /// Arguments of the export that a host function calls; its own ones unless the plan says else.
    pub(super) fn call_args(
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

    pub(super) fn host_result(
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

    pub(super) fn writes(&mut self, host: &Host, own: &FuncType) {
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

    pub(super) fn args(
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

    pub(super) fn argument_saved(
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

    pub(super) fn not_saved(&mut self, offset: usize, name: &str) {
        let hint = match nearest(name, self.saved.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a call before this one must have `save`".to_owned(),
        };
        self.fault(offset, format!("nothing is saved as `{name}` here"), &hint);
    }

    pub(super) fn save(
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
    pub(super) fn look(&mut self, look: &Located<Look>, signature: &FuncType) -> Option<Look> {
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

    pub(super) fn argument_of_host(
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

    pub(super) fn returned(
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
}
