//! Arguments of WASI functions, and the module's memory.

use super::Answer;
use super::errno::{EFAULT, EINVAL, Errno};
use crate::sandbox::State;
use wasmi::{Caller, Val};

pub(super) fn int(args: &[Val], index: usize) -> u32 {
    args.get(index).and_then(Val::i32).unwrap_or(0) as u32
}

pub(super) fn long(args: &[Val], index: usize) -> i64 {
    args.get(index).and_then(Val::i64).unwrap_or(0)
}

pub(super) fn with_memory<'c>(
    caller: &'c mut Caller<'_, State>,
) -> Result<(&'c mut [u8], &'c mut State), Errno> {
    let memory = caller.data().memory.ok_or(EFAULT)?;
    Ok(memory.data_and_store_mut(caller))
}

pub(super) fn slice(data: &[u8], address: u32, length: u32) -> Result<&[u8], Errno> {
    let found = data.get(address as usize..).and_then(|data| data.get(..length as usize));
    found.ok_or(EFAULT)
}

pub(super) fn slice_mut(data: &mut [u8], address: u32, length: u32) -> Result<&mut [u8], Errno> {
    let found = data.get_mut(address as usize..).and_then(|data| data.get_mut(..length as usize));
    found.ok_or(EFAULT)
}

pub(super) fn store(caller: &mut Caller<'_, State>, address: u32, bytes: &[u8]) -> Answer {
    let (data, _) = with_memory(caller)?;
    let length = u32::try_from(bytes.len()).map_err(|_| EFAULT)?;
    slice_mut(data, address, length)?.copy_from_slice(bytes);
    Ok(())
}

/// The address and length that an entry of a list of buffers names.
pub(super) fn vector(data: &[u8], list: u32, index: u32) -> Result<(u32, u32), Errno> {
    let at = u64::from(list) + 8 * u64::from(index);
    let at = u32::try_from(at).map_err(|_| EFAULT)?;
    let entry = slice(data, at, 8)?;
    let number =
        |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
    Ok((number(0), number(4)))
}

/// A total of bytes that the program can be told of.
pub(super) fn add(total: u32, length: usize) -> Result<u32, Errno> {
    u32::try_from(length).ok().and_then(|length| total.checked_add(length)).ok_or(EINVAL)
}
