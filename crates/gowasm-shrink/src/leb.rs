//! Variable-length integers of wasm, read with bounds checks and written in their shortest form.

/// Reads an unsigned number of at most 64 bits at `*at` and moves past it.
#[inline]
pub(crate) fn unsigned(bytes: &[u8], at: &mut usize) -> Option<u64> {
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
pub(crate) fn signed(bytes: &[u8], at: &mut usize) -> Option<i64> {
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

pub(crate) fn push_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn push_signed(out: &mut Vec<u8>, mut value: i64) {
    loop {
        let byte = value as u8 & 0x7f;
        value >>= 7;
        if (value == 0 && byte & 0x40 == 0) || (value == -1 && byte & 0x40 != 0) {
            return out.push(byte);
        }
        out.push(byte | 0x80);
    }
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
