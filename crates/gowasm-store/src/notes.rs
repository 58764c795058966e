//! Small notes that the driver keeps for itself, such as the fingerprint of a build's inputs.
//!
//! A note is `gowasm-note 1\n`, then the SHA-256 of kind, key and text, then the text: one that was
//! torn, damaged or moved is a miss. That makes waiting for the disk needless, and a note must be
//! quick to write.

use crate::digest::Hasher;
use crate::error::StoreError;
use crate::layout::is_note_kind;
use crate::store::{Store, touch};
use std::io::Write;

const MAGIC: &[u8] = b"gowasm-note 1\n";

impl Store {
    /// `None` is a miss; a damaged note is one, and a warning.
    pub fn get_note(&self, kind: &str, key: &[u8; 32]) -> Option<Vec<u8>> {
        if !is_note_kind(kind) {
            return None;
        }
        let path = self.layout.note(kind, key);
        let bytes = self.read_entry(&path)?;
        match text_of(kind, key, &bytes) {
            Some(text) => {
                touch(&path);
                Some(text.to_vec())
            }
            None => {
                self.discard(&path, "its checksum is not that of its contents".to_owned());
                None
            }
        }
    }

    /// Replaces the note of that kind and key.
    pub fn put_note(&self, kind: &str, key: &[u8; 32], text: &[u8]) -> Result<(), StoreError> {
        if !is_note_kind(kind) {
            return Err(StoreError::NoteKind { kind: kind.to_owned() });
        }
        let target = self.layout.note(kind, key);
        let mut file = self.temporary()?;
        let whole = [MAGIC, &checksum(kind, key, text), text].concat();
        file.write_all(&whole)
            .map_err(|source| StoreError::Write { path: target.clone(), source })?;
        self.commit(file, &target, false)
    }
}

/// The text of a note in good order.
pub(crate) fn text_of<'a>(kind: &str, key: &[u8; 32], bytes: &'a [u8]) -> Option<&'a [u8]> {
    let (carried, text) = bytes.strip_prefix(MAGIC)?.split_first_chunk::<32>()?;
    (*carried == checksum(kind, key, text)).then_some(text)
}

fn checksum(kind: &str, key: &[u8; 32], text: &[u8]) -> [u8; 32] {
    let mut hasher = Hasher::new();
    // No kind contains a zero byte, so no two notes give the same bytes here.
    for part in [kind.as_bytes(), b"\0", key, text] {
        hasher.update(part);
    }
    hasher.finish().hash
}
