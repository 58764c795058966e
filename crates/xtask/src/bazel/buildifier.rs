//! Bazel's files, formatted and linted by buildifier.

use crate::{project, tools};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

const VERSION: &str = "8.2.1";

pub(crate) struct Buildifier {
    program: PathBuf,
    files: String,
}

impl Buildifier {
    pub(crate) fn set_up() -> Result<Self> {
        let mut list = Command::new("git");
        list.args(["ls-files", "--cached", "--others", "--exclude-standard", "--"]);
        list.args(["*.bzl", "*.bazel"]).current_dir(project::root());
        let files = project::output(&mut list)?;
        if files.is_empty() {
            bail!("this checkout has no file of Bazel's");
        }
        let folder = tools::npm_package("@bazel/buildifier", VERSION)?;
        Ok(Buildifier { program: folder.join("node_modules/.bin/buildifier"), files })
    }

    /// Whether all of them are clean; it says what is not.
    pub(crate) fn check(&self) -> Result<bool> {
        self.accepts(&self.files.lines().map(PathBuf::from).collect::<Vec<_>>())
    }

    /// The same of other files.
    pub(crate) fn accepts(&self, files: &[PathBuf]) -> Result<bool> {
        let mut buildifier = Command::new(&self.program);
        buildifier.args(["-mode=check", "-lint=warn"]).args(files);
        let status = buildifier.current_dir(project::root()).status();
        Ok(status.context("cannot start buildifier")?.success())
    }
}
