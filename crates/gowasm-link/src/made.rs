//! Symbols that the linker makes or fills in before anything is laid out.

use gowasm_goobj::AuxKind;
use gowasm_shrink::leb;

use gowasm_diagnostic::Diagnostic;

use crate::error::Error;
use crate::kind::SymKind;
use crate::load::Toolchain;
use crate::options::{BuildMode, Options};
use crate::pclntab::{Pclntab, Table};
use crate::resolve::escape_package;
use crate::symbols::{R_ADDR, R_ADDROFF, Reloc, SymId, Symbols, attr};
use crate::types::Type;

/// Variables that the linker fills in with strings, in the order given; a later value wins.
#[derive(Debug, Default)]
pub(crate) struct StringData {
    entries: Vec<(Vec<u8>, Vec<u8>)>,
    /// As the user names them, with their symbols.
    given: Vec<(String, Vec<u8>)>,
}

impl StringData {
    pub(crate) fn new(
        options: &Options,
        toolchain: &Toolchain,
        modinfo: Option<&[u8]>,
    ) -> Result<Self, Error> {
        let mut strings = StringData::default();
        if !options.goroot.is_empty() {
            strings.set(b"runtime.defaultGOROOT", options.goroot.as_bytes());
        }
        strings.set(b"runtime.buildVersion", toolchain.experiments.build_version.as_bytes());
        let (before, after) = options.definitions.split_at(options.definitions_before_importcfg);
        before.iter().try_for_each(|definition| strings.define(definition))?;
        if let Some(modinfo) = modinfo {
            strings.set(b"runtime.modinfo", modinfo);
        }
        after.iter().try_for_each(|definition| strings.define(definition))?;
        Ok(strings)
    }

    /// Takes `importpath.name=value`.
    fn define(&mut self, definition: &str) -> Result<(), Error> {
        let wrong = || {
            Error::Usage(format!(
                "-X flag requires argument of the form importpath.name=value, got {definition:?}"
            ))
        };
        let (variable, value) = definition.split_once('=').ok_or_else(wrong)?;
        let (package, name) = variable.rsplit_once('.').ok_or_else(wrong)?;
        let mut symbol = escape_package(package);
        symbol.push(b'.');
        symbol.extend_from_slice(name.as_bytes());
        self.set(&symbol, value.as_bytes());
        self.given.push((variable.to_owned(), symbol));
        Ok(())
    }

    fn set(&mut self, name: &[u8], value: &[u8]) {
        match self.entries.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value.to_vec(),
            None => self.entries.push((name.to_vec(), value.to_vec())),
        }
    }

    fn get(&self, name: &[u8]) -> &[u8] {
        self.entries.iter().find(|(known, _)| known == name).map_or(b"", |(_, value)| value)
    }

    /// What the user names and no package has: Go's linker passes over it in silence. It asks for a type
    /// as well, which functions have not.
    pub(crate) fn undefined(&self, symbols: &Symbols) -> Vec<String> {
        let variable = |name: &[u8]| symbols.aux(symbols.lookup(name)?, AuxKind::GoType);
        let mut names: Vec<String> = Vec::new();
        for (name, symbol) in &self.given {
            if variable(symbol).is_none() && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Puts the strings into the variables that are reachable.
    pub(crate) fn apply(&self, symbols: &mut Symbols) -> Result<(), Error> {
        for (name, value) in &self.entries {
            let Some(variable) = symbols.lookup(name) else { continue };
            let Some(of) = symbols.aux(variable, AuxKind::GoType) else { continue };
            if symbols.name(of) != b"type:string" {
                let shown = String::from_utf8_lossy(name);
                let of = String::from_utf8_lossy(symbols.name(of)).into_owned();
                return Err(Error::message(format!(
                    "{shown}: cannot set with -X: not a var of type string ({of})"
                )));
            }
            if !symbols.is_reachable(variable) {
                continue;
            }
            let text = symbols.define(&[name, b".str".as_slice()].concat(), SymKind::RoData);
            let payload = symbols.edit(text);
            payload.push(value);
            payload.push(&[0]);
            if symbols.kind(variable) == SymKind::Bss {
                symbols.set_kind(variable, SymKind::Data);
            }
            let payload = symbols.edit(variable);
            payload.clear();
            payload.push_address(text, 0);
            payload.push_u64(value.len() as u64);
        }
        Ok(())
    }
}

/// Of a variable that is to be set and that the program does not have.
pub(crate) fn undefined_warning(name: &str) -> Diagnostic {
    Diagnostic::warning(format!("-X names {name}, and no package has a variable of that name"))
        .hint("write importpath.name; the import path of the main package is `main`")
}

/// Symbols by which the runtime learns how it was linked. Returns the module data.
pub(crate) fn link_setup(symbols: &mut Symbols, mode: BuildMode) -> SymId {
    if mode == BuildMode::CShared {
        let library = symbols.lookup_or_make(b"runtime.islibrary");
        symbols.set_kind(library, SymKind::NoPtrData);
        let payload = symbols.edit(library);
        // The byte is appended to the variable's own size, as Go's linker does it.
        payload.data.to_mut().push(1);
        payload.size += 1;
    }
    let tls = symbols.lookup_or_make(b"runtime.tlsg");
    if symbols.kind(tls) == SymKind::Undefined {
        symbols.set_kind(tls, SymKind::TlsBss);
        symbols.edit(tls).size = 8;
    }
    symbols.set(tls, attr::REACHABLE);
    let module_data = symbols.lookup_or_make(b"runtime.firstmoduledata");
    symbols.edit(module_data).clear();
    let profile = symbols.lookup(b"runtime.memProfileInternal");
    if profile.is_some_and(|profile| !symbols.is_reachable(profile)) {
        let disable = symbols.lookup_or_make(b"runtime.disableMemoryProfiling");
        symbols.set_kind(disable, SymKind::NoPtrData);
        let payload = symbols.edit(disable);
        payload.clear();
        payload.push(&[1]);
    }
    let own_section = symbols.version.moduledata_section;
    let kind = if own_section { SymKind::ModuleData } else { SymKind::NoPtrData };
    symbols.set_kind(module_data, kind);
    symbols.set(module_data, attr::REACHABLE);
    module_data
}

/// The build ID, dressed up as the first function.
pub(crate) fn build_id(symbols: &mut Symbols, id: &str, text: &mut Vec<SymId>) -> Option<SymId> {
    if id.is_empty() {
        return None;
    }
    let symbol = symbols.define(b"go:buildid", SymKind::Text);
    let payload = symbols.edit(symbol);
    payload.push(b"\xff Go build ID: ");
    payload.push(crate::quote::quote(id).as_bytes());
    payload.push(b"\n \xff");
    text.insert(0, symbol);
    Some(symbol)
}

/// The tables of types (in the order of their strings) and itabs for run-time lookup.
pub(crate) fn link_tables(symbols: &mut Symbols) -> Result<(), Error> {
    if symbols.version.types_section {
        return Ok(());
    }
    let mut types: Vec<(&[u8], SymId)> = Vec::new();
    let mut itabs = Vec::new();
    let reader = &*symbols;
    for symbol in (1..reader.count() as u32).map(SymId).filter(|&s| reader.is_reachable(s)) {
        let flags = reader.flags(symbol);
        if flags.typelink() {
            types.push((type_string(reader, symbol)?, symbol));
        } else if flags.itab() {
            itabs.push(symbol);
        }
    }
    crate::gosort::sort_by(&mut types, |a, b| a.0 < b.0);
    let types: Vec<SymId> = types.into_iter().map(|(_, symbol)| symbol).collect();
    table(symbols, b"runtime.typelink", SymKind::TypeLink, &types, 4, R_ADDROFF);
    table(symbols, b"runtime.itablink", SymKind::ItabLink, &itabs, 8, R_ADDR);
    Ok(())
}

/// A type's string, which may be read as long as its object is mapped.
pub(crate) fn type_string<'s>(symbols: &'s Symbols, symbol: SymId) -> Result<&'s [u8], Error> {
    Type::new(symbols, symbol)?.string()
}

