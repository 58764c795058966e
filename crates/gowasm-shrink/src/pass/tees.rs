//! `local.set x; local.get x` is `local.tee x`.
//!
//! Saved: 5 KB of a reactor with 5.2 MB of code.

use crate::code::{Code, op};

pub(crate) fn run(code: &mut Code) {
    for at in 1..code.list.len() {
        if let [set, get] = &mut code.list[at - 1..=at]
            && get.op == op::LOCAL_GET
            && set.is(op::LOCAL_SET, get.value)
        {
            get.change(op::LOCAL_TEE, get.value);
            set.drop();
        }
    }
}
