//! Memory for tables that are many megabytes large.

use std::io;
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Zeros, in pages as large as the system likes to give: a page at a time is slow.
pub(crate) struct Zeroed {
    /// None where there is nothing to hold.
    map: Option<MmapMut>,
}

impl Zeroed {
    pub(crate) fn new(length: usize) -> io::Result<Self> {
        if length == 0 {
            return Ok(Zeroed { map: None });
        }
        let map = MmapMut::map_anon(length)?;
        // A wish: small pages do as well.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Zeroed { map: Some(map) })
    }
}

impl Deref for Zeroed {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or_default()
    }
}

impl DerefMut for Zeroed {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.map.as_deref_mut().unwrap_or_default()
    }
}
