//! Memory that a call finds and leaves, and numbers that are told by their bits or by their nearness.

use super::table::{Reader, Table};
use super::{Bytes, Located, Look, Place, Returned};
use crate::value::Number;

impl<'t> Reader<'t> {
    /// `writes` or `reads`: each says a place and what is there. Only after a call is there a result.
    pub(super) fn looks(
        &mut self,
        table: &mut Table<'t>,
        key: &'static str,
        after: bool,
    ) -> Vec<Located<Look>> {
        let Some(value) = table.take(key) else { return Vec::new() };
        let items = self.array(key, value).unwrap_or_default();
        items.into_iter().filter_map(|item| self.look(item, after)).collect()
    }

    fn look(
        &mut self,
        value: toml::Spanned<toml::de::DeValue<'t>>,
        after: bool,
    ) -> Option<Located<Look>> {
        let mut table = self.table("the look at memory", value)?;
        let offset = table.offset;
        let mut places = Vec::new();
        let address = self.integer(&mut table, "address", 0, u32::MAX.into());
        places.extend(address.map(|address| Place::Address(address as u32)));
        places.extend(self.string(&mut table, "saved").map(|name| Place::Saved(name.value)));
        if after {
            let argument = self.integer(&mut table, "arg", 0, 999);
            places.extend(argument.map(|number| Place::Argument(number as usize)));
            places.extend(self.boolean(&mut table, "result").then_some(Place::Result));
        }
        let number = table.number();
        let bytes = match number {
            Some((key, size)) => {
                self.write_number(&mut table, key, size).map(|bytes| Bytes { bytes, text: false })
            }
            None => self.bytes(&mut table),
        };
        self.finish(table);
        if places.len() != 1 {
            let known = if after {
                "`address`, `saved`, `arg` or `result`"
            } else {
                "`address` or `saved`"
            };
            self.fault(offset, format!("one place is needed: {known}"));
            return None;
        }
        Some(Located { value: Look { place: places.pop()?, bytes: bytes? }, offset })
    }

    /// `bits`: the value whose bits, as an unsigned integer, these are.
    pub(super) fn bits(&mut self, table: &mut Table<'t>) -> Option<u64> {
        self.integer(table, "bits", 0, u64::MAX.into()).map(|bits| bits as u64)
    }

    /// `near` and `within`.
    pub(super) fn near(&mut self, table: &mut Table<'t>) -> Option<Returned> {
        let offset = table.offset;
        let (near, within) = (table.take("near"), table.take("within"));
        let (near, within) = match (near, within) {
            (None, None) => return None,
            (Some(near), Some(within)) => (near, within),
            _ => {
                self.fault(offset, "`near` and `within` belong together");
                return None;
            }
        };
        let float = |number: Number| match number {
            Number::Float(value) => Some(value),
            Number::Int(value) => Some(value as f64),
            Number::Bool(_) | Number::Bits(_) => None,
        };
        let (at_near, at_within) = (near.span().start, within.span().start);
        let value = self.number(near.get_ref(), at_near, "`near`").and_then(float)?;
        let within = self.number(within.get_ref(), at_within, "`within`").and_then(float)?;
        if within.is_nan() || within < 0.0 {
            self.fault(at_within, "`within` is a distance: no less than 0");
            return None;
        }
        Some(Returned::Near { value, within })
    }
}
