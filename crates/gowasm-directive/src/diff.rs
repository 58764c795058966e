//! Two interfaces of one module, older and newer: what a host that was made for the older one would
//! notice.

use crate::interface::ItemKind;
use crate::manifest::{GoFunction, Manifest};
use crate::wasm::{FuncType, WasmType};
use gowasm_diagnostic::printable;
use serde::Serialize;
use std::collections::HashMap;
use std::fmt;

/// Whether a host made for the older module can go on with the newer one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    Breaking,
    Compatible,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    pub effect: Effect,
    /// What changed, such as `` export `add` ``.
    pub what: String,
    pub how: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effect = match self.effect {
            Effect::Breaking => "breaking",
            Effect::Compatible => "compatible",
        };
        write!(f, "{effect}: {}", printable::line(&format!("{} {}", self.what, self.how)))
    }
}

/// Breaking changes first, each in the order of names.
pub fn diff(old: &Manifest, new: &Manifest) -> Vec<Change> {
    let mut changes = target(old, new);
    changes.extend(exports(old, new));
    changes.extend(imports(old, new));
    changes.sort_by(|a, b| (a.effect, &a.what).cmp(&(b.effect, &b.what)));
    changes
}

fn change(effect: Effect, what: impl Into<String>, how: impl Into<String>) -> Change {
    Change { effect, what: what.into(), how: how.into() }
}

fn target(old: &Manifest, new: &Manifest) -> Vec<Change> {
    let mut changes = Vec::new();
    if let (Some(old), Some(new)) = (old.build_mode, new.build_mode)
        && old != new
    {
        changes.push(change(Effect::Breaking, "the build mode", format!("was {old} and is {new}")));
    }
    if let (Some(old), Some(new)) = (old.goos, new.goos)
        && old != new
    {
        changes.push(change(Effect::Breaking, "GOOS", format!("was {old} and is {new}")));
    }
    changes
}

fn exports(old: &Manifest, new: &Manifest) -> Vec<Change> {
    let mut changes = Vec::new();
    let named = |manifest: &'_ Manifest| -> HashMap<String, usize> {
        let names = manifest.exports.iter().enumerate().rev();
        names.map(|(number, export)| (export.name.clone(), number)).collect()
    };
    let (of_old, of_new) = (named(old), named(new));
    for before in &old.exports {
        let what = format!("export `{}`", before.name);
        let Some(after) = of_new.get(&before.name).map(|number| &new.exports[*number]) else {
            changes.push(change(Effect::Breaking, what, "is gone"));
            continue;
        };
        let was = Shape { kind: before.kind, params: &before.params, results: &before.results };
        let is = Shape { kind: after.kind, params: &after.params, results: &after.results };
        changes.extend(types(what, was, is, before.go.as_ref(), after.go.as_ref()));
    }
    let added = new.exports.iter().filter(|export| !of_old.contains_key(&export.name));
    changes.extend(
        added.map(|export| {
            change(Effect::Compatible, format!("export `{}`", export.name), "is new")
        }),
    );
    changes
}

/// A host supplies what the module imports: it need not know what is not asked for any more.
fn imports(old: &Manifest, new: &Manifest) -> Vec<Change> {
    let mut changes = Vec::new();
    let named = |manifest: &'_ Manifest| -> HashMap<(String, String), usize> {
        let names = manifest.imports.iter().enumerate().rev();
        names.map(|(number, one)| ((one.module.clone(), one.name.clone()), number)).collect()
    };
    let (of_old, of_new) = (named(old), named(new));
    for after in &new.imports {
        let what = format!("import `{}.{}`", after.module, after.name);
        let same = of_old.get(&(after.module.clone(), after.name.clone()));
        let Some(before) = same.map(|number| &old.imports[*number]) else {
            changes.push(change(Effect::Breaking, what, "is new: a host must supply it"));
            continue;
        };
        let was = Shape { kind: before.kind, params: &before.params, results: &before.results };
        let is = Shape { kind: after.kind, params: &after.params, results: &after.results };
        changes.extend(types(what, was, is, before.go.as_ref(), after.go.as_ref()));
    }
    let kept = |module: &str, name: &str| of_new.contains_key(&(module.into(), name.into()));
    let gone = old.imports.iter().filter(|import| !kept(&import.module, &import.name));
    changes.extend(gone.map(|import| {
        let what = format!("import `{}.{}`", import.module, import.name);
        change(Effect::Compatible, what, "is gone")
    }));
    changes
}

#[derive(PartialEq)]
struct Shape<'m> {
    kind: ItemKind,
    params: &'m Option<Vec<WasmType>>,
    results: &'m Option<Vec<WasmType>>,
}

impl fmt::Display for Shape<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.params, self.results) {
            (Some(params), Some(results)) => {
                FuncType { params: params.clone(), results: results.clone() }.fmt(f)
            }
            _ => write!(f, "a {}", format!("{:?}", self.kind).to_lowercase()),
        }
    }
}

fn types(
    what: String,
    was: Shape<'_>,
    is: Shape<'_>,
    old: Option<&GoFunction>,
    new: Option<&GoFunction>,
) -> Option<Change> {
    if was != is {
        return Some(change(Effect::Breaking, what, format!("was {was} and is {is}")));
    }
    // The words of the source: another name may stand for the same type.
    let (old, new) = (old.map(go_types)?, new.map(go_types)?);
    (old != new).then(|| {
        let how = format!("was {old} in Go and is {new}, which is the same to wasm");
        change(Effect::Compatible, what, how)
    })
}

fn go_types(function: &GoFunction) -> String {
    let list = |list: &[crate::manifest::GoParameter]| {
        list.iter().map(|one| one.go_type.as_str()).collect::<Vec<_>>().join(", ")
    };
    format!("({}) -> ({})", list(&function.params), list(&function.results))
}
