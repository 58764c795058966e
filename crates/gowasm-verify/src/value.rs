//! Numbers as a plan writes them and as wasm has them.

use gowasm_directive::WasmType;
use std::fmt;

/// A value as wasm has it; floats by their bits, so that no engine's host changes a NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Val {
    I32(i32),
    I64(i64),
    F32(u32),
    F64(u64),
}

impl Val {
    pub(crate) fn of_bits(wasm: WasmType, bits: u64) -> Option<Val> {
        match wasm {
            WasmType::I32 => Some(Val::I32(bits as i32)),
            WasmType::I64 => Some(Val::I64(bits as i64)),
            WasmType::F32 => Some(Val::F32(bits as u32)),
            WasmType::F64 => Some(Val::F64(bits)),
            WasmType::V128 | WasmType::Ref => None,
        }
    }

    /// Those of its type are the lower ones.
    pub(crate) fn bits(self) -> u64 {
        match self {
            Val::I32(value) => u64::from(value as u32),
            Val::I64(value) => value as u64,
            Val::F32(bits) => bits.into(),
            Val::F64(bits) => bits,
        }
    }

    pub(crate) fn i32(&self) -> Option<i32> {
        match self {
            Val::I32(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn i64(&self) -> Option<i64> {
        match self {
            Val::I64(value) => Some(*value),
            _ => None,
        }
    }

    /// An f32 loses nothing as an f64.
    fn float(&self) -> Option<f64> {
        match *self {
            Val::F32(bits) => Some(f64::from(f32::from_bits(bits))),
            Val::F64(bits) => Some(f64::from_bits(bits)),
            _ => None,
        }
    }
}

/// A number as written, before a type is known for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i128),
    Float(f64),
    Bool(bool),
    /// A value's bits.
    Bits(u64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(value) => write!(f, "{value}"),
            Number::Float(value) => write!(f, "{value:?}"),
            Number::Bool(value) => write!(f, "{value}"),
            Number::Bits(value) => write!(f, "bits {value:#x}"),
        }
    }
}

impl Number {
    /// The number as a value of this type, or why it is none.
    pub(crate) fn to_wasm(self, wasm: WasmType) -> Result<Val, String> {
        let fits = |low: i128, high: i128| match self {
            Number::Int(value) if (low..=high).contains(&value) => Ok(value),
            Number::Int(value) => Err(format!("{value} does not fit into {wasm}")),
            Number::Bool(_) | Number::Float(_) | Number::Bits(_) => {
                Err(format!("`{self}` is no value for {wasm}"))
            }
        };
        if let Number::Bits(bits) = self {
            return of_bits(bits, wasm);
        }
        match wasm {
            WasmType::I32 => match self {
                Number::Bool(value) => Ok(Val::I32(value.into())),
                _ => fits(i32::MIN.into(), u32::MAX.into()).map(|value| Val::I32(value as i32)),
            },
            WasmType::I64 => {
                fits(i64::MIN.into(), u64::MAX.into()).map(|value| Val::I64(value as i64))
            }
            WasmType::F32 => self
                .to_float(wasm, |value| i128::from(value) == (value as f32) as i128)
                .map(|value| Val::F32((value as f32).to_bits())),
            WasmType::F64 => self
                .to_float(wasm, |value| i128::from(value) == (value as f64) as i128)
                .map(|value| Val::F64(value.to_bits())),
            WasmType::V128 | WasmType::Ref => Err(format!("a plan has no values of type {wasm}")),
        }
    }

    fn to_float(self, wasm: WasmType, exact: impl Fn(i64) -> bool) -> Result<f64, String> {
        match self {
            Number::Float(value) => Ok(value),
            Number::Int(value) => match i64::try_from(value) {
                Ok(small) if exact(small) => Ok(small as f64),
                _ => Err(format!("{value} is not exactly a value of {wasm}")),
            },
            Number::Bool(_) | Number::Bits(_) => Err(format!("`{self}` is no value for {wasm}")),
        }
    }
}

fn of_bits(bits: u64, wasm: WasmType) -> Result<Val, String> {
    let small = || u32::try_from(bits).map_err(|_| format!("{bits:#x} does not fit into {wasm}"));
    match wasm {
        WasmType::I32 => small().map(|bits| Val::I32(bits as i32)),
        WasmType::I64 => Ok(Val::I64(bits as i64)),
        WasmType::F32 => small().map(Val::F32),
        WasmType::F64 => Ok(Val::F64(bits)),
        WasmType::V128 | WasmType::Ref => Err(format!("a plan has no values of type {wasm}")),
    }
}

pub(crate) fn show_bits(value: &Val) -> String {
    match *value {
        Val::F32(bits) => format!("{} (bits {bits:#010x})", show(value)),
        Val::F64(bits) => format!("{} (bits {bits:#018x})", show(value)),
        _ => show(value),
    }
}

pub(crate) fn near(found: &Val, value: f64, within: f64) -> bool {
    // Infinities are near to themselves alone.
    found.float().is_some_and(|found| found == value || (found - value).abs() <= within)
}

/// Bit for bit, except that every NaN equals every other.
pub(crate) fn same(left: &Val, right: &Val) -> bool {
    let nan = |value: &Val| value.float().is_some_and(f64::is_nan);
    let both_nan =
        std::mem::discriminant(left) == std::mem::discriminant(right) && nan(left) && nan(right);
    left == right || both_nan
}

/// A value as verdicts show it; integers are signed, as wasm does not say.
pub(crate) fn show(value: &Val) -> String {
    match *value {
        Val::I32(value) => value.to_string(),
        Val::I64(value) => value.to_string(),
        Val::F32(bits) => format!("{:?}", f32::from_bits(bits)),
        Val::F64(bits) => format!("{:?}", f64::from_bits(bits)),
    }
}

pub(crate) fn show_all(values: &[Val]) -> Option<String> {
    match values {
        [] => None,
        values => Some(values.iter().map(show).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_lose_nothing_and_may_be_unsigned() {
        let to = |value, wasm| Number::Int(value).to_wasm(wasm).map(|value| show(&value));
        assert_eq!(to(u64::MAX.into(), WasmType::I64).as_deref(), Ok("-1"));
        assert_eq!(to(i64::MIN.into(), WasmType::I64).as_deref(), Ok("-9223372036854775808"));
        assert_eq!(to(u32::MAX.into(), WasmType::I32).as_deref(), Ok("-1"));
        assert!(to(i128::from(u32::MAX) + 1, WasmType::I32).is_err());
        assert!(to(i128::from(i64::MIN) - 1, WasmType::I64).is_err());
    }

    #[test]
    fn integers_are_floats_only_when_exact() {
        assert_eq!(Number::Int(2).to_wasm(WasmType::F32).map(|v| show(&v)).as_deref(), Ok("2.0"));
        assert!(Number::Int((1 << 24) + 1).to_wasm(WasmType::F32).is_err());
        assert!(Number::Int((1 << 53) + 1).to_wasm(WasmType::F64).is_err());
        assert!(Number::Bool(true).to_wasm(WasmType::F64).is_err());
        assert!(Number::Float(1.5).to_wasm(WasmType::I32).is_err());
    }

    #[test]
    fn any_nan_is_nan_and_zeros_have_signs() {
        let float = |value| Number::Float(value).to_wasm(WasmType::F64).unwrap();
        assert!(same(&float(f64::NAN), &Val::F64(f64::NAN.to_bits() | 1)));
        assert!(!same(&float(0.0), &float(-0.0)));
    }
}
