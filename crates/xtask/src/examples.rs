//! The examples, and how each is built.

use crate::project;
use std::path::PathBuf;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Example {
    pub(crate) name: &'static str,
    pub(crate) build_mode: &'static str,
}

pub(crate) const EXAMPLES: [Example; 5] = [
    Example { name: "calc", build_mode: "c-shared" },
    Example { name: "greeter", build_mode: "c-shared" },
    Example { name: "callback", build_mode: "exe" },
    Example { name: "proxy-wasm", build_mode: "c-shared" },
    Example { name: "go-plugin", build_mode: "c-shared" },
];

impl Example {
    pub(crate) fn dir(&self) -> PathBuf {
        project::root().join("examples").join(self.name)
    }

    pub(crate) fn plan(&self) -> PathBuf {
        self.dir().join(format!("{}.plan.toml", self.name))
    }
}
