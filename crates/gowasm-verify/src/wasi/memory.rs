//! Arguments of WASI functions, and the module's memory.

use super::Answer;
use super::errno::{EFAULT, EINVAL, Errno};
use crate::guest::Guest;
use crate::value::Val;

pub(super) fn int(args: &[Val], index: usize) -> u32 {
    args.get(index).and_then(Val::i32).unwrap_or(0) as u32
}

pub(super) fn long(args: &[Val], index: usize) -> i64 {
    args.get(index).and_then(Val::i64).unwrap_or(0)
}

pub(super) fn load(guest: &mut dyn Guest, address: u32, length: u32) -> Result<Vec<u8>, Errno> {
    guest.bytes(address, length).ok_or(EFAULT)
}

pub(super) fn store(guest: &mut dyn Guest, address: u32, bytes: &[u8]) -> Answer {
    Ok(guest.write(address, bytes).ok_or(EFAULT)?)
}

/// A whole range lies in the module's memory.
pub(super) fn inside(guest: &mut dyn Guest, address: u32, length: u32) -> Result<(), Errno> {
    let end = u64::from(address) + u64::from(length);
    if end <= guest.memory_bytes() { Ok(()) } else { Err(EFAULT) }
}

/// The address and length that an entry of a list of buffers names.
pub(super) fn vector(guest: &mut dyn Guest, list: u32, index: u32) -> Result<(u32, u32), Errno> {
    let at = u64::from(list) + 8 * u64::from(index);
    let at = u32::try_from(at).map_err(|_| EFAULT)?;
    let entry = load(guest, at, 8)?;
    let number =
        |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
    Ok((number(0), number(4)))
}

/// A total of bytes that the program can be told of.
pub(super) fn add(total: u32, length: usize) -> Result<u32, Errno> {
    u32::try_from(length).ok().and_then(|length| total.checked_add(length)).ok_or(EINVAL)
}
