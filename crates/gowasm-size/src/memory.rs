//! What a module's data segments put into memory.

use std::ops::Range;

/// Go's data lies below this; nothing larger is put together for a report.
const MOST: u64 = 256 << 20;

/// One data segment: its address, if it has one, and its contents in the file.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) address: Option<u64>,
    pub(crate) content: Range<usize>,
}

impl Segment {
    /// The addresses that it fills.
    pub(crate) fn filled(&self) -> Option<Range<u64>> {
        let start = self.address?;
        Some(start..start.checked_add(self.content.len() as u64)?)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Memory {
    bytes: Vec<u8>,
}

impl Memory {
    pub(crate) fn of(file: &[u8], segments: &[Segment]) -> Memory {
        let filled = || segments.iter().filter_map(|segment| Some((segment, segment.filled()?)));
        let end = filled().map(|(_, place)| place.end).max().unwrap_or(0);
        if end > MOST {
            return Memory::default();
        }
        let mut bytes = vec![0; end as usize];
        for (segment, place) in filled() {
            bytes[place.start as usize..place.end as usize]
                .copy_from_slice(&file[segment.content.clone()]);
        }
        Memory { bytes }
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(crate) fn slice(&self, start: u64, length: u64) -> Option<&[u8]> {
        let end = start.checked_add(length)?;
        self.bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }

    pub(crate) fn u32(&self, address: u64) -> Option<u32> {
        Some(u32::from_le_bytes(self.slice(address, 4)?.try_into().ok()?))
    }

    pub(crate) fn u64(&self, address: u64) -> Option<u64> {
        Some(u64::from_le_bytes(self.slice(address, 8)?.try_into().ok()?))
    }

    /// The text up to the next zero byte.
    pub(crate) fn text(&self, address: u64, end: u64) -> Option<&str> {
        let bytes = self.slice(address, end.checked_sub(address)?)?;
        let length = bytes.iter().position(|&byte| byte == 0)?;
        std::str::from_utf8(&bytes[..length]).ok()
    }

    /// The addresses, multiples of eight, at which these bytes stand.
    pub(crate) fn places_of<'m>(&'m self, wanted: &'m [u8]) -> impl Iterator<Item = u64> + 'm {
        let places = (0..self.bytes.len()).step_by(8);
        places.filter(|&at| self.bytes[at..].starts_with(wanted)).map(|at| at as u64)
    }
}
