//! The errors of a link that Go's linker reports with less: who refers to what, and where.

use crate::error::Error;
use crate::symbols::{ObjId, SymId, Symbols};

/// Two packages define one symbol, and neither may be dropped.
pub(crate) fn duplicate_definition(
    symbols: &Symbols,
    first: SymId,
    second: ObjId,
    at: u32,
) -> Error {
    let object = symbols.object(second);
    let name = String::from_utf8_lossy(object.file.name(at)).into_owned();
    let place = |object: Option<ObjId>| match object {
        Some(object) => {
            let library = &symbols.libraries[symbols.object(object).library.index()];
            format!("package {} ({})", library.package, library.file.display())
        }
        None => "the linker".to_owned(),
    };
    Error::hinted(
        format!(
            "symbol {name} is defined twice: in {} and in {}",
            place(symbols.object_of(first)),
            place(Some(second))
        ),
        "two packages link the same name; rename one of them",
    )
}
