//! Build constraints: a `//go:build` line, or, without one, lines of `// +build`.

use super::Context;

/// Whether the file belongs to the target; else the line that cannot be read, and why.
pub(super) fn fits(context: &Context, text: &[u8]) -> Result<bool, (u32, String)> {
    let lines = Leading::of(text);
    match lines.go_build.as_slice() {
        [] => Ok(lines.plus_build.iter().all(|line| plus_build(context, line))),
        [(number, line)] => go_build(context, line)
            .map_err(|why| (*number, format!("the //go:build line cannot be read: {why}"))),
        [_, (number, _), ..] => Err((*number, "a file has one //go:build line".to_owned())),
    }
}

/// The lines before the package clause that may constrain the file.
#[derive(Default)]
struct Leading {
    /// Number and expression.
    go_build: Vec<(u32, String)>,
    /// What is behind `+build`, of lines with a blank line between them and the rest of the file.
    plus_build: Vec<String>,
}

impl Leading {
    fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
        let mut found = Leading::default();
        let mut pending = Vec::new();
        let (mut in_comment, mut ended) = (false, false);
        for (number, line) in (1..).zip(text.lines()) {
            let mut line = line.trim();
            if line.is_empty() && !ended {
                found.plus_build.append(&mut pending);
                continue;
            }
            if !line.starts_with("//") {
                ended = true;
            }
            if !in_comment {
                if let Some(expression) = after_word(line, "//go:build") {
                    found.go_build.push((number, expression.to_owned()));
                }
                let comment = line.strip_prefix("//").filter(|_| !ended).map(str::trim);
                let plus = comment.and_then(|comment| after_word(comment, "+build"));
                pending.extend(plus.map(str::to_owned));
            }
            while !line.is_empty() {
                if in_comment {
                    let Some(end) = line.find("*/") else { break };
                    in_comment = false;
                    line = line[end + 2..].trim();
                } else if line.starts_with("//") {
                    break;
                } else if let Some(rest) = line.strip_prefix("/*") {
                    in_comment = true;
                    line = rest.trim();
                } else {
                    return found;
                }
            }
        }
        found
    }
}

/// What is behind a word that ends with the line or before white space.
fn after_word<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(word)?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then(|| rest.trim())
}

/// Options with spaces between them, of terms with commas between them.
fn plus_build(context: &Context, line: &str) -> bool {
    let term = |term: &str| match term.strip_prefix('!') {
        Some(tag) => is_tag(tag) && !context.has(tag),
        None => is_tag(term) && context.has(term),
    };
    // Nothing is no option, and what Go cannot read is none either.
    line.split_whitespace().any(|option| option.split(',').all(term))
}

fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_tag_char)
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

fn go_build(context: &Context, expression: &str) -> Result<bool, String> {
    let mut parser = Parser { context, rest: expression.trim_start() };
    let value = parser.or()?;
    match parser.rest {
        "" => Ok(value),
        rest => Err(format!("unexpected `{rest}`")),
    }
}

struct Parser<'a> {
    context: &'a Context,
    rest: &'a str,
}

impl Parser<'_> {
    fn take(&mut self, word: &str) -> bool {
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    // Both sides are parsed, whatever the first one is.
    fn or(&mut self) -> Result<bool, String> {
        let mut value = self.and()?;
        while self.take("||") {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while self.take("&&") {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        if !self.take("!") {
            return self.atom();
        }
        match self.rest.starts_with('!') {
            true => Err("a double negation".to_owned()),
            false => Ok(!self.not()?),
        }
    }

    fn atom(&mut self) -> Result<bool, String> {
        if self.take("(") {
            let value = self.or()?;
            return match self.take(")") {
                true => Ok(value),
                false => Err("a `)` is missing".to_owned()),
            };
        }
        let end = self.rest.find(|c| !is_tag_char(c)).unwrap_or(self.rest.len());
        let (tag, rest) = self.rest.split_at(end);
        if tag.is_empty() {
            return Err(match rest {
                "" => "it ends too early".to_owned(),
                _ => format!("unexpected `{rest}`"),
            });
        }
        self.rest = rest.trim_start();
        Ok(self.context.has(tag))
    }
}
