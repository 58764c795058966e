//! `//go:embed`: which files each pattern stands for, by the rules of cmd/go, and the compiler's `-embedcfg`.

use super::Files;
use crate::Failure;
use gowasm_diagnostic::{Diagnostic, Position};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A pattern and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) pattern: String,
    pub(crate) position: Position,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EmbedConfig {
    pub(crate) patterns: BTreeMap<String, Vec<String>>,
    pub(crate) files: BTreeMap<String, PathBuf>,
}

impl EmbedConfig {
    /// `names` are all files of the package, by their paths below its folder `stage`; an error is one of Go's.
    pub(crate) fn new(
        files: &Files,
        names: &BTreeSet<&str>,
        stage: &Path,
    ) -> Result<Self, Failure> {
        let mut config = EmbedConfig { patterns: BTreeMap::new(), files: BTreeMap::new() };
        for At { pattern, position } in &files.patterns {
            let matched = resolve(pattern, names).map_err(|why| {
                let message = format!("pattern {pattern}: {why}");
                let hint = "embedsrcs has the files that //go:embed can name";
                Failure::input(Diagnostic::error(message).at(position.clone()).hint(hint))
            })?;
            config.files.extend(matched.iter().map(|file| (file.clone(), stage.join(file))));
            config.patterns.insert(pattern.clone(), matched);
        }
        Ok(config)
    }
}

