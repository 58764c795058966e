use std::fmt;

/// What is wrong with an archive or object file. The reader does not know the file's name; its
/// caller adds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    what: String,
}

impl Malformed {
    pub fn new(what: impl Into<String>) -> Self {
        Malformed { what: what.into() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Malformed {}
