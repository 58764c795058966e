//! A coverage profile of Go's as LCOV's format, which Bazel and others read.

use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// How often each line ran, by file.
type Lines<'a> = BTreeMap<&'a str, BTreeMap<u32, u64>>;

pub fn write_lcov(profile: &Path, place: &Path) -> Result<(), Failure> {
    let text = files::read(profile)?;
    let text = String::from_utf8_lossy(&text);
    let Some(lcov) = lcov(&text) else {
        let message = format!("{} is no coverage profile of Go's", profile.display());
        return Err(Failure::input(Diagnostic::error(message)));
    };
    files::write(place, lcov.as_bytes())
}

fn lcov(profile: &str) -> Option<String> {
    let mut files = Lines::new();
    for line in profile.lines().filter(|line| !line.starts_with("mode: ")) {
        block(&mut files, line)?;
    }
    let mut text = String::new();
    for (name, lines) in files {
        let _ = writeln!(text, "SF:{name}");
        for (line, count) in &lines {
            let _ = writeln!(text, "DA:{line},{count}");
        }
        let hit = lines.values().filter(|count| **count > 0).count();
        let _ = writeln!(text, "LH:{hit}\nLF:{}\nend_of_record", lines.len());
    }
    Some(text)
}

/// `plugin/main.go:5.13,8.2 3 1`: from line and column to line and column, so many statements, ran so often.
fn block<'a>(files: &mut Lines<'a>, text: &'a str) -> Option<()> {
    let (name, rest) = text.rsplit_once(':')?;
    let mut words = rest.split(' ');
    let (start, end) = words.next()?.split_once(',')?;
    let line = |place: &str| place.split_once('.')?.0.parse::<u32>().ok();
    let (start, end) = (line(start)?, line(end)?);
    let (statements, count) = (words.next()?.parse::<u64>().ok()?, words.next()?.parse().ok()?);
    if statements == 0 {
        return Some(());
    }
    let lines = files.entry(name.strip_prefix("./").unwrap_or(name)).or_default();
    for line in start..=end {
        // Of several blocks in a line the one that ran most often stands for it.
        let known = lines.entry(line).or_insert(0);
        *known = (*known).max(count);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_count_of_their_blocks() {
        let profile = "mode: count\na/b.go:3.14,5.2 1 2\na/b.go:5.4,6.2 1 0\na/b.go:7.1,7.9 0 9\n./m.go:1.1,1.2 1 0\n";
        let expected = "SF:a/b.go\nDA:3,2\nDA:4,2\nDA:5,2\nDA:6,0\nLH:3\nLF:4\nend_of_record\n\
            SF:m.go\nDA:1,0\nLH:0\nLF:1\nend_of_record\n";
        assert_eq!(lcov(profile).as_deref(), Some(expected));
        for wrong in ["x", "a.go:1,2 1 1", "a.go:1.1,2.2 1", "a.go:1.1,2.2 x 1"] {
            assert_eq!(lcov(wrong), None, "{wrong}");
        }
    }
}
