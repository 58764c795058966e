//! What Go says about packages, for those who read more of it than a build does.

use crate::packages::Question;
use crate::toolchain::{self, Asking};
use crate::{Failure, Progress};
use gowasm_directive::Goos;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub struct List<'a> {
    /// Where Go is run. Absolute.
    pub dir: &'a Path,
    pub goos: Goos,
    pub tags: &'a [String],
    /// A Go to use instead of the one in `GOWASM_GO` or on the path.
    pub go: Option<PathBuf>,
    /// After `go list -deps`.
    pub flags: &'a [&'a str],
    pub packages: &'a [String],
}

/// The packages and all they need, each after what it imports; perhaps none.
pub fn list<T: DeserializeOwned>(
    request: &List<'_>,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Vec<T>, Failure> {
    let List { dir, goos, tags, go, flags, packages } = request;
    let go = toolchain::find(go.as_deref(), dir)?;
    let asking = Asking { go: &go, dir, goos: *goos, offline: false, progress, cancel };
    let toolchain = asking.toolchain()?;
    let flags: Vec<&str> = ["-deps"].iter().chain(*flags).copied().collect();
    let question = Question { dir, goos: *goos, tags, flags: &flags, packages, environment: &[] };
    question.ask_for(&toolchain, progress, cancel)
}
