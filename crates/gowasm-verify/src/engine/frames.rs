//! What goes between us and an engine in a process of its own, over its standard input and output.
//!
//! A frame is a length, 32 bits little-endian, and so many bytes, of which the first says what it is.
//! Numbers are little-endian; a value is 64 bits, those of its type the lower ones.
//!
//! | ours | answered with |
//! | --- | --- |
//! | `L` and JSON: imports, exports, pages; then a frame that is the module | `r`, or `t` and why not |
//! | `i`: a fresh instance, in place of the one before | `r`, or `t` and why not |
//! | `c`, 16 bits of how many arguments, these, a name: call an export | `r` and results, or `t` and why it trapped, or `e` and why the engine could not go on |
//! | `m`, 32 bits of address, 32 of length: read memory | `r` and the bytes, or `o` for outside |
//! | `w`, 32 bits of address, bytes: write memory | `r`, or `o` |
//! | `s`: how large is the memory | `r` and 64 bits |
//!
//! While a call runs, the engine may send `h`, 32 bits of an import's number and its arguments: the
//! module called a function of the host. Everything may then be asked of it, calls as well, until we
//! send `r` and the result, or `u`: the call that is running ends.

use std::io::{self, Read, Write};

/// More than any module and any piece of memory.
const LONGEST: u32 = 1 << 31;

pub(super) fn send(stream: &mut impl Write, parts: &[&[u8]]) -> io::Result<()> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let length = u32::try_from(length).ok().filter(|&length| length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("too much for one frame"))?;
    let mut frame = length.to_le_bytes().to_vec();
    parts.iter().for_each(|part| frame.extend_from_slice(part));
    stream.write_all(&frame)?;
    stream.flush()
}

pub(super) fn receive(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let [a, b, c, d, kind] = head;
    let length = u32::from_le_bytes([a, b, c, d]);
    if length == 0 || length > LONGEST {
        return Err(io::Error::other(format!("a frame of {length} bytes")));
    }
    let wanted = u64::from(length) - 1;
    let mut body = Vec::new();
    stream.take(wanted).read_to_end(&mut body)?;
    if body.len() as u64 != wanted {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok((kind, body))
}
