//! Diagnostics as lines for people. Colour repeats what the words say and is never the only sign.

use crate::{Diagnostic, Severity, printable};
use std::fmt::Write;

#[derive(Debug, Clone, Copy)]
pub struct Renderer {
    colour: bool,
}

impl Renderer {
    pub fn plain() -> Self {
        Renderer { colour: false }
    }

    pub fn coloured() -> Self {
        Renderer { colour: true }
    }

    /// `path:line:col: error[GW001]: message`, then related places and the hint, indented.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) -> String {
        let mut text = String::new();
        if let Some(position) = &diagnostic.position {
            let position = position.to_string();
            let _ = write!(text, "{}: ", self.paint("1", &printable::line(&position)));
        }
        let (word, paint) = match diagnostic.severity {
            Severity::Error => ("error", "1;31"),
            Severity::Warning => ("warning", "1;33"),
        };
        let label = match diagnostic.code {
            Some(code) => format!("{word}[{code}]"),
            None => word.to_owned(),
        };
        let message = printable::line(&diagnostic.message);
        let _ = writeln!(text, "{}: {message}", self.paint(paint, &label));
        for related in &diagnostic.related {
            let related = format!("{}: {}", related.position, related.message);
            let _ = writeln!(text, "  {}", printable::line(&related));
        }
        if let Some(hint) = &diagnostic.hint {
            let hint = printable::line(hint);
            let _ = writeln!(text, "  {}: {hint}", self.paint("1;36", "hint"));
        }
        text
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;

    #[test]
    fn shows_place_code_related_and_hint() {
        let diagnostic = Diagnostic::error("two functions export `add`")
            .code("GW007")
            .at(Position::new("a.go", 3, 1))
            .related(Position::new("b.go", 9, 1), "the other one")
            .hint("rename one of them");
        assert_eq!(
            diagnostic.to_string(),
            "a.go:3:1: error[GW007]: two functions export `add`\n  b.go:9:1: the other one\n  hint: rename one of them"
        );
    }

    #[test]
    fn a_name_makes_no_line_and_no_colour() {
        let name = "x`\nerror: \x1b[31mfaked";
        let diagnostic = Diagnostic::warning(format!("no export `{name}`"))
            .at(Position::new("a\rb.go", 1, 1))
            .related(Position::new("c\u{202e}.go", 2, 1), name)
            .hint(name);
        let text = Renderer::plain().diagnostic(&diagnostic);
        assert_eq!(text.lines().count(), 3, "{text}");
        assert!(!text.contains(['\x1b', '\r', '\u{202e}']), "{text}");
    }

    #[test]
    fn finds_line_and_column_of_an_offset() {
        let text = b"one\ntwo\n";
        assert_eq!(Position::at_offset("p", text, 0), Position::new("p", 1, 1));
        assert_eq!(Position::at_offset("p", text, 5), Position::new("p", 2, 2));
        assert_eq!(Position::at_offset("p", text, 99), Position::new("p", 3, 1));
    }
}
