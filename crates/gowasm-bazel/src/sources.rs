//! Which of a package's files belong to the target: `go list` decides, on copies in a scratch folder.

use crate::sdk::{self, Sdk};
use crate::{Failure, files};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A file of a package: its path below the package's folder, and where it is.
#[derive(Debug, Clone)]
pub struct Source {
    pub name: String,
    pub path: PathBuf,
}

/// What `go list` says of the package.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Chosen {
    pub(crate) name: String,
    pub(crate) go_files: Vec<String>,
    #[serde(rename = "SFiles")]
    pub(crate) s_files: Vec<String>,
    ignored_go_files: Vec<String>,
    pub(crate) embed_patterns: Vec<String>,
    pub(crate) embed_files: Vec<String>,
    test_go_files: Vec<String>,
    test_embed_patterns: Vec<String>,
    test_embed_files: Vec<String>,
    #[serde(rename = "XTestGoFiles")]
    x_test_go_files: Vec<String>,
    #[serde(rename = "XTestEmbedPatterns")]
    x_test_embed_patterns: Vec<String>,
    #[serde(rename = "XTestEmbedFiles")]
    x_test_embed_files: Vec<String>,
    error: Option<ListError>,
}

impl Chosen {
    /// A package of one generated file.
    pub(crate) fn only(file: &str) -> Self {
        Chosen { go_files: vec![file.to_owned()], ..Chosen::default() }
    }

    pub(crate) fn test_files(&self) -> &[String] {
        &self.test_go_files
    }

    /// The package together with the tests that are part of it.
    pub(crate) fn with_tests(mut self) -> Self {
        self.go_files.append(&mut self.test_go_files);
        self.embed_patterns.append(&mut self.test_embed_patterns);
        self.embed_files.append(&mut self.test_embed_files);
        self
    }

    /// The package of the tests that look at it from outside.
    pub(crate) fn external_tests(&self) -> Self {
        Chosen {
            go_files: self.x_test_go_files.clone(),
            embed_patterns: self.x_test_embed_patterns.clone(),
            embed_files: self.x_test_embed_files.clone(),
            ..Chosen::default()
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListError {
    #[serde(default)]
    pos: String,
    err: String,
}

/// No more than these: whether a program is up to date, for one, is a question for the linker.
const FIELDS: &str = "-json=Name,GoFiles,SFiles,IgnoredGoFiles,EmbedPatterns,EmbedFiles,\
    TestGoFiles,TestEmbedPatterns,TestEmbedFiles,\
    XTestGoFiles,XTestEmbedPatterns,XTestEmbedFiles,Error";

/// Copies the files into `stage` and asks `go list` about that folder.
pub(crate) fn choose(
    sdk: &Sdk,
    goos: Goos,
    tags: &[String],
    sources: &[Source],
    stage: &Path,
    scratch: &Path,
) -> Result<Chosen, Failure> {
    for source in sources {
        files::copy(&source.path, &stage.join(&source.name))?;
    }
    let mut go = sdk.go(goos, scratch);
    go.current_dir(stage).args(["list", "-find", "-e", FIELDS, "-tags", &tags.join(","), "."]);
    let text = sdk::run(go, |said| said)?;
    let chosen: Chosen = serde_json::from_slice(&text).map_err(|error| {
        Failure::Environment(Diagnostic::error(format!("`go list` answers no JSON: {error}")))
    })?;
    check(chosen, goos, sources, stage)
}

fn check(chosen: Chosen, goos: Goos, sources: &[Source], stage: &Path) -> Result<Chosen, Failure> {
    let shown = |name: &str| shown(sources, name);
    let has_tests = !(chosen.test_go_files.is_empty() && chosen.x_test_go_files.is_empty());
    if !has_tests && (chosen.go_files.is_empty() && chosen.error.is_none() || only_ignored(&chosen))
    {
        if let Some(name) = chosen.ignored_go_files.iter().find(|name| is_cgo(&stage.join(name))) {
            let message = format!("{} imports \"C\", and Go has no cgo for wasm", shown(name));
            let hint =
                "give the package a file for wasm, one with `//go:build !cgo`, or do without it";
            return Err(Failure::input(Diagnostic::error(message).hint(hint)));
        }
        let ignored: Vec<_> = chosen.ignored_go_files.iter().map(|name| shown(name)).collect();
        let message = format!("no Go file of this package is built for {}/wasm", goos.as_str());
        let hint = match ignored.as_slice() {
            [] => "give the package srcs".to_owned(),
            names => format!("build constraints exclude {}", names.join(", ")),
        };
        return Err(Failure::input(Diagnostic::error(message).hint(hint)));
    }
    match chosen.error {
        Some(error) => {
            Err(Failure::Tool(rename(sources, &format!("{}: {}\n", error.pos, error.err))))
        }
        None => Ok(chosen),
    }
}

/// Go leaves such files out like those that build constraints exclude.
fn is_cgo(file: &Path) -> bool {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    text.lines().any(|line| line.trim().trim_start_matches("import").trim() == "\"C\"")
}

fn only_ignored(chosen: &Chosen) -> bool {
    chosen.go_files.is_empty() && !chosen.ignored_go_files.is_empty()
}

/// Where the user has a file that is known here by its name below the package's folder.
pub(crate) fn shown(sources: &[Source], name: &str) -> String {
    let source = sources.iter().find(|source| source.name == name);
    source.map_or_else(|| name.to_owned(), |source| source.path.display().to_string())
}

/// The text of a tool that ran in the stage, with the user's paths at the start of its lines.
pub(crate) fn rename(sources: &[Source], said: &str) -> String {
    let line = |line: &str| {
        let bare = line.trim_start_matches("./");
        match bare.split_once(':') {
            Some((name, rest)) if sources.iter().any(|source| source.name == name) => {
                format!("{}:{rest}\n", shown(sources, name))
            }
            _ => format!("{line}\n"),
        }
    };
    said.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_names_the_users_files() {
        let path = PathBuf::from("plugin/calc/main.go");
        let sources = [Source { name: "main.go".to_owned(), path }];
        let said = "./main.go:3:5: undefined: x\nother.go:1:1: y\n\thave (int)\n";
        let expected = "plugin/calc/main.go:3:5: undefined: x\nother.go:1:1: y\n\thave (int)\n";
        assert_eq!(rename(&sources, said), expected);
    }
}
