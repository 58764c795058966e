//! Which names in a folder can change what Go makes of it.

use gowasm_store::Digest;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Names {
    /// Those that Go may take for a source of the package.
    Sources,
    /// All of them: the folder is embedded.
    All,
}

const SOURCES: &[&str] = &[
    "go", "c", "cc", "cpp", "cxx", "m", "h", "hh", "hpp", "hxx", "f", "F", "for", "f90", "s", "S",
    "sx", "swig", "swigcxx", "syso",
];

impl Names {
    fn counts(self, name: &str) -> bool {
        match self {
            Names::Sources => {
                let extension =
                    Path::new(name).extension().and_then(|extension| extension.to_str());
                let source = extension.is_some_and(|extension| SOURCES.contains(&extension));
                let ignored = name.starts_with(['.', '_']) || name.ends_with("_test.go");
                (source && !ignored) || matches!(name, "go.mod" | "default.pgo")
            }
            // Our own files on their way to a name, too: Go embeds what is there.
            Names::All => true,
        }
    }
}

/// A digest of the names that count.
pub(crate) fn names(dir: &Path, which: Names) -> io::Result<[u8; 32]> {
    let mut names = Vec::new();
    for entry in dir.read_dir()? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if which.counts(&name) {
            names.push(name.into_owned());
        }
    }
    names.sort_unstable();
    Ok(Digest::of(names.join("/").as_bytes()).hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_count_in_a_package() {
        for name in ["a.go", "a.s", "x.syso", "go.mod", "default.pgo"] {
            assert!(Names::Sources.counts(name), "{name}");
        }
        for name in ["a_test.go", "_a.go", ".a.go", "m.wasm", "README.md", "sub", ".gowasm-1.tmp"] {
            assert!(!Names::Sources.counts(name), "{name}");
        }
        assert!(Names::All.counts("m.wasm") && Names::All.counts(".gowasm-1.tmp"));
    }
}
