//! Where in the source something is, for messages: the place of a function from what the compiler
//! says about it, that of a directive from the source file itself, when it can be read.

use std::fs;
use std::path::Path;

use gowasm_diagnostic::Position;

use crate::pclntab::file_name;
use crate::symbols::{ObjId, SymId, Symbols};

/// Source files that are longer are not looked into.
const MAX_SOURCE: u64 = 8 << 20;

/// Where a function is declared.
pub(crate) fn of_function(symbols: &Symbols, function: SymId) -> Option<Position> {
    let object = symbols.object_of(function)?;
    let info = symbols.func_info(function).ok()??;
    let file = symbols.object(object).file.file(info.files().next()? as usize)?;
    let line = u32::try_from(info.start_line()).ok().filter(|line| *line > 0)?;
    // A declaration starts its line.
    Some(Position::new(shown(&file_name(file)), line, 1))
}

/// The directive above a function, or the function where its source cannot be read.
pub(crate) fn of_directive(
    symbols: &Symbols,
    function: SymId,
    directive: &str,
) -> Option<Position> {
    let declared = of_function(symbols, function)?;
    let text = read(Path::new(&declared.path));
    let above = text.as_deref().unwrap_or_default().lines().enumerate();
    let found =
        above.take(declared.line as usize).filter(|(_, line)| line.starts_with(directive)).last();
    Some(match found {
        Some((before, _)) => Position::new(declared.path, before as u32 + 1, 1),
        None => declared,
    })
}

/// The `//go:linkname` by which an object's package refers to a name.
pub(crate) fn of_linkname(symbols: &Symbols, object: ObjId, name: &str) -> Option<Position> {
    let file = symbols.object(object).file;
    (0..file.file_count()).find_map(|index| {
        let path = shown(&file_name(file.file(index)?));
        let text = read(Path::new(&path))?;
        let mut lines = text.lines().zip(1..);
        lines.find_map(|(line, number)| {
            let mut words = line.strip_prefix("//go:linkname")?.split_ascii_whitespace();
            (words.nth(1) == Some(name)).then(|| Position::new(path.clone(), number, 1))
        })
    })
}

fn read(path: &Path) -> Option<String> {
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_SOURCE {
        return None;
    }
    fs::read_to_string(path).ok()
}

/// Relative to where the command was started when it lies below.
fn shown(path: &str) -> String {
    let below = std::env::current_dir().ok().and_then(|folder| {
        Some(Path::new(path).strip_prefix(folder).ok()?.to_string_lossy().into_owned())
    });
    below.unwrap_or_else(|| path.to_owned())
}
