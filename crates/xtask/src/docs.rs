//! Checks of the pages: what they name exists.

use crate::project;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong, a line each.
pub(crate) fn check() -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for page in pages()? {
        let text = fs::read_to_string(&page)?;
        let name = page.strip_prefix(project::root()).unwrap_or(&page).display().to_string();
        let here = page.parent().context("a page lies in a folder")?;
        for target in links(&text) {
            if !here.join(target).exists() {
                wrong.push(format!("{name}: a link to {target}, which does not exist"));
            }
        }
        if name == "DESIGN.md" {
            for path in code_spans(&text).filter(|span| is_path(span)) {
                if !project::root().join(path).exists() {
                    wrong.push(format!("{name}: names {path}, which does not exist"));
                }
            }
        }
    }
    Ok(wrong)
}

fn pages() -> Result<Vec<PathBuf>> {
    let mut pages = Vec::new();
    for folder in [project::root().to_owned(), project::root().join("docs")] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// The relative targets of `[text](target)`, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        let relative = !target.is_empty() && !target.contains("://") && !target.contains(' ');
        relative.then_some(target)
    })
}

/// What stands between backticks on one line.
fn code_spans(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn is_path(span: &str) -> bool {
    let has_folder = span.contains('/') && Path::new(span).is_relative();
    let plain = span.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
    let known = ["crates/", "docs/", "examples/", "fuzz/", ".ci/"];
    has_folder && plain && known.iter().any(|folder| span.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_links_and_paths() {
        let text =
            "see [a](docs/a.md#x), [b](https://b.example) and `crates/x/y.rs`, `ac/`, `a b/c`";
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md"]);
        let paths: Vec<_> = code_spans(text).filter(|span| is_path(span)).collect();
        assert_eq!(paths, ["crates/x/y.rs"]);
    }
}
