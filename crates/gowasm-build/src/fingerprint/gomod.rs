//! Folders that a go.mod or go.work points at: `use` and `replace` lines. Their go.mod files have a say
//! in which versions are chosen, also where no package of theirs is in the build.

use std::path::{Path, PathBuf};

/// A folder that stands in for a module.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// The module's path; without one, it is what the folder's go.mod says.
    path: Option<String>,
    pub(crate) folder: PathBuf,
}

impl Local {
    pub(crate) fn module_path(&self) -> Option<String> {
        self.path.clone().or_else(|| module_path(&self.folder.join("go.mod")))
    }
}

/// The folders that `file` points at, seen from its own.
pub(crate) fn locals(file: &Path) -> Vec<Local> {
    let Ok(text) = std::fs::read_to_string(file) else { return Vec::new() };
    let base = file.parent().unwrap_or(Path::new(""));
    let locals = directives(&text).into_iter().filter_map(|(verb, words)| {
        let (path, target) = match verb {
            "use" => (None, *words.first()?),
            _ => (Some(*words.first()?), *words.iter().skip_while(|word| **word != "=>").nth(1)?),
        };
        let is_folder = verb == "use" || target.starts_with('.') || Path::new(target).is_absolute();
        is_folder.then(|| Local { path: path.map(str::to_owned), folder: base.join(target) })
    });
    locals.collect()
}

/// What a go.mod says that its module is called.
pub(crate) fn module_path(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let mut directives = directives(&text).into_iter();
    let (_, words) = directives.find(|(verb, _)| *verb == "module")?;
    words.first().map(|&path| path.to_owned())
}

/// The lines as their verb and the words after it, blocks taken apart.
fn directives(text: &str) -> Vec<(&str, Vec<&str>)> {
    let mut block = None;
    let mut directives = Vec::new();
    for line in text.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut words: Vec<&str> = line.split_whitespace().map(unquoted).collect();
        if words == [")"] {
            block = None;
            continue;
        }
        let verb = match block {
            Some(verb) => verb,
            None if words.is_empty() => continue,
            None => words.remove(0),
        };
        if words.first() == Some(&"(") {
            block = Some(verb);
        } else {
            directives.push((verb, words));
        }
    }
    directives
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_used_and_replacing_folders() {
        let text = "go 1.24\n\nuse ./a // here\nuse (\n\t./b\n\t\"../c\"\n)\n\
            replace x.org/y => ../y\nreplace (\n\tx.org/z v1.0.0 => ./z\n\tx.org/v => x.org/w v1.2.3\n)\n\
            require (\n\tx.org/y v1.0.0\n)\nmodule (\n\texample.com/m\n)\n";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("go.mod");
        std::fs::write(&file, text).unwrap();
        let found: Vec<_> =
            locals(&file).into_iter().map(|local| (local.path, local.folder)).collect();
        let local = |path: Option<&str>, target: &str| {
            (path.map(str::to_owned), folder.path().join(target))
        };
        assert_eq!(
            found,
            [
                local(None, "./a"),
                local(None, "./b"),
                local(None, "../c"),
                local(Some("x.org/y"), "../y"),
                local(Some("x.org/z"), "./z"),
            ]
        );
        assert_eq!(module_path(&file).as_deref(), Some("example.com/m"));
    }
}
