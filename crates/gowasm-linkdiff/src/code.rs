//! The first instruction in which two function bodies differ. Bodies come from one compiler, so
//! where opcodes agree and operands do not, it is a relocation that was filled differently.

use wasmparser::{BinaryReader, FunctionBody, Operator};

use crate::image::Image;
use crate::module::Module;

pub(crate) struct Side<'a> {
    pub(crate) module: &'a Module,
    pub(crate) image: &'a Image,
    pub(crate) body: &'a [u8],
}

/// The difference in words, if the bodies can be decoded that far.
pub(crate) fn first_difference(a: &Side, b: &Side) -> Option<String> {
    let (mut left, mut right) = (operators(a.body)?, operators(b.body)?);
    for index in 0.. {
        if left.eof() || right.eof() {
            break;
        }
        let (one, other) = (left.read().ok()?, right.read().ok()?);
        if one == other {
            continue;
        }
        let words = match (operand(&one, a), operand(&other, b)) {
            (Some(x), Some(y)) if opcode(&one) == opcode(&other) => {
                format!("relocation in {}: {x} against {y}", opcode(&one))
            }
            _ => format!("{} against {}", shown(&one), shown(&other)),
        };
        return Some(format!("instruction {index}: {words}"));
    }
    Some("one body is the start of the other".to_owned())
}

fn operators(body: &[u8]) -> Option<wasmparser::OperatorsReader<'_>> {
    FunctionBody::new(BinaryReader::new(body, 0)).get_operators_reader().ok()
}

fn shown(operator: &Operator) -> String {
    format!("{operator:?}")
}

fn opcode(operator: &Operator) -> String {
    let text = shown(operator);
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// What the operand that a relocation fills refers to.
fn operand(operator: &Operator, side: &Side) -> Option<String> {
    let address = |value: i64| {
        // A function's PC has its index in the upper bits; below that, data.
        let end = side.image.end() as i64;
        match value {
            4096..=i64::MAX if value < end => {
                format!("{value:#x} = {}", side.image.describe(value as u64))
            }
            _ => format!("{value} ({value:#x})"),
        }
    };
    match operator {
        Operator::Call { function_index } => Some(side.module.function(*function_index)),
        Operator::I32Const { value } => Some(address(i64::from(*value))),
        Operator::I64Const { value } => Some(address(*value)),
        Operator::I32Load { memarg } | Operator::I64Load { memarg } => {
            Some(address(memarg.offset as i64))
        }
        _ => None,
    }
}
