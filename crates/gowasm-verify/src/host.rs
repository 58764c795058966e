//! The host functions that a plan declares.

use crate::plan::{Checked, HostResult, ReadyArg, Written};
use crate::sandbox::{State, Stop, place, run};
use crate::value;
use crate::{ending, plan::ReadyHost};
use wasmi::{Caller, Extern, Func, Val};

/// Runs the plan's host function of this number: its writes, its call back, its result.
pub(crate) fn call(
    mut caller: Caller<'_, State>,
    index: usize,
    args: &[Val],
    results: &mut [Val],
) -> Result<(), Stop> {
    let plan = caller.data().plan.clone();
    let Some(host) = plan.hosts.get(index) else { return Ok(()) };
    record(&mut caller, host, args);
    writes(&mut caller, &plan, host, args)?;
    let returned = match &host.calls {
        Some((export, call_args)) => {
            let call_args = arguments(&mut caller, &plan, call_args, args)?;
            let function = export_of(&caller, export)?;
            let returned = run(&mut caller, function, &call_args)?;
            expect(&caller, host, export, &returned)?;
            returned
        }
        None => Vec::new(),
    };
    let result = match &host.returns {
        HostResult::Nothing => None,
        HostResult::Value(value) => Some(value.clone()),
        HostResult::Argument(number) => args.get(*number).cloned(),
        HostResult::OfCall => returned.into_iter().next(),
    };
    if let (Some(place), Some(result)) = (results.first_mut(), result) {
        *place = result;
    }
    Ok(())
}

/// How many calls of one step are kept; no plan wants to list more.
const RECORDED: usize = 10_000;

fn record(caller: &mut Caller<'_, State>, host: &ReadyHost, args: &[Val]) {
    let calls = &mut caller.data_mut().host_calls;
    if calls.len() < RECORDED {
        let args = value::show_all(args).unwrap_or_default();
        calls.push(format!("{}.{}({args})", host.module, host.name));
    }
}

fn expect(
    caller: &Caller<'_, State>,
    host: &ReadyHost,
    export: &str,
    returned: &[Val],
) -> Result<(), Stop> {
    let Some(wanted) = &host.call_returns else { return Ok(()) };
    let data = caller.data().memory.map(|memory| memory.data(caller)).unwrap_or_default();
    let found = ending::compare(wanted, returned.first(), data);
    found.map(|_| ()).map_err(|why| {
        Stop::Trap(format!("`{export}`, called by `{}.{}`, {why}", host.module, host.name))
    })
}

fn writes(
    caller: &mut Caller<'_, State>,
    plan: &Checked,
    host: &ReadyHost,
    args: &[Val],
) -> Result<(), Stop> {
    let address = |number: usize| args.get(number).and_then(Val::i32).unwrap_or(0) as u32;
    for write in &host.writes {
        let at = address(write.at);
        match &write.what {
            Written::Bytes(bytes) => store(caller, host, at, bytes)?,
            Written::Allocated { size_at, bytes } => {
                let placed = allocate(caller, plan, bytes)?;
                store(caller, host, at, &placed.to_le_bytes())?;
                let length = bytes.len() as u32;
                store(caller, host, address(*size_at), &length.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

fn arguments(
    caller: &mut Caller<'_, State>,
    plan: &Checked,
    wanted: &[ReadyArg],
    own: &[Val],
) -> Result<Vec<Val>, Stop> {
    let mut args = Vec::new();
    for arg in wanted {
        match arg {
            // The plan's check lets it stand only in a call.
            ReadyArg::Saved(_) => {}
            ReadyArg::Value(value) => args.push(value.clone()),
            ReadyArg::OfHost(number) => args.extend(own.get(*number).cloned()),
            ReadyArg::Bytes { bytes, pointer_only } => {
                args.push(Val::I32(allocate(caller, plan, bytes)? as i32));
                if !pointer_only {
                    args.push(Val::I32(bytes.len() as i32));
                }
            }
        }
    }
    Ok(args)
}

fn allocate(caller: &mut Caller<'_, State>, plan: &Checked, bytes: &[u8]) -> Result<u32, Stop> {
    let name = plan.allocator.as_deref().unwrap_or_default();
    let function = export_of(caller, name)?;
    place(caller, function, name, bytes)
}

fn export_of(caller: &Caller<'_, State>, name: &str) -> Result<Func, Stop> {
    match caller.get_export(name) {
        Some(Extern::Func(function)) => Ok(function),
        _ => Err(Stop::Trap(format!("the module exports no function `{name}`"))),
    }
}

fn store(
    caller: &mut Caller<'_, State>,
    host: &ReadyHost,
    address: u32,
    bytes: &[u8],
) -> Result<(), Stop> {
    let memory = caller.data().memory;
    let data = memory.map(|memory| memory.data_mut(caller)).unwrap_or_default();
    let target = data.get_mut(address as usize..).and_then(|data| data.get_mut(..bytes.len()));
    match target {
        Some(target) => {
            target.copy_from_slice(bytes);
            Ok(())
        }
        None => Err(Stop::Trap(format!(
            "`{}.{}` was given {}, which lies outside of the module's memory",
            host.module,
            host.name,
            value::show(&Val::I32(address as i32))
        ))),
    }
}
