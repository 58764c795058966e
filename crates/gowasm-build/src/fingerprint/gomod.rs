//! Folders that a go.mod or go.work points at: `use` and `replace` lines. Their go.mod files have a say
//! in which versions are chosen, also where no package of theirs is in the build.

use std::path::{Path, PathBuf};

/// The folders, as paths from `file`'s folder.
pub(crate) fn local_folders(file: &Path) -> Vec<PathBuf> {
    let Ok(text) = std::fs::read_to_string(file) else { return Vec::new() };
    let base = file.parent().unwrap_or(Path::new(""));
    folders_in(&text).into_iter().map(|folder| base.join(folder)).collect()
}

fn folders_in(text: &str) -> Vec<String> {
    let mut block = "";
    let mut folders = Vec::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut words = line.split_whitespace().map(unquoted).peekable();
        if line.trim() == ")" {
            block = "";
            continue;
        }
        let verb = if block.is_empty() { words.next().unwrap_or_default() } else { block };
        if words.peek() == Some(&"(") {
            block = if verb == "use" { "use" } else { "other" };
            continue;
        }
        if verb == "use" {
            folders.extend(words.next().map(str::to_owned));
        } else if let Some(target) = words.skip_while(|word| *word != "=>").nth(1)
            && (target.starts_with('.') || Path::new(target).is_absolute())
        {
            folders.push(target.to_owned());
        }
    }
    folders
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '`'])
}

#[cfg(test)]
mod tests {
    use super::folders_in;

    #[test]
    fn finds_used_and_replacing_folders() {
        let text = "go 1.24\n\nuse ./a // here\nuse (\n\t./b\n\t\"../c\"\n)\n\
            replace x.org/y => ../y\nreplace (\n\tx.org/z v1.0.0 => ./z\n\tx.org/v => x.org/w v1.2.3\n)\n\
            require (\n\tx.org/y v1.0.0\n)\n";
        assert_eq!(folders_in(text), ["./a", "./b", "../c", "../y", "./z"]);
    }
}
