//! Where the lines of a text begin.

use crate::Position;

#[derive(Debug, Clone)]
pub struct Lines {
    /// Of the second line, the third, and so on.
    starts: Vec<usize>,
    length: usize,
}

impl Lines {
    pub fn of(text: &[u8]) -> Self {
        let newlines = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        Lines { starts: newlines.map(|(at, _)| at + 1).collect(), length: text.len() }
    }

    /// The position of a byte offset; what lies beyond the text is at its end.
    pub fn position(&self, path: impl Into<String>, offset: usize) -> Position {
        let offset = offset.min(self.length);
        let before = self.starts.partition_point(|start| *start <= offset);
        let start = before.checked_sub(1).map_or(0, |last| self.starts[last]);
        Position::new(path, before as u32 + 1, (offset - start) as u32 + 1)
    }
}
