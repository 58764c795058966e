//! `i64.const k; i32.wrap_i64` is `i32.const` of the lower half of k.
//!
//! Go's compiler thinks in 64 bits and narrows an address where it is used, constants too.

use crate::code::{Code, op};

pub(crate) fn run(code: &mut Code) {
    for at in 1..code.list.len() {
        if let [constant, wrap] = &mut code.list[at - 1..=at]
            && wrap.op == op::I32_WRAP_I64
            && constant.op == op::I64_CONST
        {
            constant.change(op::I32_CONST, i64::from(constant.value as i32));
            wrap.drop();
        }
    }
}
