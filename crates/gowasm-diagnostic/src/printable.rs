//! Text for a terminal. Names come from modules, plans, servers and paths, and may hold what moves the
//! cursor, recolours the screen, starts a line of its own or turns the direction of reading. All text
//! for people goes through here; it shows such a character as an escape, `\u{1b}` or `\n`.

use std::borrow::Cow;
use std::fmt::Write;

/// One line: a name, a path, a message.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| steers(c).then(|| c.escape_default().to_string()))
}

/// Several lines whose ends are meant: another tool's text, or a report that is made of [`line`]s.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        (steers(c) && !matches!(c, '\n' | '\t')).then(|| c.escape_default().to_string())
    })
}

/// A JSON text that says the same: within its strings any character may stand as an escape.
pub fn json(text: &str) -> Cow<'_, str> {
    escaped(text, |c| {
        (steers(c) && !matches!(c, '\n' | '\t' | '\r')).then(|| {
            let mut units = [0; 2];
            c.encode_utf16(&mut units).iter().fold(String::new(), |mut escape, unit| {
                let _ = write!(escape, "\\u{unit:04x}");
                escape
            })
        })
    })
}

fn escaped(text: &str, escape: impl Fn(char) -> Option<String>) -> Cow<'_, str> {
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match escape(c) {
            Some(escape) => clean.push_str(&escape),
            None => clean.push(c),
        }
    }
    Cow::Owned(clean)
}

/// Controls, and what is invisible and changes how the text around it is shown. The two joiners that
/// scripts and emoji are written with (U+200C, U+200D) are none of these.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b[2Jb\r\nerror: c\td\u{202e}e\u{9b}f\u{e0041}";

    #[test]
    fn a_line_stays_one_and_steers_nothing() {
        assert_eq!(line(HOSTILE), r"a\u{1b}[2Jb\r\nerror: c\td\u{202e}e\u{9b}f\u{e0041}");
        for plain in ["add", "größe", "日本語", "e\u{301}", "👩\u{200d}💻", "C:\\x", "it's \"x\""]
        {
            assert!(matches!(line(plain), Cow::Borrowed(same) if same == plain), "{plain}");
        }
    }

    #[test]
    fn lines_keep_their_ends() {
        assert_eq!(lines("a:1: b\n\tc\x1bd\n"), "a:1: b\n\tc\\u{1b}d\n");
    }

    #[test]
    fn json_says_the_same() {
        let text = serde_json::to_string_pretty(&[HOSTILE]).unwrap();
        let clean = json(&text);
        assert!(!clean.contains(|c: char| c != '\n' && steers(c)), "{clean}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&clean).unwrap(), [HOSTILE]);
    }
}
