//! Variable-length integers of wasm, read with bounds checks, and written.

/// Reads an unsigned number of at most 64 bits at `*at` and moves past it.
#[inline]
pub fn unsigned(bytes: &[u8], at: &mut usize) -> Option<u64> {
    match *bytes.get(*at)? {
        // Most are a byte long.
        byte @ ..0x80 => {
            *at += 1;
            Some(u64::from(byte))
        }
        _ => long_unsigned(bytes, at),
    }
}

fn long_unsigned(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// Reads a signed number of at most 64 bits at `*at` and moves past it.
#[inline]
pub fn signed(bytes: &[u8], at: &mut usize) -> Option<i64> {
    match *bytes.get(*at)? {
        // Most are a byte long.
        byte @ ..0x80 => {
            *at += 1;
            Some(i64::from((byte << 1) as i8 >> 1))
        }
        _ => long_signed(bytes, at),
    }
}

fn long_signed(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= i64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            let unused = 64 - (shift + 7).min(64);
            return Some(value << unused >> unused);
        }
    }
    None
}

pub fn push_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub fn push_signed(out: &mut Vec<u8>, value: i64) {
    let mut bytes = [0; 10];
    let length = write_signed(&mut bytes, value);
    out.extend_from_slice(&bytes[..length]);
}

/// Writes at the beginning of `out` and returns the length.
pub fn write_signed(out: &mut [u8], mut value: i64) -> usize {
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
pub fn padded(value: u32) -> [u8; 5] {
    std::array::from_fn(|i| {
        let byte = (value >> (7 * i)) as u8 & 0x7f;
        if i < 4 { byte | 0x80 } else { byte }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for shift in 0..64 {
            let power = 1i64 << shift;
            for value in [power, power.wrapping_sub(1), power.wrapping_neg(), i64::MIN] {
                let (mut bytes, mut at) = (Vec::new(), 0);
                push_signed(&mut bytes, value);
                assert_eq!((signed(&bytes, &mut at), at), (Some(value), bytes.len()));
                let (mut bytes, mut at) = (Vec::new(), 0);
                push_unsigned(&mut bytes, value as u64);
                assert_eq!((unsigned(&bytes, &mut at), at), (Some(value as u64), bytes.len()));
            }
        }
    }

    #[test]
    fn numbers_that_do_not_end_are_none() {
        for bytes in [&[][..], &[0x80], &[0x80; 11]] {
            assert_eq!(unsigned(bytes, &mut 0), None);
            assert_eq!(signed(bytes, &mut 0), None);
        }
    }
}
