//! What comments of BUILD files say to `gowasm bazel generate`: its own, and those of gazelle that mean the
//! same here. One in a folder's file is for the folder and all below, where the nearest one counts.

use super::label::Label;
use super::rules::KINDS;
use super::starlark::File;
use std::collections::BTreeMap;

/// A rule that takes the place of one of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct MappedKind {
    pub(super) kind: &'static str,
    pub(super) name: String,
    /// The label of its file, as the comment has it.
    pub(super) bzl: String,
}

#[derive(Default)]
pub(super) struct Comments {
    by_folder: BTreeMap<String, Folder>,
}

#[derive(Default)]
struct Folder {
    resolves: BTreeMap<String, Label>,
    kinds: Vec<MappedKind>,
    prefix: Option<String>,
    tags: Option<Vec<String>>,
}

impl Comments {
    pub(super) fn add(&mut self, folder: &str, file: &File) {
        let mut own = Folder::default();
        // Ours come last: they win.
        let of = |tool: &str| -> Vec<(&str, Vec<&str>)> {
            let comments = file.comments.iter().filter_map(|comment| {
                let mut words = comment.strip_prefix(tool)?.split_whitespace();
                Some((words.next()?, words.collect()))
            });
            comments.collect()
        };
        for (key, words) in of("gazelle:").into_iter().chain(of("gowasm:")) {
            match (key, words.as_slice()) {
                ("resolve", ["go", import_path, label] | ["go", "go", import_path, label])
                | ("resolve", [import_path, label]) => {
                    let label = Label::parse(label, folder);
                    own.resolves.insert((*import_path).to_owned(), label);
                }
                ("map_kind", [from, name, bzl]) => {
                    let known = KINDS.into_iter().find(|kind| kind == from);
                    let (name, bzl) = ((*name).to_owned(), (*bzl).to_owned());
                    own.kinds.extend(known.map(|kind| MappedKind { kind, name, bzl }));
                }
                ("prefix", [prefix]) => own.prefix = Some((*prefix).to_owned()),
                ("build_tags" | "tags", [tags]) => {
                    own.tags = Some(tags.split(',').map(str::to_owned).collect());
                }
                _ => {}
            }
        }
        self.by_folder.insert(folder.to_owned(), own);
    }

    /// The folder's file and those above it, the nearest first.
    fn above<'a, 'f>(&'a self, folder: &'f str) -> impl Iterator<Item = (&'f str, &'a Folder)> {
        let parent = |folder: &&'f str| match folder.rsplit_once('/') {
            Some((parent, _)) => Some(parent),
            None => (!folder.is_empty()).then_some(""),
        };
        std::iter::successors(Some(folder), parent)
            .filter_map(move |folder| Some((folder, self.by_folder.get(folder)?)))
    }

    /// The target of an import path for importers in this folder.
    pub(super) fn resolve(&self, folder: &str, import_path: &str) -> Option<&Label> {
        self.above(folder).find_map(|(_, file)| file.resolves.get(import_path))
    }

    /// Whether some folder's file names its target.
    pub(super) fn name(&self, import_path: &str) -> bool {
        self.by_folder.values().any(|file| file.resolves.contains_key(import_path))
    }

    /// What stands for this kind of rule there.
    pub(super) fn mapped(&self, folder: &str, kind: &str) -> Option<&MappedKind> {
        self.above(folder)
            .find_map(|(_, file)| file.kinds.iter().rev().find(|mapped| mapped.kind == kind))
    }

    /// All that stand for a kind of rule somewhere.
    pub(super) fn mapped_kinds(&self) -> impl Iterator<Item = &MappedKind> {
        self.by_folder.values().flat_map(|file| &file.kinds)
    }

    /// The import path of a folder, where a comment says with what it begins.
    pub(super) fn import_path(&self, folder: &str) -> Option<String> {
        let (at, prefix) =
            self.above(folder).find_map(|(at, file)| Some((at, file.prefix.as_ref()?)))?;
        let below = folder.strip_prefix(at).unwrap_or(folder).trim_start_matches('/');
        Some(if below.is_empty() { prefix.clone() } else { format!("{prefix}/{below}") })
    }

    /// The folder that has this import path because a comment says so.
    pub(super) fn folder(&self, import_path: &str) -> Option<String> {
        self.by_folder.iter().find_map(|(at, file)| {
            let below = import_path.strip_prefix(file.prefix.as_ref()?)?;
            let below = match below.strip_prefix('/') {
                Some(below) => below,
                None if below.is_empty() => below,
                None => return None,
            };
            let parts = [at.as_str(), below].into_iter().filter(|part| !part.is_empty());
            let folder = parts.collect::<Vec<_>>().join("/");
            // Another prefix may begin in between.
            (self.import_path(&folder).as_deref() == Some(import_path)).then_some(folder)
        })
    }

    /// The build tags that `--tags` named the last time.
    pub(super) fn tags(&self) -> Vec<String> {
        let root = self.by_folder.get("");
        root.and_then(|file| file.tags.clone()).unwrap_or_default()
    }
}

