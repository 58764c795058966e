//! What every part of gowasm says about its user's input: a place, a message, what to do.

mod fold;
mod lines;
pub mod printable;
mod render;

use serde::Serialize;
use std::fmt;

pub use fold::fold;
pub use lines::Lines;
pub use render::Renderer;

/// A place in a source file. Line and column count from one; the column counts bytes, as Go's does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize)]
pub struct Position {
    /// As shown to the user: relative to where the command was started when it lies below that.
    pub path: String,
    pub line: u32,
    pub column: u32,
}

impl Position {
    pub fn new(path: impl Into<String>, line: u32, column: u32) -> Self {
        Position { path: path.into(), line, column }
    }

    /// The position of a byte offset in `text`. Where there are many of one text, ask its [`Lines`].
    pub fn at_offset(path: impl Into<String>, text: &[u8], offset: usize) -> Self {
        Lines::of(text).position(path, offset)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path, self.line, self.column)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One finding. Serialises to the JSON of `--message-format json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Stable, such as `GW001`; absent where the text is another tool's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The other places it is about, each with its part in the matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<Related>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The Go module of others that it lies in: `path@version`.
    #[serde(skip)]
    pub module: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Related {
    pub position: Position,
    pub message: String,
}

impl Diagnostic {
    pub fn error(message: impl Into<String>) -> Self {
        Diagnostic {
            severity: Severity::Error,
            code: None,
            message: message.into(),
            position: None,
            related: Vec::new(),
            hint: None,
            module: None,
        }
    }

    pub fn warning(message: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(message) }
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    pub fn related(mut self, position: Position, message: impl Into<String>) -> Self {
        self.related.push(Related { position, message: message.into() });
        self
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// In a module that is not the user's own, if there is one.
    pub fn within(mut self, module: Option<String>) -> Self {
        self.module = module;
        self
    }

    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// The plain form: no colour, no summary.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Renderer::plain().diagnostic(self).trim_end())
    }
}

impl std::error::Error for Diagnostic {}
