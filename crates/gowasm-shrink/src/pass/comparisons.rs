//! `i32.eqz` after a comparison of integers is the opposite comparison.
//!
//! Go's compiler jumps over a block when its condition does not hold, and makes that with `i32.eqz`.
//! Comparisons of floats have no opposite, because of NaN.
//!
//! Saved: 21 KB of a reactor with 5.2 MB of code.

use crate::code::{Instruction, op};

pub(crate) fn put(list: &mut Vec<Instruction>, not: Instruction) {
    if let Some(comparison) = list.last_mut()
        && let Some(opposite) = opposite(comparison.op)
    {
        comparison.change(opposite, 0);
    } else {
        list.push(not);
    }
}

/// The comparisons of a type lie in pairs of opposites: eq ne, then lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u.
fn opposite(comparison: u8) -> Option<u8> {
    let first = match comparison {
        op::I32_EQ..=op::I32_GE_U => op::I32_EQ,
        op::I64_EQ..=op::I64_GE_U => op::I64_EQ,
        _ => return None,
    };
    let opposites = [1, 0, 8, 9, 6, 7, 4, 5, 2, 3];
    Some(first + opposites[usize::from(comparison - first)])
}
