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

/// A table that is written all over, in large pages where it is large.
pub(crate) fn table<T: Clone>(length: usize, value: T) -> Vec<T> {
    let mut table = Vec::with_capacity(length);
    #[cfg(target_os = "linux")]
    wish_large_pages(table.spare_capacity_mut());
    table.resize(length, value);
    table
}

/// Asks for large pages where `memory` has room for one.
#[cfg(target_os = "linux")]
fn wish_large_pages<T>(memory: &mut [T]) {
    const LARGE: usize = 2 << 20;
    let bytes = memory.as_mut_ptr_range();
    let start = (bytes.start as usize).next_multiple_of(LARGE);
    let Some(length) = (bytes.end as usize).checked_sub(start).filter(|&room| room >= LARGE) else {
        return;
    };
    // SAFETY: the range lies inside memory that is ours alone, and how large its pages are does not
    // show in its content. A refusal does no harm.
    unsafe {
        libc::madvise(start as *mut libc::c_void, length / LARGE * LARGE, libc::MADV_HUGEPAGE);
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
