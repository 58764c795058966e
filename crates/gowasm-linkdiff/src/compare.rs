//! Where two modules first differ.

use std::fmt;

use crate::code::{self, Side};
use crate::image::Image;
use crate::module::{self, Module};

/// How many bytes of each side are shown.
const SHOWN: usize = 16;

/// The first difference of two modules.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Section, then function or table, then instruction or symbol.
    pub place: Vec<String>,
    /// Counted from where `place` begins; for data an address in memory.
    pub offset: u64,
    /// Bytes of the first module from there on.
    pub first: Vec<u8>,
    /// Bytes of the second module from there on.
    pub second: Vec<u8>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "first difference: {}", self.place.join(", "))?;
        writeln!(f, "  offset {:#x}", self.offset)?;
        writeln!(f, "  first:  {}", hex(&self.first))?;
        write!(f, "  second: {}", hex(&self.second))
    }
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "(end)".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// The first difference, or none if the two are the same bytes.
pub fn compare(a: &[u8], b: &[u8]) -> Option<Difference> {
    if a == b {
        return None;
    }
    let (left, right) = (Module::read(a), Module::read(b));
    for (one, other) in left.sections.iter().zip(&right.sections) {
        if one.name != other.name {
            let place = vec![format!("{} against {}", one.name, other.name)];
            return Some(at_offset(place, a, b, one.range.start));
        }
        if a[one.range.clone()] != b[other.range.clone()] {
            return Some(in_section((a, &left), (b, &right), one, other));
        }
    }
    let place = match left.sections.len().cmp(&right.sections.len()) {
        std::cmp::Ordering::Less => {
            format!("the first module lacks {}", right.sections[left.sections.len()].name)
        }
        std::cmp::Ordering::Greater => {
            format!("the second module lacks {}", left.sections[right.sections.len()].name)
        }
        std::cmp::Ordering::Equal => "outside of any section (header, section size)".to_owned(),
    };
    Some(at_offset(vec![place], a, b, 0))
}

fn in_section(
    (a, left): (&[u8], &Module),
    (b, right): (&[u8], &Module),
    one: &module::Section,
    other: &module::Section,
) -> Difference {
    let mut place = vec![one.name.clone()];
    let counts = (module::entries(a, one), module::entries(b, other));
    match one.name.as_str() {
        "code section" => {
            if let Some(found) = in_code((a, left), (b, right)) {
                return found;
            }
        }
        "data section" => {
            if let Some(found) = in_data((a, left), (b, right)) {
                return found;
            }
        }
        "custom section \"name\"" => place.extend(in_names(left, right)),
        _ => {}
    }
    if let (false, (Some(x), Some(y))) = (one.name.starts_with("custom"), counts)
        && x != y
    {
        place.push(format!("{x} entries against {y}"));
    }
    at_offset(place, &a[one.range.clone()], &b[other.range.clone()], 0)
}

fn in_code((a, left): (&[u8], &Module), (b, right): (&[u8], &Module)) -> Option<Difference> {
    let pairs = left.bodies.iter().zip(&right.bodies).enumerate();
    let (index, one, other) = pairs
        .map(|(index, (one, other))| (index, &a[one.clone()], &b[other.clone()]))
        .find(|(_, one, other)| one != other)?;
    let number = (left.imports.len() + index) as u32;
    let mut place = vec!["code section".to_owned(), left.function(number)];
    if left.function(number) != right.function(number) {
        place.push(format!("which is {} in the second", right.function(number)));
    }
    if left.bodies.len() != right.bodies.len() {
        place.push(format!("{} bodies against {}", left.bodies.len(), right.bodies.len()));
    }
    let (memory, memory_other) = (Image::new(a, left), Image::new(b, right));
    place.extend(code::first_difference(
        &Side { module: left, image: &memory, body: one },
        &Side { module: right, image: &memory_other, body: other },
    ));
    Some(at_offset(place, one, other, 0))
}

fn in_data((a, left): (&[u8], &Module), (b, right): (&[u8], &Module)) -> Option<Difference> {
    let (one, other) = (Image::new(a, left), Image::new(b, right));
    let end = one.end().max(other.end());
    if let Some(address) = (0..end).find(|at| one.byte(*at) != other.byte(*at)) {
        let (here, there) = (one.describe(address), other.describe(address));
        let mut place = vec!["data section".to_owned(), here.clone()];
        if here != there {
            place.push(format!("in the second {there}"));
        }
        let start = address / 8 * 8;
        return Some(Difference {
            place,
            offset: start,
            first: one.run(start, SHOWN),
            second: other.run(start, SHOWN),
        });
    }
    // One image, cut into segments differently.
    let segments = left.segments.iter().zip(&right.segments).enumerate();
    let shape = |(at, range): &(u64, std::ops::Range<usize>)| (*at, range.len());
    let (index, (x, y)) = segments.into_iter().find(|(_, (x, y))| shape(x) != shape(y))?;
    let ((x, x_length), (y, y_length)) = (shape(x), shape(y));
    Some(Difference {
        place: vec![
            "data section, the same memory in other segments".to_owned(),
            format!("segment {index}: {x_length} bytes at {x:#x} against {y_length} at {y:#x}"),
        ],
        offset: x.min(y),
        first: one.run(x, SHOWN),
        second: other.run(y, SHOWN),
    })
}

fn in_names(left: &Module, right: &Module) -> Option<String> {
    let mut pairs = left.function_names.iter().zip(&right.function_names);
    let ((x, name), (y, other)) = pairs.find(|(one, other)| one != other)?;
    Some(format!("function {x} {name:?} against function {y} {other:?}"))
}

/// The first different byte from `base` on.
fn at_offset(place: Vec<String>, a: &[u8], b: &[u8], base: usize) -> Difference {
    let (x, y) = (a.get(base..).unwrap_or_default(), b.get(base..).unwrap_or_default());
    let same = x.iter().zip(y).take_while(|(x, y)| x == y).count();
    let run = |bytes: &[u8]| bytes.iter().skip(same).take(SHOWN).copied().collect();
    Difference { place, offset: (base + same) as u64, first: run(x), second: run(y) }
}
