//! `poll_oneoff`: waiting for the clock and for the standard streams.

use super::errno::{EBADF, EFAULT, EINVAL, Errno, SUCCESS};
use super::memory::{int, load, store};
use super::{Answer, pass};
use crate::guest::Guest;
use crate::value::Val;

const SUBSCRIPTION: usize = 48;
const CLOCK: u8 = 0;
const ABSOLUTE: u8 = 1;

struct Subscription {
    userdata: [u8; 8],
    tag: u8,
    /// Nanoseconds until it comes about, or why it cannot.
    due: Result<u64, Errno>,
}

pub(super) fn poll_oneoff(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (input, output, count) = (int(args, 0), int(args, 1), int(args, 2));
    if count == 0 {
        return Err(EINVAL.into());
    }
    // Each is looked at twice.
    guest.charge(2 * u64::from(count))?;
    let mut soonest = u64::MAX;
    for index in 0..count {
        soonest = soonest.min(read(guest, input, index)?.due.unwrap_or(0));
    }
    let mut events: u32 = 0;
    for index in 0..count {
        let subscription = read(guest, input, index)?;
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
        store(guest, u32::try_from(at).map_err(|_| EFAULT)?, &event)?;
        events += 1;
    }
    pass(guest, soonest)?;
    store(guest, int(args, 3), &events.to_le_bytes())
}

fn read(guest: &mut dyn Guest, list: u32, index: u32) -> Result<Subscription, Errno> {
    let at = u64::from(list) + SUBSCRIPTION as u64 * u64::from(index);
    let at = u32::try_from(at).map_err(|_| EFAULT)?;
    let bytes = load(guest, at, SUBSCRIPTION as u32)?;
    let bytes: &[u8; SUBSCRIPTION] = bytes.first_chunk().ok_or(EFAULT)?;
    let wasi = &mut guest.state().wasi;
    let number =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let userdata: [u8; 8] = *bytes.first_chunk().ok_or(EFAULT)?;
    let tag = bytes[8];
    let due = match tag {
        CLOCK => {
            let timeout = u64::from(number(24)) | u64::from(number(28)) << 32;
            let absolute = bytes[40] & ABSOLUTE != 0;
            match wasi.now(number(16)) {
                Some(now) if absolute => Ok(timeout.saturating_sub(now)),
                Some(_) => Ok(timeout),
                None => Err(EINVAL),
            }
        }
        // Streams and files never keep anybody waiting.
        _ if wasi.files.known(number(16)) => Ok(0),
        _ => Err(EBADF),
    };
    Ok(Subscription { userdata, tag, due })
}