fn table(symbols: &mut Symbols, name: &[u8], kind: SymKind, of: &[SymId], size: u8, reloc: u16) {
    let table = symbols.define(name, kind);
    symbols.set(table, attr::LOCAL);
    let payload = symbols.edit(table);
    payload.resize(of.len() as u64 * u64::from(size));
    payload.relocs = of
        .iter()
        .enumerate()
        .map(|(i, &target)| Reloc {
            offset: (i * usize::from(size)) as i32,
            size,
            kind: reloc,
            add: 0,
            target,
        })
        .collect();
}

/// What `go version -m` reads, and a reference to it.
pub(crate) fn build_info(symbols: &mut Symbols, strings: &StringData) {
    let info = symbols.define(b"go:buildinfo", SymKind::BuildInfo);
    symbols.set_align(info, 16);
    let payload = symbols.edit(info);
    payload.push(b"\xff Go buildinf:");
    // Pointer size, and the flag for strings in place.
    payload.push(&[8, 2]);
    payload.resize(32);
    for name in [b"runtime.buildVersion".as_slice(), b"runtime.modinfo"] {
        let text = strings.get(name);
        let mut length = Vec::new();
        leb::push_unsigned(&mut length, text.len() as u64);
        payload.push(&length);
        payload.push(text);
    }
    payload.resize(payload.size.next_multiple_of(16));
    let reference = symbols.define(b"go:buildinfo.ref", SymKind::RoData);
    symbols.set_align(reference, 8);
    symbols.edit(reference).push_address(info, 0);
}

/// The tables that [`Pclntab`] planned, as symbols with a size.
#[derive(Debug, Clone)]
pub(crate) struct PclnSymbols {
    pub(crate) tables: Vec<(Table, SymId)>,
}

impl PclnSymbols {
    pub(crate) fn make(symbols: &mut Symbols, planned: &Pclntab) -> Self {
        let inside = symbols.version.funcdata_in_pclntab;
        let mut wanted: Vec<(Table, &[u8])> = vec![
            (Table::PcHeader, b"runtime.pcheader"),
            (Table::FuncNames, b"runtime.funcnametab"),
            (Table::Cu, b"runtime.cutab"),
            (Table::Files, b"runtime.filetab"),
            (Table::Pc, b"runtime.pctab"),
            (Table::Functions, b"runtime.functab"),
        ];
        if inside {
            wanted.push((Table::FuncData, b"go:func.*"));
        }
        wanted.push((Table::FindFunc, b"runtime.findfunctab"));
        let carrier = symbols.define(b"runtime.pclntab", SymKind::PclnTab);
        if inside {
            symbols.set_align(carrier, 8);
        }
        let tables = wanted
            .into_iter()
            .map(|(table, name)| {
                let in_section = inside || table != Table::FindFunc;
                let kind = if in_section { SymKind::PclnTab } else { SymKind::RoData };
                let symbol = symbols.define(name, kind);
                // Where the versions before 1.26 say nothing, the size decides.
                if inside {
                    symbols.set_align(symbol, planned.align(table));
                }
                symbols.edit(symbol).size = planned.size(table);
                (table, symbol)
            })
            .collect();
        PclnSymbols { tables }
    }

    pub(crate) fn symbol(&self, table: Table) -> SymId {
        self.tables.iter().find(|(of, _)| *of == table).map_or(SymId::NIL, |(_, symbol)| *symbol)
    }
}