const TAGS: &str = "# gowasm:tags";

/// The root's file with these tags to remember.
pub(super) fn remember_tags(text: &str, tags: &[String]) -> String {
    let line = match tags {
        [] => String::new(),
        tags => format!("{TAGS} {}\n", tags.join(",")),
    };
    let is_tags = |line: &&str| line.split_whitespace().take(2).eq(TAGS.split_whitespace());
    if text.lines().any(|line| is_tags(&line)) {
        let lines = text.split_inclusive('\n');
        return lines.map(|it| if is_tags(&it) { line.as_str() } else { it }).collect();
    }
    match (line.is_empty(), text.is_empty() || text.starts_with('#')) {
        (true, _) => text.to_owned(),
        (false, true) => line + text,
        (false, false) => format!("{line}\n{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::starlark;
    use super::*;

    fn comments(files: &[(&str, &str)]) -> Comments {
        let mut comments = Comments::default();
        for (folder, text) in files {
            comments.add(folder, &starlark::parse((*text).to_owned(), "BUILD").unwrap());
        }
        comments
    }

    #[test]
    fn the_nearest_comment_counts_and_ours_before_gazelles() {
        let of = comments(&[
            (
                "",
                "# gowasm:resolve e/x //a:x\n# gazelle:resolve go e/x //a:no\n# gazelle:prefix e\n",
            ),
            (
                "b",
                "# gazelle:resolve go go e/x :x\n# gazelle:map_kind go_wasm_test my_test //t:d.bzl\n",
            ),
            ("b/c", "# gazelle:prefix other.com/c\n"),
        ]);
        let label = |folder, import_path| of.resolve(folder, import_path).map(|it| it.spell("x"));
        assert_eq!(label("a/y", "e/x").as_deref(), Some("//a:x"));
        assert_eq!(label("b/c", "e/x").as_deref(), Some("//b:x"));
        assert_eq!(label("b/c", "e/y"), None);
        assert_eq!(of.mapped("b/c", "go_wasm_test").map(|it| it.name.as_str()), Some("my_test"));
        assert_eq!(of.mapped("a", "go_wasm_test"), None);
        let paths = ["", "a/y", "b/c", "b/c/d"].map(|folder| of.import_path(folder).unwrap());
        assert_eq!(paths, ["e", "e/a/y", "other.com/c", "other.com/c/d"]);
        for (folder, path) in ["", "a/y", "b/c", "b/c/d"].into_iter().zip(&paths) {
            assert_eq!(of.folder(path).as_deref(), Some(folder));
        }
        assert_eq!(of.folder("e/b/c"), None);
    }

    #[test]
    fn tags_are_a_line_of_the_roots_file() {
        let tags = ["a".to_owned(), "b".to_owned()];
        assert_eq!(remember_tags("", &tags), "# gowasm:tags a,b\n");
        assert_eq!(remember_tags("x()\n", &tags), "# gowasm:tags a,b\n\nx()\n");
        assert_eq!(remember_tags("# gowasm:tags c\n\nx()\n", &tags), "# gowasm:tags a,b\n\nx()\n");
        assert_eq!(remember_tags("# gowasm:tags c\nx()\n", &[]), "x()\n");
        assert_eq!(remember_tags("x()\n", &[]), "x()\n");
        assert_eq!(comments(&[("", "# gowasm:tags a,b\n")]).tags(), tags);
    }
}
