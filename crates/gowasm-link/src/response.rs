//! Response files, as `expandArgs` of cmd/internal/objabi expands them: the arguments in FILE take the place of an
//! argument `@FILE`. cmd/go writes them where a command line would be too long. Up to Go 1.26 a line is an argument,
//! with line ends and backslashes escaped; since then words are quoted as in GCC's response files.

use crate::error::Error;
use crate::version;
use gowasm_goobj::{Archive, ObjectHeader};

/// How deep files may name files; one that names itself goes deeper.
const DEEPEST: usize = 16;

/// How the text of a file is split into arguments; the error is the number of a bad line.
type Split = fn(&str) -> Result<Vec<String>, usize>;

/// The arguments with those in response files, at any place, a flag's value too. Which of the two forms the files
/// have is known by the Go release that compiled package main, whose archive is the last argument.
pub(crate) fn expand(arguments: Vec<String>) -> Result<Vec<String>, Error> {
    if !arguments.iter().any(|argument| argument.starts_with('@')) {
        return Ok(arguments);
    }
    let by = |split: Split| {
        let mut expanded = Vec::new();
        add(&arguments, split, DEEPEST, &mut expanded).map(|()| expanded)
    };
    let (by_words, by_lines) = (by(words), by(lines));
    let main =
        |expanded: &Result<Vec<String>, Error>| has_response_words(expanded.as_ref().ok()?.last()?);
    match main(&by_words).or_else(|| main(&by_lines)) {
        Some(false) => by_lines,
        Some(true) | None => by_words,
    }
}

/// What the release that wrote an archive does; nothing where there is no archive of a known one.
fn has_response_words(archive: &str) -> Option<bool> {
    let bytes = std::fs::read(archive).ok()?;
    let archive = Archive::parse(&bytes).ok()?;
    let headers = archive.members.iter().map(|member| ObjectHeader::parse(member.bytes));
    let header = headers.flatten().flatten().next()?;
    let [_, _, release] = header.target()?;
    Some(version::find(release).ok()?.response_words)
}

fn add(
    arguments: &[String],
    split: Split,
    depth: usize,
    expanded: &mut Vec<String>,
) -> Result<(), Error> {
    for argument in arguments {
        let Some(path) = argument.strip_prefix('@') else {
            expanded.push(argument.clone());
            continue;
        };
        if depth == 0 {
            return Err(Error::message(format!("the response files around {path} have no end")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::message(format!("cannot read the arguments in {path}: {error}"))
        })?;
        let arguments = split(&text).map_err(|line| {
            let hint = "within an argument `\\n` is a line end and `\\\\` a backslash";
            Error::hinted(format!("{path}:{line}: a backslash that begins no escape"), hint)
        })?;
        add(&arguments, split, depth - 1, expanded)?;
    }
    Ok(())
}

/// Up to Go 1.26.
fn lines(text: &str) -> Result<Vec<String>, usize> {
    let text = text.replace('\r', "");
    let lines = text.trim().split('\n').enumerate();
    lines.map(|(index, line)| unescaped(line).ok_or(index + 1)).collect()
}

/// `None` for an escape that cmd/go does not write. A backslash at the very end is nothing, as in Go.
fn unescaped(line: &str) -> Option<String> {
    let mut unescaped = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('\\') => unescaped.push('\\'),
                Some('n') => unescaped.push('\n'),
                Some(_) => return None,
                None => {}
            },
            c => unescaped.push(c),
        }
    }
    Some(unescaped)
}

/// Since Go 1.27, as its `ParseArgs`. No text is bad: a quote that is not closed ends with the file.
fn words(text: &str) -> Result<Vec<String>, usize> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some('\''), _) => word.get_or_insert_default().push(c),
            (None, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (_, '\\') => {
                let Some(&next) = characters.peek() else {
                    if quote.is_some() {
                        word.get_or_insert_default().push(c);
                    }
                    continue;
                };
                let mut after = characters.clone().skip(1);
                match next {
                    // The line goes on in the next one.
                    '\n' => drop(characters.next()),
                    '\r' if after.next() == Some('\n') => drop(characters.nth(1)),
                    '\\' | '"' | '$' | '`' => {
                        word.get_or_insert_default().extend(characters.next())
                    }
                    _ if quote.is_none() => word.get_or_insert_default().extend(characters.next()),
                    _ => word.get_or_insert_default().push(c),
                }
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(folder: &std::path::Path, arguments: &[&str]) -> Result<Vec<String>, Error> {
        let inside = |argument: &&str| match argument.strip_prefix('@') {
            Some(name) => format!("@{}", folder.join(name).display()),
            None => argument.to_string(),
        };
        expand(arguments.iter().map(inside).collect())
    }

    #[test]
    fn a_file_s_lines_take_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        // Its header alone decides on the form.
        let object = "go object wasip1 wasm go1.26.8\n\n!\n";
        write("main.a", &format!("!<arch>\n{:<48}{:<10}`\n{object}", "_go_.o", object.len()));
        let main = folder.path().join("main.a").display().to_string();
        write("flags", "\n-X\r\nmain.a=b\\nc\\\\d e\n-s \n\n");
        write("nested", &format!("-w\n@{}", folder.path().join("flags").display()));
        write("bad", "-s\n-X=a\\tb");
        write("loop", &format!("@{}", folder.path().join("loop").display()));
        let flags = ["-o", "-w", "-X", "main.a=b\nc\\d e", "-s", &main];
        assert_eq!(expanded(folder.path(), &["-o", "@nested", &main]).unwrap(), flags);
        let fails = |name: &str, said: &str| {
            let error = expanded(folder.path(), &[name, &main]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        };
        fails("@bad", "bad:2: a backslash");
        fails("@loop", "have no end");
        fails("@gone", "cannot read the arguments in ");
    }

    #[test]
    fn words_are_quoted_as_by_gcc() {
        for (text, expected) in [
            ("\na\r\nb\t c ", vec!["a", "b", "c"]),
            ("a ''\n\"\"", vec!["a", "", ""]),
            ("'a\n\\n\"b' \"c'd\"e", vec!["a\n\\n\"b", "c'de"]),
            (r#""\\ \" \$ \` \n" \a\ b\\"#, vec![r#"\ " $ ` \n"#, "a b\\"]),
            ("\"a\\\nb\" c\\\r\nd e\\", vec!["ab", "cd", "e"]),
            ("\"a b", vec!["a b"]),
            ("", vec![]),
        ] {
            assert_eq!(words(text).unwrap(), expected, "{text:?}");
        }
    }
}
