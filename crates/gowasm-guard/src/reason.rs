//! Where a host finds why a call was refused, without a backtrace and without its stderr: a refusal
//! leaves the address and the length of its text in the module's memory, two 32-bit numbers.

/// Go's linkers leave the memory from here to 12 KiB unused: it was for wasm_exec.js.
pub const REASON: u32 = 4096;
/// How many bytes there name the text; all of them are zero when nothing was refused.
pub const REASON_BYTES: u32 = 8;
/// The texts end before this.
pub(crate) const END: u32 = 8192;
/// What every text begins with.
pub(crate) const PREFIX: &str = "gowasm: ";

/// The place and the length of a text, from the bytes at `REASON`. Any module may have anything there.
pub fn reason_at(bytes: &[u8]) -> Option<(u32, u32)> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (address, length) = (number(0)?, number(4)?);
    let begins = (REASON + REASON_BYTES..END).contains(&address);
    (begins && length > PREFIX.len() as u32 && length <= END - address).then_some((address, length))
}

/// The number to store at `REASON` for a text.
pub(crate) fn packed(address: u32, length: u32) -> i64 {
    i64::from(length) << 32 | i64::from(address)
}
