//! `poll_oneoff`: waiting for the clock and for the standard streams.

use super::errno::{EBADF, EFAULT, EINVAL, Errno, SUCCESS};
use super::memory::{int, slice, store, with_memory};
use super::{Answer, pass};
use crate::sandbox::{State, charge};
use wasmi::{Caller, Val};

const SUBSCRIPTION: usize = 48;
const CLOCK: u8 = 0;
const ABSOLUTE: u8 = 1;

struct Subscription {
    userdata: [u8; 8],
    tag: u8,
    /// Nanoseconds until it comes about, or why it cannot.
    due: Result<u64, Errno>,
}

pub(super) fn poll_oneoff(caller: &mut Caller<'_, State>, args: &[Val]) -> Answer {
    let (input, output, count) = (int(args, 0), int(args, 1), int(args, 2));
    if count == 0 {
        return Err(EINVAL.into());
    }
    // Each is looked at twice.
    charge(caller, 2 * u64::from(count))?;
    let mut soonest = u64::MAX;
    for index in 0..count {
        soonest = soonest.min(read(caller, input, index)?.due.unwrap_or(0));
    }
    let mut events: u32 = 0;
    for index in 0..count {
        let subscription = read(caller, input, index)?;
        let error = match subscription.due {
            Ok(due) if due > soonest => continue,
            Ok(_) => SUCCESS,
            Err(error) => error,
        };
        let mut event = [0; 32];
        event[..8].copy_from_slice(&subscription.userdata);
        event[8..10].copy_from_slice(&error.0.to_le_bytes());
        event[10] = subscription.tag;
        let at = u64::from(output) + 32 * u64::from(events);
        store(caller, u32::try_from(at).map_err(|_| EFAULT)?, &event)?;
        events += 1;
    }
    pass(caller, soonest)?;
    store(caller, int(args, 3), &events.to_le_bytes())
}

fn read(caller: &mut Caller<'_, State>, list: u32, index: u32) -> Result<Subscription, Errno> {
    let at = u64::from(list) + SUBSCRIPTION as u64 * u64::from(index);
    let (data, state) = with_memory(caller)?;
    let at = u32::try_from(at).map_err(|_| EFAULT)?;
    let bytes: &[u8; SUBSCRIPTION] =
        slice(data, at, SUBSCRIPTION as u32)?.first_chunk().ok_or(EFAULT)?;
    let number =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let userdata: [u8; 8] = *bytes.first_chunk().ok_or(EFAULT)?;
    let tag = bytes[8];
    let due = match tag {
        CLOCK => {
            let timeout = u64::from(number(24)) | u64::from(number(28)) << 32;
            let absolute = bytes[40] & ABSOLUTE != 0;
            match state.wasi.now(number(16)) {
                Some(now) if absolute => Ok(timeout.saturating_sub(now)),
                Some(_) => Ok(timeout),
                None => Err(EINVAL),
            }
        }
        // Streams and files never keep anybody waiting.
        _ if state.wasi.files.known(number(16)) => Ok(0),
        _ => Err(EBADF),
    };
    Ok(Subscription { userdata, tag, due })
}
