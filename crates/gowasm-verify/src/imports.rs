//! What stands behind each import of a module, whatever engine runs it: WASI, the plan's functions,
//! or a trap that names the import.

use crate::guest::{Guest, Stop};
use crate::plan::Checked;
use crate::value::Val;
use crate::verdict::MissingImport;
use crate::{host, wasi};
use gowasm_diagnostic::Position;
use gowasm_directive::interface::{Interface, Item, ModuleImport};
use gowasm_directive::{FuncType, Manifest, WasmType};
use std::collections::HashMap;
use std::str::FromStr;

/// What becomes of imports that neither WASI nor a plan supplies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum MissingImports {
    /// A call of one traps.
    #[default]
    Trap,
    /// One is enough for a failed verdict, called or not.
    Refuse,
    /// The first call of one ends the run of a command, or the initialisation of a reactor, and what came
    /// before it is what is verified.
    Stop,
}

impl MissingImports {
    pub const ALL: [MissingImports; 3] =
        [MissingImports::Trap, MissingImports::Refuse, MissingImports::Stop];

    pub fn as_str(self) -> &'static str {
        match self {
            MissingImports::Trap => "trap",
            MissingImports::Refuse => "refuse",
            MissingImports::Stop => "stop",
        }
    }
}

impl FromStr for MissingImports {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = MissingImports::ALL.into_iter().find(|one| one.as_str() == text);
        found.ok_or_else(|| format!("must be trap, refuse or stop, not `{text}`"))
    }
}

pub(crate) struct Import {
    pub(crate) module: String,
    pub(crate) name: String,
    pub(crate) signature: FuncType,
    what: What,
    /// Of the directive.
    place: Option<Position>,
}

enum What {
    Wasi(wasi::Function),
    /// The plan's function of this number.
    Host(usize),
    Missing,
}

/// Of an import's directive.
pub(crate) fn position(manifest: Option<&Manifest>, module: &str, name: &str) -> Option<Position> {
    let mut imports = manifest?.imports.iter();
    let same = imports.find(|one| one.module == module && one.name == name)?;
    Some(same.go.as_ref()?.position.clone())
}

/// The module's imports in their order, or why it cannot be run.
pub(crate) fn bind(
    interface: &Interface,
    plan: &Checked,
    manifest: Option<&Manifest>,
) -> Result<Vec<Import>, String> {
    let mut of_plan = HashMap::new();
    for (number, host) in plan.hosts.iter().enumerate() {
        of_plan.entry((host.module.as_str(), host.name.as_str())).or_insert(number);
    }
    let mut places = HashMap::new();
    for one in manifest.into_iter().flat_map(|manifest| &manifest.imports) {
        let place = one.go.as_ref().map(|go| &go.position);
        places.entry((one.module.as_str(), one.name.as_str())).or_insert(place);
    }
    let bind = |import: &ModuleImport| {
        let (module, name) = (import.module.as_str(), import.name.as_str());
        let Item::Func(signature) = &import.item else {
            return Err(format!(
                "the import `{module}.{name}` is no function; Go imports only functions"
            ));
        };
        let mut types = signature.params.iter().chain(&signature.results);
        if types.any(|wasm| matches!(wasm, WasmType::V128 | WasmType::Ref)) {
            return Err(format!(
                "the import `{module}.{name}` is {signature}: a verification has no such type"
            ));
        }
        let of_plan = of_plan.get(&(module, name));
        let what = match (wasi::lookup(module, name, signature)?, of_plan) {
            (Some(function), _) => What::Wasi(function),
            (None, Some(number)) => What::Host(*number),
            (None, None) => What::Missing,
        };
        let place = places.get(&(module, name)).copied().flatten().cloned();
        let (module, name) = (module.to_owned(), name.to_owned());
        Ok(Import { module, name, signature: signature.clone(), what, place })
    };
    interface.imports.iter().map(bind).collect()
}

impl Import {
    pub(crate) fn call(&self, guest: &mut dyn Guest, args: &[Val]) -> Result<Option<Val>, Stop> {
        match self.what {
            What::Wasi(function) => {
                let errno = wasi::call(function, guest, args)?;
                Ok((!self.signature.results.is_empty()).then_some(Val::I32(errno.into())))
            }
            What::Host(number) => host::call(guest, number, args),
            What::Missing => Err(Stop::Missing(self.shown())),
        }
    }

    fn shown(&self) -> MissingImport {
        let Import { module, name, place, .. } = self;
        MissingImport { module: module.clone(), name: name.clone(), position: place.clone() }
    }
}

/// Those that trap when they are called.
pub(crate) fn missing(imports: &[Import]) -> Vec<MissingImport> {
    imports
        .iter()
        .filter(|import| matches!(import.what, What::Missing))
        .map(Import::shown)
        .collect()
}
