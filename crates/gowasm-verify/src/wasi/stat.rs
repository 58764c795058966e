//! What a program learns of a file.

use super::EPOCH;
use cap_fs_ext::MetadataExt;
use cap_std::fs::{FileType, Metadata};
use std::time::SystemTime;

pub(super) const UNKNOWN: u8 = 0;
pub(super) const CHARACTER_DEVICE: u8 = 2;
pub(super) const DIRECTORY: u8 = 3;
pub(super) const REGULAR_FILE: u8 = 4;
const SYMBOLIC_LINK: u8 = 7;

pub(super) fn kind(file_type: FileType) -> u8 {
    if file_type.is_dir() {
        DIRECTORY
    } else if file_type.is_file() {
        REGULAR_FILE
    } else if file_type.is_symlink() {
        SYMBOLIC_LINK
    } else {
        UNKNOWN
    }
}

/// The 64 bytes of a `filestat`. Outside of a live world nothing in it tells the machine or the day.
pub(super) fn encode(metadata: &Metadata, live: bool) -> [u8; 64] {
    let mut status = [0; 64];
    let mut put = |at: usize, value: u64| status[at..at + 8].copy_from_slice(&value.to_le_bytes());
    put(16, kind(metadata.file_type()).into());
    put(24, 1);
    let is_dir = metadata.is_dir();
    put(32, if live || !is_dir { metadata.len() } else { 0 });
    if live {
        put(0, metadata.dev());
        put(8, metadata.ino());
        put(24, metadata.nlink());
        put(40, time(metadata.accessed()));
        put(48, time(metadata.modified()));
        put(56, time(metadata.modified()));
    } else {
        [40, 48, 56].into_iter().for_each(|at| put(at, EPOCH));
    }
    status
}

pub(super) fn encode_stream() -> [u8; 64] {
    let mut status = [0; 64];
    status[16] = CHARACTER_DEVICE;
    status
}

fn time(time: std::io::Result<cap_std::time::SystemTime>) -> u64 {
    let since =
        time.ok().and_then(|time| time.into_std().duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map(super::nanoseconds).unwrap_or(0)
}
