//! Response files: of an argument `@FILE` the lines of the file take the place. cmd/go writes them where a
//! command line would be too long, with every line end and backslash within an argument escaped.

use crate::error::Error;

/// How deep files may name files; one that names itself goes deeper.
const DEEPEST: usize = 16;

/// The arguments with those in response files, as cmd/internal/objabi expands them: at any place, a
/// flag's value too.
pub(crate) fn expand(arguments: Vec<String>) -> Result<Vec<String>, Error> {
    let mut expanded = Vec::new();
    add(arguments, DEEPEST, &mut expanded)?;
    Ok(expanded)
}

fn add(arguments: Vec<String>, depth: usize, expanded: &mut Vec<String>) -> Result<(), Error> {
    for argument in arguments {
        let Some(path) = argument.strip_prefix('@') else {
            expanded.push(argument);
            continue;
        };
        if depth == 0 {
            return Err(Error::message(format!("the response files around {path} have no end")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::message(format!("cannot read the arguments in {path}: {error}"))
        })?;
        let text = text.replace('\r', "");
        let lines = text.trim().split('\n').enumerate();
        let lines = lines.map(|(index, line)| {
            decode(line).ok_or_else(|| {
                let place = format!("{path}:{}", index + 1);
                let hint = "within an argument `\\n` is a line end and `\\\\` a backslash";
                Error::hinted(format!("{place}: a backslash that begins no escape"), hint)
            })
        });
        add(lines.collect::<Result<_, _>>()?, depth - 1, expanded)?;
    }
    Ok(())
}

/// `None` for an escape that cmd/go does not write. A backslash at the very end is nothing, as in Go.
fn decode(line: &str) -> Option<String> {
    let mut decoded = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => match characters.next() {
                Some('\\') => decoded.push('\\'),
                Some('n') => decoded.push('\n'),
                Some(_) => return None,
                None => {}
            },
            c => decoded.push(c),
        }
    }
    Some(decoded)
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
        write("flags", "\n-X\r\nmain.a=b\\nc\\\\d\n-s \n\n");
        write("nested", &format!("-w\n@{}", folder.path().join("flags").display()));
        write("bad", "-s\n-X=a\\tb");
        write("loop", &format!("@{}", folder.path().join("loop").display()));
        let flags = ["-o", "-w", "-X", "main.a=b\nc\\d", "-s", "main.a"];
        assert_eq!(expanded(folder.path(), &["-o", "@nested", "main.a"]).unwrap(), flags);
        let fails = |name: &str, said: &str| {
            let error = expanded(folder.path(), &[name]).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        };
        fails("@bad", "bad:2: a backslash");
        fails("@loop", "have no end");
        fails("@gone", "cannot read the arguments in ");
    }
}
