//! The host functions that a plan declares.

use crate::guest::{Guest, Stop, enter, place};
use crate::plan::{HostResult, ReadyArg, Written};
use crate::value::{self, Val};
use crate::wasi::BYTES_A_STEP;
use crate::{ending, plan::ReadyHost};

/// Runs the plan's host function of this number: its writes, its call back, its result.
pub(crate) fn call(guest: &mut dyn Guest, index: usize, args: &[Val]) -> Result<Option<Val>, Stop> {
    let plan = guest.state().plan.clone();
    let Some(host) = plan.hosts.get(index) else { return Ok(None) };
    guest.charge(STEPS * (1 + args.len() as u64))?;
    record(guest, host, args);
    writes(guest, host, args)?;
    let returned = match &host.calls {
        Some((export, call_args)) => {
            let call_args = arguments(guest, call_args, args)?;
            let returned = enter(guest, export, &call_args)?;
            expect(guest, host, export, &returned)?;
            returned
        }
        None => Vec::new(),
    };
    Ok(match &host.returns {
        HostResult::Nothing => None,
        HostResult::Value(value) => Some(*value),
        HostResult::Argument(number) => args.get(*number).copied(),
        HostResult::OfCall => returned.into_iter().next(),
    })
}

/// What a call takes at least, and each of its arguments, in steps of a module.
const STEPS: u64 = 20;
/// How many calls of one step are kept, and how many values; no plan wants to list more.
const RECORDED: usize = 10_000;
const RECORDED_VALUES: usize = 100_000;

fn record(guest: &mut dyn Guest, host: &ReadyHost, args: &[Val]) {
    let state = guest.state();
    state.host_values += args.len();
    let is_kept = state.host_values <= RECORDED_VALUES;
    let calls = &mut state.host_calls;
    if calls.len() < RECORDED && is_kept {
        let args = value::show_all(args).unwrap_or_default();
        calls.push(format!("{}.{}({args})", host.module, host.name));
    }
}

fn expect(
    guest: &mut dyn Guest,
    host: &ReadyHost,
    export: &str,
    returned: &[Val],
) -> Result<(), Stop> {
    let Some(wanted) = &host.call_returns else { return Ok(()) };
    let found = ending::compare(wanted, returned.first(), guest);
    found.map(|_| ()).map_err(|why| {
        Stop::Trap(format!("`{export}`, called by `{}.{}`, {why}", host.module, host.name))
    })
}

fn writes(guest: &mut dyn Guest, host: &ReadyHost, args: &[Val]) -> Result<(), Stop> {
    let address = |number: usize| args.get(number).and_then(Val::i32).unwrap_or(0) as u32;
    for write in &host.writes {
        let at = address(write.at);
        match &write.what {
            Written::Bytes(bytes) => {
                guest.charge(bytes.len() as u64 / BYTES_A_STEP)?;
                store(guest, host, at, bytes)?;
            }
            Written::Allocated { size_at, bytes } => {
                let placed = place(guest, bytes)?;
                store(guest, host, at, &placed.to_le_bytes())?;
                let length = bytes.len() as u32;
                store(guest, host, address(*size_at), &length.to_le_bytes())?;
            }
        }
    }
    Ok(())
}

fn arguments(guest: &mut dyn Guest, wanted: &[ReadyArg], own: &[Val]) -> Result<Vec<Val>, Stop> {
    let mut args = Vec::new();
    for arg in wanted {
        match arg {
            // The plan's check lets it stand only in a call.
            ReadyArg::Saved(_) => {}
            ReadyArg::Value(value) => args.push(*value),
            ReadyArg::OfHost(number) => args.extend(own.get(*number).cloned()),
            ReadyArg::Bytes { bytes, pointer_only } => {
                args.push(Val::I32(place(guest, bytes)? as i32));
                if !pointer_only {
                    args.push(Val::I32(bytes.len() as i32));
                }
            }
        }
    }
    Ok(args)
}

fn store(guest: &mut dyn Guest, host: &ReadyHost, address: u32, bytes: &[u8]) -> Result<(), Stop> {
    guest.write(address, bytes).ok_or_else(|| {
        Stop::Trap(format!(
            "`{}.{}` was given {}, which lies outside of the module's memory",
            host.module,
            host.name,
            value::show(&Val::I32(address as i32))
        ))
    })
}
