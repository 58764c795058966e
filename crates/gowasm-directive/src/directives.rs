//! All directives of a build: what the scan found, for the rules and the manifest to judge.

use crate::wasm::{FuncType, WasmType};
use gowasm_diagnostic::{Diagnostic, Position};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// The directives of a set of packages, in the order of the packages, files and lines.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Directives {
    pub exports: Vec<Export>,
    pub imports: Vec<Import>,
    /// The functions `main`: one, unless packages are judged together that are no one program.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) mains: Vec<Main>,
    /// What is wrong whatever the target, each with the import path of its package.
    /// Not part of the JSON: whoever scans says them.
    #[serde(skip)]
    pub(crate) findings: Vec<(String, Diagnostic)>,
}

/// `func main` of a package main.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Main {
    pub(crate) package: String,
    pub(crate) position: Position,
    /// It has statements, and the package calls it nowhere.
    pub(crate) waits_to_run: bool,
}

/// `//go:wasmexport name` and the function under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Export {
    pub name: String,
    pub function: Function,
}

/// `//go:wasmimport module name` and the function under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    pub module: String,
    pub name: String,
    pub function: Function,
}

/// A Go function that a directive stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Its name in Go.
    pub name: String,
    pub params: Vec<Parameter>,
    pub results: Vec<Parameter>,
    /// Of the directive, as shown to the user.
    pub position: Position,
    /// Of the directive, the same on every machine.
    pub place: Position,
    /// Import path of the package.
    pub package: String,
    /// What the package clause says.
    pub package_name: String,
    /// The Go module, `path@version`; absent for Go's own packages.
    pub module: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Absent, or `_`, where Go's source names none.
    pub name: Option<String>,
    /// The Go type as written.
    pub go_type: String,
    /// What it is in the wasm function (a string is two values); `None` where that takes types of
    /// another package to tell.
    pub wasm: Option<Vec<WasmType>>,
}

/// Functions of this host module get Go's stack pointer instead of their parameters.
pub(crate) const GOJS: &str = "gojs";

impl Export {
    /// Whether the function is `main` of a package main.
    pub(crate) fn is_main(&self) -> bool {
        self.function.name == "main" && self.function.package_name == "main"
    }

    /// The wasm type, if the sources of the package alone tell it.
    pub fn signature(&self) -> Option<FuncType> {
        self.function.signature()
    }
}

impl Import {
    /// The wasm type, if the sources of the package alone tell it.
    pub fn signature(&self) -> Option<FuncType> {
        if self.module == GOJS {
            return Some(FuncType { params: vec![WasmType::I32], results: Vec::new() });
        }
        self.function.signature()
    }
}

impl Function {
    /// The Go module, where it is one that somebody else released.
    pub(crate) fn module_of_others(&self) -> Option<String> {
        self.module.clone().filter(|module| module.contains('@'))
    }

    fn signature(&self) -> Option<FuncType> {
        let flat = |list: &[Parameter]| -> Option<Vec<WasmType>> {
            let parts: Option<Vec<_>> =
                list.iter().map(|parameter| parameter.wasm.clone()).collect();
            Some(parts?.concat())
        };
        Some(FuncType { params: flat(&self.params)?, results: flat(&self.results)? })
    }
}

impl Directives {
    /// Only what the given packages say: the closure of one package out of a scan of several.
    pub fn of_packages(&self, import_paths: &HashSet<&str>) -> Directives {
        let within = |package: &String| import_paths.contains(package.as_str());
        Directives {
            exports: self.exports.iter().filter(|e| within(&e.function.package)).cloned().collect(),
            imports: self.imports.iter().filter(|i| within(&i.function.package)).cloned().collect(),
            mains: self.mains.iter().filter(|main| within(&main.package)).cloned().collect(),
            findings: self
                .findings
                .iter()
                .filter(|(package, _)| within(package))
                .cloned()
                .collect(),
        }
    }

    /// What is wrong whatever the target; [`Directives::check`] no longer says it.
    pub fn take_findings(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.findings).into_iter().map(|(_, finding)| finding).collect()
    }

    /// For a build whose shown paths are the same on every machine.
    pub fn place_as_shown(&mut self) {
        let exports = self.exports.iter_mut().map(|export| &mut export.function);
        let imports = self.imports.iter_mut().map(|import| &mut import.function);
        exports.chain(imports).for_each(|function| function.place = function.position.clone());
    }

    /// Adds the directives of further packages.
    pub fn append(&mut self, other: Directives) {
        self.exports.extend(other.exports);
        self.imports.extend(other.imports);
        self.mains.extend(other.mains);
        self.findings.extend(other.findings);
    }
}
