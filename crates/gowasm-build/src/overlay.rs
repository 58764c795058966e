//! `-overlay`: files that stand in for others. Go reads them in the others' places, and so do we.

use crate::flags;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Default, Deserialize)]
pub(crate) struct Overlay {
    #[serde(rename = "Replace", default)]
    replace: HashMap<PathBuf, PathBuf>,
}

impl Overlay {
    /// What the flags name, in the folder that Go runs in. A file that cannot be read is Go's to refuse.
    pub(crate) fn of(goflags: &[String], dir: &Path) -> Self {
        let named = flags::of_goflags(goflags, "overlay").filter(|name| !name.is_empty());
        let text = named.and_then(|name| std::fs::read(dir.join(name)).ok());
        let read = text.and_then(|text| serde_json::from_slice(&text).ok());
        let Overlay { replace } = read.unwrap_or_default();
        let absolute = |(path, by)| (dir.join::<PathBuf>(path), dir.join::<PathBuf>(by));
        Overlay { replace: replace.into_iter().map(absolute).collect() }
    }

    /// Where the content of a package's file is: its name in the package's folder, or a path.
    pub(crate) fn place(&self, dir: &Path, file: &str) -> PathBuf {
        self.replace.get(&dir.join(file)).cloned().unwrap_or_else(|| PathBuf::from(file))
    }
}
