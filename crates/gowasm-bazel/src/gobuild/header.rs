//! The beginning of a Go file: its package clause, whether it imports "C" or "simd", and the `//go:embed` lines of a
//! file that imports "embed". A file that is no Go has as much of it as can be read: the compiler says the rest.

#[derive(Debug, Default)]
pub(super) struct Header {
    pub(super) package: String,
    pub(super) imports_c: bool,
    pub(super) imports_simd: bool,
    /// Patterns, with line and column.
    pub(super) embeds: Vec<(String, u32, u32)>,
}

impl Header {
    pub(super) fn read(text: &[u8]) -> Self {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut reader = Reader { text, at: 0 };
        let mut header = Header::default();
        if reader.word() != Some(b"package") {
            return header;
        }
        let Some(name) = reader.word() else { return header };
        header.package = String::from_utf8_lossy(name).into_owned();
        let imports = reader.imports();
        let has = |import_path: &[u8]| imports.iter().any(|path| path == import_path);
        header.imports_c = has(b"C");
        header.imports_simd = has(b"simd");
        if has(b"embed") {
            header.embeds = reader.embeds();
        }
        header
    }
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    /// Past white space, comments and semicolons.
    fn skip(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with(b"//") {
                self.at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            } else if rest.starts_with(b"/*") {
                let end = find(&rest[2..], b"*/");
                self.at += end.map_or(rest.len(), |end| end + 4);
            } else if rest.first().is_some_and(|b| b" \t\r\n;".contains(b)) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn word(&mut self) -> Option<&'a [u8]> {
        self.skip();
        let rest = self.rest();
        let is_part = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
        let length = rest.iter().position(|b| !is_part(b)).unwrap_or(rest.len());
        self.at += length;
        (length > 0).then(|| &rest[..length])
    }

    fn take(&mut self, byte: u8) -> bool {
        self.skip();
        let is_next = self.rest().first() == Some(&byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn imports(&mut self) -> Vec<Vec<u8>> {
        let mut paths = Vec::new();
        loop {
            let before = self.at;
            if self.word() != Some(b"import") {
                self.at = before;
                return paths;
            }
            if !self.take(b'(') {
                paths.extend(self.import());
                continue;
            }
            while !self.take(b')') {
                match self.import() {
                    Some(path) => paths.push(path),
                    None => return paths,
                }
            }
        }
    }

    /// A path, with a name before it or not.
    fn import(&mut self) -> Option<Vec<u8>> {
        if !self.take(b'.') {
            self.word();
        }
        self.skip();
        let rest = self.rest();
        let quote = *rest.first().filter(|b| b"\"`".contains(b))?;
        let length = rest[1..].iter().position(|b| *b == quote)?;
        self.at += length + 2;
        Some(rest[1..1 + length].to_vec())
    }

    /// The patterns of `//go:embed` at the start of lines behind the imports, but not within strings or other
    /// comments.
    fn embeds(&mut self) -> Vec<(String, u32, u32)> {
        let mut found = Vec::new();
        let mut starts_line = true;
        while let Some(byte) = self.rest().first().copied() {
            let rest = self.rest();
            match byte {
                b'\n' => starts_line = true,
                b' ' | b'\t' | b'\r' => {}
                b'/' if rest.starts_with(b"//") => {
                    let length = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                    if let Some(patterns) = rest[..length].strip_prefix(b"//go:embed")
                        && starts_line
                        && patterns.first().is_none_or(|b| b" \t\r".contains(b))
                    {
                        self.patterns(patterns, &mut found);
                    }
                    self.at += length;
                    continue;
                }
                b'/' if rest.starts_with(b"/*") => {
                    self.at += find(&rest[2..], b"*/").map_or(rest.len(), |end| end + 4);
                    starts_line = false;
                    continue;
                }
                b'`' | b'"' | b'\'' => {
                    self.at += string(rest, byte);
                    starts_line = false;
                    continue;
                }
                _ => starts_line = false,
            }
            self.at += 1;
        }
        found
    }

    fn patterns(&self, line: &[u8], found: &mut Vec<(String, u32, u32)>) {
        let whole = String::from_utf8_lossy(line).into_owned();
        let start = self.text[..self.at].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let number = self.text[..start].iter().filter(|b| **b == b'\n').count() as u32 + 1;
        let before = self.at - start + "//go:embed".len();
        let mut rest = whole.trim_start();
        while !rest.is_empty() {
            let column = (before + whole.len() - rest.len()) as u32 + 1;
            let (pattern, after) = match rest.as_bytes()[0] {
                b'`' => match rest[1..].find('`') {
                    Some(end) => (rest[1..1 + end].to_owned(), &rest[end + 2..]),
                    None => return,
                },
                b'"' => {
                    let length = string(rest.as_bytes(), b'"');
                    (unquote(&rest[..length]), &rest[length..])
                }
                _ => {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    (rest[..end].to_owned(), &rest[end..])
                }
            };
            found.push((pattern, number, column));
            rest = after.trim_start();
        }
    }
}

/// How long the string is that the text begins with.
fn string(text: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while let Some(byte) = text.get(at) {
        match *byte {
            b'\\' if quote != b'`' => at += 1,
            b'\n' if quote != b'`' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// A Go string in double quotes; of its escapes those that a path can need.
fn unquote(quoted: &str) -> String {
    let mut text = String::new();
    let mut chars = quoted.trim_matches('"').chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
