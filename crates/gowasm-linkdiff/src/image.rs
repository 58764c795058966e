//! The memory image that the data segments make, and what lies where in it.
//!
//! The module carries no data symbols. What there is: the runtime's moduledata, which points at
//! every table, and is found by the table header that it points at first.

use crate::module::Module;

/// What the header of the pc-line table begins with, little-endian, for byte-wide instructions
/// and eight-byte pointers.
const PC_HEADER: [u8; 8] = [0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8];

/// The pointers at the start of moduledata. A slice takes three words, named by its first.
const FIELDS: &[(usize, &str)] = &[
    (0, "runtime.pcheader"),
    (1, "runtime.funcnametab"),
    (4, "runtime.cutab"),
    (7, "runtime.filetab"),
    (10, "runtime.pctab"),
    (13, "runtime.functab"),
    (19, "runtime.findfunctab"),
    (24, "noptrdata"),
    (26, "data"),
    (28, "bss"),
    (30, "noptrbss"),
    (37, "types"),
    (39, "rodata"),
    (40, "go:func.*"),
];

pub(crate) struct Image {
    bytes: Vec<u8>,
    /// Where each known part begins, by address.
    parts: Vec<(u64, String)>,
}

impl Image {
    pub(crate) fn new(file: &[u8], module: &Module) -> Image {
        let end = module.segments.iter().map(|(at, range)| *at + range.len() as u64).max();
        // Addresses are the module's own word; more than its memory can hold is not one.
        let end = end.unwrap_or(0).min(1 << 32) as usize;
        let mut bytes = vec![0; end];
        for (at, range) in &module.segments {
            let at = *at as usize;
            if let Some(place) = bytes.get_mut(at..at + range.len()) {
                place.copy_from_slice(&file[range.clone()]);
            }
        }
        let mut image = Image { bytes, parts: Vec::new() };
        image.find_parts();
        image
    }

    fn word(&self, at: usize) -> Option<u64> {
        self.bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
    }

    fn find_parts(&mut self) {
        let headers = self.bytes.chunks_exact(8).enumerate();
        let headers = headers.filter(|(_, word)| *word == PC_HEADER).map(|(at, _)| at * 8);
        let found = headers.filter_map(|header| Some((header, self.moduledata(header)?))).next();
        let Some((_, moduledata)) = found else { return };
        for (field, name) in FIELDS {
            if let Some(at) = self.word(moduledata + field * 8) {
                self.parts.push((at, (*name).to_owned()));
            }
        }
        self.parts.push((moduledata as u64, "runtime.firstmoduledata".to_owned()));
        self.parts.sort_by_key(|(at, _)| *at);
    }

    /// The address of the moduledata that points at this header.
    fn moduledata(&self, header: usize) -> Option<usize> {
        let names = header as u64 + self.word(header + 32)?;
        (0..self.bytes.len() / 8)
            .map(|index| index * 8)
            .find(|at| self.word(*at) == Some(header as u64) && self.word(at + 8) == Some(names))
    }

    pub(crate) fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn byte(&self, address: u64) -> u8 {
        self.bytes.get(address as usize).copied().unwrap_or(0)
    }

    pub(crate) fn run(&self, address: u64, length: usize) -> Vec<u8> {
        (0..length as u64).map(|offset| self.byte(address + offset)).collect()
    }

    /// What lies at the address: the part of memory, and the string if it is text.
    pub(crate) fn describe(&self, address: u64) -> String {
        let after = self.parts.partition_point(|(at, _)| *at <= address);
        let mut text = match after.checked_sub(1).map(|at| &self.parts[at]) {
            Some((at, name)) => format!("{name}+{:#x} ({address:#x})", address - at),
            None => format!("address {address:#x}"),
        };
        let (field, inside) = (address / 8 * 8, address % 8);
        if text.starts_with("runtime.firstmoduledata") {
            text = format!("{text}, word {}", self.word_of_moduledata(field));
            if inside != 0 {
                text = format!("{text} byte {inside}");
            }
        }
        if let Some(string) = self.text(address) {
            text = format!("{text} near {string:?}");
        }
        text
    }

    fn word_of_moduledata(&self, address: u64) -> String {
        let start = self.parts.iter().find(|(_, name)| name == "runtime.firstmoduledata");
        let Some((start, _)) = start else { return "?".to_owned() };
        let word = ((address - start) / 8) as usize;
        match FIELDS.iter().rev().find(|(field, _)| *field <= word) {
            Some((field, name)) => format!("{word} ({name} + {})", word - field),
            None => word.to_string(),
        }
    }

    /// The printable run around the address, if there is a long enough one.
    fn text(&self, address: u64) -> Option<String> {
        let printable = |at: u64| (0x20..0x7f).contains(&self.byte(at));
        let mut from = address;
        while from > 0 && address - from < 40 && printable(from - 1) {
            from -= 1;
        }
        let mut to = address;
        while to < self.end() && to - address < 40 && printable(to) {
            to += 1;
        }
        (to - from >= 6)
            .then(|| self.run(from, (to - from) as usize))
            .map(|run| String::from_utf8_lossy(&run).into_owned())
    }
}