fn resolve(pattern: &str, names: &BTreeSet<&str>) -> Result<Vec<String>, String> {
    let (all, glob) = match pattern.strip_prefix("all:") {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let is_path = glob == "." || glob.split('/').all(|part| !["", ".", ".."].contains(&part));
    if !is_path {
        return Err("invalid pattern syntax".to_owned());
    }
    let mut matched = BTreeSet::new();
    // Files and the folders above them, as a folder on disk would have them.
    let mut entries: BTreeMap<&str, bool> = BTreeMap::new();
    for name in names {
        entries.insert(name, false);
        entries.extend(name.match_indices('/').map(|(at, _)| (&name[..at], true)));
    }
    if glob == "." {
        entries = BTreeMap::from([(".", true)]);
    }
    for (entry, is_folder) in entries {
        if glob != "." && !matches(glob, entry).ok_or("syntax error in pattern")? {
            continue;
        }
        let what = if is_folder { "directory" } else { "file" };
        if let Some(bad) = entry.split('/').find(|part| *part != "." && is_bad_name(part)) {
            return Err(format!("cannot embed {what} {entry}: invalid name {bad}"));
        }
        let is_module = |folder: &str| names.contains(format!("{folder}/go.mod").as_str());
        let above = entry.match_indices('/').map(|(at, _)| &entry[..at]);
        if above.chain(Some(entry)).any(is_module) {
            return Err(format!("cannot embed {what} {entry}: in different module"));
        }
        if !is_folder {
            matched.insert(entry.to_owned());
            continue;
        }
        let below = names.iter().filter_map(|name| match entry {
            "." => Some((*name, *name)),
            _ => Some((*name, name.strip_prefix(entry)?.strip_prefix('/')?)),
        });
        let is_taken = |(name, below): &(&str, &str)| {
            let parts_are_fine = below
                .split('/')
                .all(|part| !is_bad_name(part) && (all || !part.starts_with(['.', '_'])));
            let folders = below.match_indices('/').map(|(at, _)| name.len() - below.len() + at);
            parts_are_fine && !folders.map(|end| &name[..end]).any(is_module)
        };
        let mut taken = below.filter(is_taken).map(|(name, _)| name.to_owned()).peekable();
        if taken.peek().is_none() {
            return Err(format!("cannot embed directory {entry}: contains no embeddable files"));
        }
        matched.extend(taken);
    }
    match matched.is_empty() {
        true => Err("no matching files found".to_owned()),
        false => Ok(matched.into_iter().collect()),
    }
}

/// What cannot be in a Go module: folders of version control, and what `module.CheckFilePath` refuses.
fn is_bad_name(name: &str) -> bool {
    const RESERVED: [&str; 22] = [
        "con", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "nul",
        "prn", "aux", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
    ];
    let is_allowed = |c: char| match c.is_ascii() {
        true => c.is_ascii_alphanumeric() || "!#$%&()+,-.=@[]^_{}~ ".contains(c),
        false => c.is_alphabetic(),
    };
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    name.ends_with('.')
        || !name.chars().all(is_allowed)
        || RESERVED.contains(&stem.as_str())
        || ["", ".bzr", ".hg", ".git", ".svn"].contains(&name)
}

/// Go's `path.Match`; nothing for a pattern that it cannot read.
fn matches(pattern: &str, name: &str) -> Option<bool> {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    well_formed(&pattern)?;
    Some(matches_from(&pattern, &name))
}

fn well_formed(pattern: &[char]) -> Option<()> {
    let mut rest = pattern;
    while let Some((first, after)) = rest.split_first() {
        rest = match first {
            '\\' => after.get(1..)?,
            '[' => class(after, '\0')?.1,
            _ => after,
        };
    }
    Some(())
}

fn matches_from(pattern: &[char], name: &[char]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    if *first == '*' {
        let end = name.iter().position(|c| *c == '/').unwrap_or(name.len());
        return (0..=end).any(|skipped| matches_from(rest, &name[skipped..]));
    }
    let Some((next, after)) = name.split_first() else { return false };
    match first {
        '?' => *next != '/' && matches_from(rest, after),
        '[' => class(rest, *next)
            .is_some_and(|(is_in, rest)| is_in && *next != '/' && matches_from(rest, after)),
        '\\' => rest
            .split_first()
            .is_some_and(|(escaped, rest)| escaped == next && matches_from(rest, after)),
        _ => first == next && matches_from(rest, after),
    }
}

/// Whether a character is in the class that begins after `[`, and what is behind the class.
fn class(mut rest: &[char], of: char) -> Option<(bool, &[char])> {
    let negated = rest.first() == Some(&'^');
    if negated {
        rest = &rest[1..];
    }
    let mut is_in = false;
    let mut is_empty = true;
    loop {
        if rest.first() == Some(&']') && !is_empty {
            return Some((is_in != negated, &rest[1..]));
        }
        let low;
        (low, rest) = class_char(rest)?;
        let mut high = low;
        if rest.first() == Some(&'-') {
            (high, rest) = class_char(&rest[1..])?;
        }
        is_in |= (low..=high).contains(&of);
        is_empty = false;
    }
}

fn class_char(rest: &[char]) -> Option<(char, &[char])> {
    match rest {
        ['\\', c, after @ ..] => Some((*c, after)),
        ['-' | ']' | '\\', ..] | [] => None,
        [c, after @ ..] => Some((*c, after)),
    }
    // A class that does not end is no class.
    .filter(|(_, after)| !after.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str) -> Result<Vec<String>, String> {
        let names = [
            "!a.txt",
            "a.txt",
            "b]c",
            "data/.hidden/f",
            "data/_c.txt",
            "data/b.txt",
            "data/sub/.d",
            "data/sub/e",
            "empty/.x",
            "module/go.mod",
            "module/m.txt",
            "over/module/go.mod",
            "over/module/n",
            "over/o",
        ];
        resolve(pattern, &BTreeSet::from(names))
    }

    #[test]
    fn patterns_stand_for_files_and_for_folders() {
        let expected: [(&str, &[&str]); 12] = [
            ("*.txt", &["!a.txt", "a.txt"]),
            ("data/*.txt", &["data/_c.txt", "data/b.txt"]),
            ("data", &["data/b.txt", "data/sub/e"]),
            ("data/*", &["data/.hidden/f", "data/_c.txt", "data/b.txt", "data/sub/e"]),
            ("data/.hidden", &["data/.hidden/f"]),
            (
                "all:data",
                &["data/.hidden/f", "data/_c.txt", "data/b.txt", "data/sub/.d", "data/sub/e"],
            ),
            ("data/[^_]*.txt", &["data/b.txt"]),
            ("[!x]a.txt", &["!a.txt"]),
            ("b[\\]]c", &["b]c"]),
            ("?.txt", &["a.txt"]),
            ("over", &["over/o"]),
            (".", &["!a.txt", "a.txt", "b]c", "data/b.txt", "data/sub/e", "over/o"]),
        ];
        for (pattern, files) in expected {
            assert_eq!(matched(pattern).unwrap(), files, "{pattern}");
        }
    }

    #[test]
    fn patterns_that_go_refuses_are_refused() {
        for (pattern, why) in [
            ("../x", "invalid pattern syntax"),
            ("/x", "invalid pattern syntax"),
            ("data/", "invalid pattern syntax"),
            ("[a", "syntax error in pattern"),
            ("none", "no matching files found"),
            ("empty", "cannot embed directory empty: contains no embeddable files"),
            ("module/m.txt", "cannot embed file module/m.txt: in different module"),
        ] {
            assert_eq!(matched(pattern).unwrap_err(), why, "{pattern}");
        }
    }
}
