//! `poll_oneoff`: waiting for the clock and for the standard streams.

use crate::sandbox::{State, Stop, charge};
use crate::wasi::{answer, int, now, pass};
use wasmi::{Caller, Val};

const SUCCESS: u16 = 0;
const EBADF: u16 = 8;
const EFAULT: u16 = 21;
const EINVAL: u16 = 28;

const SUBSCRIPTION: usize = 48;
const CLOCK: u8 = 0;
const ABSOLUTE: u8 = 1;

struct Subscription {
    userdata: [u8; 8],
    tag: u8,
    /// Nanoseconds until it comes about, or why it cannot.
    due: Result<u64, u16>,
}

pub(crate) fn poll_oneoff(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<u16, Stop> {
    let (input, output, count) = (int(args, 0), int(args, 1), int(args, 2));
    if count == 0 {
        return Ok(EINVAL);
    }
    // Each is looked at twice.
    charge(caller, 2 * u64::from(count))?;
    let mut soonest = u64::MAX;
    for index in 0..count {
        let Some(subscription) = read(caller, input, index) else { return Ok(EFAULT) };
        soonest = soonest.min(subscription.due.unwrap_or(0));
    }
    let mut events: u32 = 0;
    for index in 0..count {
        let Some(subscription) = read(caller, input, index) else { return Ok(EFAULT) };
        let error = match subscription.due {
            Ok(due) if due > soonest => continue,
            Ok(_) => SUCCESS,
            Err(error) => error,
        };
        let mut event = [0; 32];
        event[..8].copy_from_slice(&subscription.userdata);
        event[8..10].copy_from_slice(&error.to_le_bytes());
        event[10] = subscription.tag;
        let at = u64::from(output) + 32 * u64::from(events);
        let Ok(at) = u32::try_from(at) else { return Ok(EFAULT) };
        if answer(caller, at, &event) != SUCCESS {
            return Ok(EFAULT);
        }
        events += 1;
    }
    pass(caller, soonest);
    Ok(answer(caller, int(args, 3), &events.to_le_bytes()))
}

fn read(caller: &Caller<'_, State>, list: u32, index: u32) -> Option<Subscription> {
    let memory = caller.data().memory?;
    let at = u64::from(list) + SUBSCRIPTION as u64 * u64::from(index);
    let bytes =
        memory.data(caller).get(usize::try_from(at).ok()?..)?.first_chunk::<SUBSCRIPTION>()?;
    let number =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let userdata: [u8; 8] = *bytes.first_chunk()?;
    let tag = bytes[8];
    let due = match tag {
        CLOCK => {
            let timeout = u64::from(number(24)) | u64::from(number(28)) << 32;
            let absolute = bytes[40] & ABSOLUTE != 0;
            match now(caller, number(16)) {
                Some(now) if absolute => Ok(timeout.saturating_sub(now)),
                Some(_) => Ok(timeout),
                None => Err(EINVAL),
            }
        }
        // The standard streams never keep anybody waiting.
        _ if number(16) <= 2 => Ok(0),
        _ => Err(EBADF),
    };
    Some(Subscription { userdata, tag, due })
}
