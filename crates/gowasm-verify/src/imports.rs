//! What stands behind each import of a module, whatever engine runs it: WASI, the plan's functions,
//! or a trap that names the import.

use crate::guest::{Guest, Stop};
use crate::plan::Checked;
use crate::value::Val;
use crate::verdict::MissingImport;
use crate::{host, wasi};
use gowasm_diagnostic::Position;
use gowasm_directive::interface::{Interface, Item, ModuleImport};
use gowasm_directive::{FuncType, Manifest, WasmType, wasip1};

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

/// The module's imports in their order, or why it cannot be run.
pub(crate) fn bind(
    interface: &Interface,
    plan: &Checked,
    manifest: Option<&Manifest>,
) -> Result<Vec<Import>, String> {
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
        let of_plan = plan.hosts.iter().position(|host| host.module == module && host.name == name);
        let what = match (wasi::lookup(module, name, signature)?, of_plan) {
            (Some(function), _) => What::Wasi(function),
            (None, Some(number)) => What::Host(number),
            (None, None) => What::Missing,
        };
        let place = manifest.and_then(|manifest| {
            let mut imports = manifest.imports.iter();
            let same = imports.find(|one| one.module == module && one.name == name)?;
            Some(same.go.as_ref()?.position.clone())
        });
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
            What::Missing => Err(Stop::Trap(self.missing())),
        }
    }

    fn missing(&self) -> String {
        let import = self.shown();
        match self.module.as_str() {
            wasip1::MODULE => format!("{import} was called, which this host does not have"),
            _ => format!("{import} was called, and no [[host]] of a plan supplies it"),
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
