//! Variable-length integers.

pub(crate) fn push_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn push_signed(out: &mut Vec<u8>, value: i64) {
    let mut bytes = [0; 10];
    let length = write_signed(&mut bytes, value);
    out.extend_from_slice(&bytes[..length]);
}

/// Writes at the beginning of `out` and returns the length.
pub(crate) fn write_signed(out: &mut [u8], mut value: i64) -> usize {
    let mut length = 0;
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        let done = (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0);
        out[length] = if done { byte } else { byte | 0x80 };
        length += 1;
        if done {
            return length;
        }
    }
}

/// A number in exactly five bytes, as section sizes are written.
pub(crate) fn padded(value: u32) -> [u8; 5] {
    std::array::from_fn(|i| {
        let byte = (value >> (7 * i)) as u8 & 0x7f;
        if i < 4 { byte | 0x80 } else { byte }
    })
}
