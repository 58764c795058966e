use crate::Malformed;

const ARCHIVE_MAGIC: &[u8] = b"!<arch>\n";
const MEMBER_HEADER: usize = 60;
const MEMBER_END: &[u8] = b"`\n";

/// One file in an archive.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    pub name: &'a [u8],
    pub bytes: &'a [u8],
}

/// A package archive: a Unix `ar` file.
#[derive(Debug)]
pub struct Archive<'a> {
    pub members: Vec<Member<'a>>,
}

impl<'a> Archive<'a> {
    /// Whether `bytes` begin as an archive does.
    pub fn is_archive(bytes: &[u8]) -> bool {
        bytes.starts_with(ARCHIVE_MAGIC)
    }

    pub fn parse(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.is_empty() {
            return Err(Malformed::new("the file is empty"));
        }
        let Some(mut rest) = bytes.strip_prefix(ARCHIVE_MAGIC) else {
            return Err(Malformed::new("not a Go package archive (no `!<arch>` at its beginning)"));
        };
        let mut members = Vec::new();
        while !rest.is_empty() {
            let Some((header, body)) = rest.split_at_checked(MEMBER_HEADER) else {
                return Err(Malformed::new("cut off inside the header of an archive member"));
            };
            if !header.ends_with(MEMBER_END) {
                return Err(Malformed::new("an archive member has no valid header"));
            }
            let name = trim_spaces(&header[..16]);
            let size = decimal(trim_spaces(&header[48..58]))
                .ok_or_else(|| Malformed::new("an archive member has no valid size"))?;
            let Some((content, after)) = body.split_at_checked(size) else {
                return Err(Malformed::new(format!(
                    "cut off: archive member {} should have {size} bytes, {} are there",
                    String::from_utf8_lossy(name),
                    body.len()
                )));
            };
            members.push(Member { name, bytes: content });
            // Members begin at even offsets.
            rest = if size % 2 == 1 { after.get(1..).unwrap_or_default() } else { after };
        }
        Ok(Archive { members })
    }
}

fn trim_spaces(field: &[u8]) -> &[u8] {
    let end = field.iter().rposition(|&b| b != b' ').map_or(0, |at| at + 1);
    &field[..end]
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The text before an object's tables: which toolchain wrote it for which target.
#[derive(Debug, Clone, Copy)]
pub struct ObjectHeader<'a> {
    /// The first line, such as `go object wasip1 wasm go1.26.8`, and whatever follows it.
    pub line: &'a [u8],
    /// Whether the `main` line is there: the package is a program.
    pub main: bool,
    /// The object's tables.
    pub body: &'a [u8],
}

impl<'a> ObjectHeader<'a> {
    /// Splits a member into the text up to the line `!` and the tables after it. `None` when the
    /// member is no Go object (such as a C object file).
    pub fn parse(member: &'a [u8]) -> Result<Option<Self>, Malformed> {
        if !member.starts_with(b"go object ") {
            return Ok(None);
        }
        let line_end =
            find(member, b"\n").ok_or_else(|| Malformed::new("cut off in its header line"))?;
        let text_end = find(member, b"\n!\n").ok_or_else(|| {
            Malformed::new("the object's header has no end (no line with a single `!`)")
        })?;
        let text = &member[..text_end + 1];
        Ok(Some(ObjectHeader {
            line: &member[..line_end],
            main: find(text, b"\nmain\n").is_some(),
            body: &member[text_end + 3..],
        }))
    }

    /// The words of the header line after `go object`: GOOS, GOARCH, Go version.
    pub fn target(&self) -> Option<[&'a str; 3]> {
        let line = std::str::from_utf8(self.line).ok()?;
        let mut words = line.strip_prefix("go object ")?.split(' ');
        Some([words.next()?, words.next()?, words.next()?])
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
