//! The compiler's `-embedcfg`: which files each `//go:embed` pattern stands for. `go list` has resolved
//! all patterns together; which file is whose is left to tell.

use crate::Failure;
use globset::{GlobBuilder, GlobMatcher};
use gowasm_diagnostic::Diagnostic;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EmbedConfig {
    patterns: BTreeMap<String, Vec<String>>,
    files: BTreeMap<String, PathBuf>,
}

impl EmbedConfig {
    pub(crate) fn new(
        patterns: &[String],
        files: &[String],
        stage: &Path,
    ) -> Result<Self, Failure> {
        let of = |pattern: &String| -> Result<_, Failure> {
            let matcher = Pattern::new(pattern)?;
            let matched = files.iter().filter(|file| matcher.matches(file)).cloned().collect();
            Ok((pattern.clone(), matched))
        };
        Ok(EmbedConfig {
            patterns: patterns.iter().map(of).collect::<Result<_, _>>()?,
            files: files.iter().map(|file| (file.clone(), stage.join(file))).collect(),
        })
    }
}

struct Pattern {
    glob: GlobMatcher,
    /// `all:` takes hidden files as well.
    all: bool,
}

impl Pattern {
    fn new(pattern: &str) -> Result<Self, Failure> {
        let (all, glob) = match pattern.strip_prefix("all:") {
            Some(rest) => (true, rest),
            None => (false, pattern),
        };
        let built = GlobBuilder::new(glob).literal_separator(true).backslash_escape(true).build();
        let glob = built.map_err(|error| {
            let message = format!("the embed pattern `{pattern}` cannot be read: {error}");
            Failure::input(Diagnostic::error(message))
        })?;
        Ok(Pattern { glob: glob.compile_matcher(), all })
    }

    /// A file is matched by its own path, or by that of a folder above it; from a folder, Go takes no
    /// file below a name that starts with a dot or an underscore.
    fn matches(&self, file: &str) -> bool {
        if self.glob.is_match(file) {
            return true;
        }
        let taken = |below: &str| self.all || !below.split('/').any(is_hidden);
        let mut folders = file.match_indices('/').map(|(at, _)| at);
        self.glob.glob().glob() == "." && taken(file)
            || folders.any(|at| self.glob.is_match(&file[..at]) && taken(&file[at + 1..]))
    }
}

fn is_hidden(name: &str) -> bool {
    name.starts_with(['.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str) -> Vec<&'static str> {
        let files = ["a.txt", "data/b.txt", "data/_c.txt", "data/sub/.d", "data/sub/e"];
        let pattern = Pattern::new(pattern).unwrap();
        files.into_iter().filter(|file| pattern.matches(file)).collect()
    }

    #[test]
    fn patterns_stand_for_files_and_for_folders() {
        assert_eq!(matched("*.txt"), ["a.txt"]);
        assert_eq!(matched("data/*.txt"), ["data/b.txt", "data/_c.txt"]);
        assert_eq!(matched("data"), ["data/b.txt", "data/sub/e"]);
        assert_eq!(matched("all:data"), ["data/b.txt", "data/_c.txt", "data/sub/.d", "data/sub/e"]);
        assert_eq!(matched("data/[!x]*"), ["data/b.txt", "data/_c.txt", "data/sub/e"]);
        assert_eq!(matched("."), ["a.txt", "data/b.txt", "data/sub/e"]);
    }
}
