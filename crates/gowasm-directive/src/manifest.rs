//! The manifest: a module's interface as JSON, the same bytes on every machine.

use crate::compare;
use crate::directives::{Directives, Function, Parameter};
use crate::interface::{self, Interface, Item, ItemKind};
use crate::target::{BuildMode, Goos, Target};
use crate::wasm::WasmType;
use gowasm_diagnostic::{Diagnostic, Position};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Raised when a field goes or changes its meaning; added fields leave it as it is.
pub const SCHEMA: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema: u32,
    /// Import path of the Go package; absent in a manifest that was read from a module.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<String>,
    /// Absent where the module does not tell, because Go's linker did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_mode: Option<BuildMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goos: Option<Goos>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go_version: Option<String>,
    pub module: ModuleDigest,
    /// In the module's order.
    pub exports: Vec<ManifestExport>,
    pub imports: Vec<ManifestImport>,
}

/// What the module's bytes are known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleDigest {
    pub sha256: String,
    pub size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestExport {
    pub name: String,
    pub kind: ItemKind,
    /// Of a function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Vec<WasmType>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<WasmType>>,
    /// Absent for what Go's linker exports by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<GoFunction>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestImport {
    pub module: String,
    pub name: String,
    pub kind: ItemKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub params: Option<Vec<WasmType>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub results: Option<Vec<WasmType>>,
    /// Absent for what Go's runtime imports from assembly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub go: Option<GoFunction>,
}

/// The Go side of an export or import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoFunction {
    pub function: String,
    pub package: String,
    /// `path@version`, or the path alone for a main module; absent for Go's own packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    pub params: Vec<GoParameter>,
    pub results: Vec<GoParameter>,
    /// Of the directive, without anything that differs between machines.
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoParameter {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As written in the source.
    #[serde(rename = "type")]
    pub go_type: String,
}

impl Manifest {
    /// The manifest of a module that was just linked. The directives are held against its import and
    /// export sections, and every difference is an error at the directive's position.
    pub fn build(
        directives: &Directives,
        target: Target,
        package: &str,
        go_version: &str,
        module: &[u8],
    ) -> Result<Manifest, Vec<Diagnostic>> {
        let interface = interface::read(module).map_err(|fault| vec![fault])?;
        let differences = compare::compare(directives, target, &interface);
        if !differences.is_empty() {
            return Err(differences);
        }
        Ok(Manifest {
            package: Some(package.to_owned()),
            build_mode: Some(target.build_mode),
            goos: Some(target.goos),
            go_version: Some(go_version.to_owned()),
            ..Manifest::of_interface(module, &interface, Some(directives))
        })
    }

    /// What a module alone tells: no Go types and no positions, unless its manifest is embedded.
    pub fn from_module(module: &[u8]) -> Result<Manifest, Diagnostic> {
        let interface = interface::read(module)?;
        let target = deduce_target(&interface);
        let plain = Manifest {
            build_mode: target.map(|target| target.build_mode),
            goos: target.map(|target| target.goos),
            go_version: interface.go_version.clone(),
            ..Manifest::of_interface(module, &interface, None)
        };
        let section = interface.manifest.as_deref();
        let embedded = section.and_then(|section| Manifest::embedded(section, &plain, &interface));
        Ok(embedded.unwrap_or(plain))
    }

    /// Reads a manifest file. The bytes may be anything.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, String> {
        let manifest: Manifest =
            serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if manifest.schema > SCHEMA {
            return Err(format!(
                "its schema is {}, and this gowasm knows {SCHEMA}",
                manifest.schema
            ));
        }
        Ok(manifest)
    }

    /// The text of a manifest file.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists of them: there is nothing in it that JSON cannot hold.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    fn of_interface(
        module: &[u8],
        interface: &Interface,
        directives: Option<&Directives>,
    ) -> Manifest {
        let mut of_exports = HashMap::new();
        for one in directives.into_iter().flat_map(|directives| &directives.exports) {
            of_exports.entry(one.name.as_str()).or_insert(&one.function);
        }
        let of_imports = directives.map(compare::Matching::new);
        let exports = interface.exports.iter().map(|export| {
            let (params, results) = types(&export.item);
            let go = of_exports.get(export.name.as_str()).map(|function| GoFunction::of(function));
            let (name, kind) = (export.name.clone(), export.item.kind());
            ManifestExport { name, kind, params, results, go }
        });
        let imports = interface.imports.iter().map(|import| {
            let (params, results) = types(&import.item);
            let all = of_imports.as_ref().map(|all| all.of(import)).unwrap_or_default();
            let fits = |signature| Some(signature) == import.item.func_type().cloned();
            let exact = all.iter().find(|one| one.signature().is_some_and(fits));
            let go = exact.or(all.first()).map(|one| GoFunction::of(&one.function));
            let (host, name, kind) =
                (import.module.clone(), import.name.clone(), import.item.kind());
            ManifestImport { module: host, name, kind, params, results, go }
        });
        Manifest {
            schema: SCHEMA,
            package: None,
            build_mode: None,
            goos: None,
            go_version: None,
            module: ModuleDigest::of(module),
            exports: exports.collect(),
            imports: imports.collect(),
        }
    }
}

impl ModuleDigest {
    pub fn of(module: &[u8]) -> Self {
        let hash = Sha256::digest(module);
        let sha256 = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        ModuleDigest { sha256, size: module.len() as u64 }
    }
}

impl GoFunction {
    fn of(function: &Function) -> Self {
        let list = |parameters: &[Parameter]| parameters.iter().map(GoParameter::of).collect();
        GoFunction {
            function: function.name.clone(),
            package: function.package.clone(),
            module: function.module.clone(),
            params: list(&function.params),
            results: list(&function.results),
            position: function.place.clone(),
        }
    }
}

impl GoParameter {
    fn of(parameter: &Parameter) -> Self {
        GoParameter { name: parameter.name.clone(), go_type: parameter.go_type.clone() }
    }
}

fn types(item: &Item) -> (Option<Vec<WasmType>>, Option<Vec<WasmType>>) {
    match item.func_type() {
        Some(func_type) => (Some(func_type.params.clone()), Some(func_type.results.clone())),
        None => (None, None),
    }
}

/// The target whose own exports the module has, if there is exactly one.
fn deduce_target(interface: &Interface) -> Option<Target> {
    let targets = [
        Target { goos: Goos::Wasip1, build_mode: BuildMode::Exe },
        Target { goos: Goos::Wasip1, build_mode: BuildMode::CShared },
        Target { goos: Goos::Js, build_mode: BuildMode::Exe },
    ];
    let has =
        |name: &str, kind| interface.export(name).is_some_and(|export| export.item.kind() == kind);
    let fits = |target: &&Target| {
        has(target.own_memory(), ItemKind::Memory)
            && target.own_functions().iter().all(|name| has(name, ItemKind::Func))
    };
    let mut fitting = targets.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(target), None) => Some(*target),
        _ => None,
    }
}
