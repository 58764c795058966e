//! A Go package as the driver hands it over, and how a file of it is named on every machine.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The Go module that a package belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GoModule {
    pub path: String,
    /// The version asked for; absent for main modules and replacements by a folder.
    pub version: Option<String>,
    /// One of the Go modules that are being worked on, not a dependency.
    pub main: bool,
}

impl GoModule {
    /// `path@version`, or the path alone where there is no version.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) if !self.main => format!("{}@{version}", self.path),
            _ => self.path.clone(),
        }
    }
}

/// A package with the files that `go list` chose for the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoPackage {
    pub import_path: String,
    pub dir: PathBuf,
    /// Names inside `dir`, or absolute paths.
    pub go_files: Vec<PathBuf>,
    pub module: Option<GoModule>,
    /// Part of Go's own tree.
    pub standard: bool,
}

impl GoPackage {
    /// Of whom the package is, where it is neither Go's nor of a module that is being worked on. A
    /// replacement by a folder has no version, and is worked on.
    pub(crate) fn module_of_others(&self) -> Option<String> {
        let module = self.module.as_ref().filter(|module| !module.main)?;
        module.version.as_ref().map(|_| module.label())
    }

    /// Where a file stands, without anything that differs between machines: `$GOROOT/src/...` for Go's
    /// own, `module@version/...` for a dependency, and the path below the Go module's root for a main
    /// module; with several main modules (a workspace) the Go module's path comes first.
    pub(crate) fn place_of(&self, file: &Path, one_main_module: bool) -> String {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if self.standard {
            return format!("$GOROOT/src/{}/{name}", self.import_path);
        }
        let Some(module) = &self.module else { return name.into_owned() };
        let below = self.path_below_module(module);
        let below = if below.is_empty() { name.into_owned() } else { format!("{below}/{name}") };
        if module.main && one_main_module { below } else { format!("{}/{below}", module.label()) }
    }

    fn path_below_module(&self, module: &GoModule) -> &str {
        match self.import_path.strip_prefix(module.path.as_str()) {
            Some(rest) => rest.trim_start_matches('/'),
            // `command-line-arguments`, the package of files named on the command line.
            None => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(import_path: &str, module: Option<GoModule>, standard: bool) -> GoPackage {
        let dir = PathBuf::from("/somewhere");
        GoPackage {
            import_path: import_path.to_owned(),
            dir,
            go_files: Vec::new(),
            module,
            standard,
        }
    }

    #[test]
    fn places_name_no_machine() {
        let file = Path::new("/somewhere/f.go");
        let main = GoModule { path: "example.com/m".to_owned(), version: None, main: true };
        let dependency = GoModule {
            path: "example.com/d".to_owned(),
            version: Some("v1.2.3".to_owned()),
            main: false,
        };
        let place = |path, module, standard| package(path, module, standard).place_of(file, true);
        assert_eq!(place("net/http", None, true), "$GOROOT/src/net/http/f.go");
        assert_eq!(place("example.com/m", Some(main.clone()), false), "f.go");
        assert_eq!(place("example.com/m/a/b", Some(main.clone()), false), "a/b/f.go");
        assert_eq!(
            place("example.com/d/x", Some(dependency), false),
            "example.com/d@v1.2.3/x/f.go"
        );
        assert_eq!(place("command-line-arguments", None, false), "f.go");
        let workspace = package("example.com/m/a", Some(main), false);
        assert_eq!(workspace.place_of(file, false), "example.com/m/a/f.go");
    }
}
