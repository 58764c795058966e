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

pub(crate) fn signed_len(value: i64) -> usize {
    // One bit of the last byte is the sign.
    let bits = 65 - if value < 0 { !value } else { value }.leading_zeros() as usize;
    bits.div_ceil(7)
}

pub(crate) fn unsigned_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// A number in exactly five bytes, as section sizes are written.
pub(crate) fn padded(value: u32) -> [u8; 5] {
    std::array::from_fn(|i| {
        let byte = (value >> (7 * i)) as u8 & 0x7f;
        if i < 4 { byte | 0x80 } else { byte }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_fit_what_is_written() {
        for value in [0, 1, 63, 64, 127, 128, 8191, 8192, 1 << 28, i64::MAX] {
            for value in [value, -value, -value - 1] {
                let mut out = Vec::new();
                push_signed(&mut out, value);
                assert_eq!(out.len(), signed_len(value), "{value}");
            }
            let mut out = Vec::new();
            push_unsigned(&mut out, value as u64);
            assert_eq!(out.len(), unsigned_len(value as u64), "{value}");
        }
    }
}
