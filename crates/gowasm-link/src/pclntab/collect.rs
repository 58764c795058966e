//! What the compiler says about each function, read in parallel.

use gowasm_goobj::{AuxKind, FuncInfo};
use rayon::prelude::*;

use super::CHUNK;
use super::told::Told;
use crate::error::Error;
use crate::size::Size;
use crate::symbols::{ObjId, SymId, Symbols};

/// Some functions in a row and, in one list for all of them, what belongs to them.
pub(super) struct Chunk<'a> {
    pub(super) functions: Vec<Function<'a>>,
    /// Per-PC tables and function data.
    pub(super) auxiliary: Vec<SymId>,
    /// Inlined calls.
    pub(super) calls: Vec<Call>,
}

pub(super) struct Function<'a> {
    pub(super) symbol: SymId,
    pub(super) object: Option<ObjId>,
    /// `None` for functions the compiler says nothing about, such as those the linker makes.
    pub(super) info: Option<FuncInfo<'a>>,
    pub(super) pc_sp: SymId,
    pub(super) pc_file: SymId,
    pub(super) pc_line: SymId,
    pub(super) pc_inline: SymId,
    /// Places in [`Chunk::auxiliary`]: per-PC tables from here on, function data after them.
    first_aux: u32,
    first_func_data: u32,
    end_aux: u32,
    first_call: u32,
    pub(super) call_count: u32,
    /// Decided by the passes that follow.
    pub(super) inline_tree: super::funcdata::InlinePlace,
    pub(super) start: u32,
}

/// An inlined call: who, and at which PC of its caller.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) function: SymId,
    pub(super) parent_pc: i32,
}

/// Where among the per-PC tables the one of inlined calls is.
pub(super) const PCDATA_INLINE: usize = 2;
/// Where among the function data the inline tree is.
pub(super) const FUNCDATA_INLINE: usize = 3;
/// Function data that an assembly function claims to have, whether anybody wrote it or not.
const FUNCDATA_OPTIONAL: [usize; 2] = [0, 5];

impl<'a> Chunk<'a> {
    pub(super) fn pc_data(&self, function: &Function) -> &[SymId] {
        &self.auxiliary[function.first_aux as usize..function.first_func_data as usize]
    }

    fn func_data(&self, function: &Function) -> &[SymId] {
        &self.auxiliary[function.first_func_data as usize..function.end_aux as usize]
    }

    pub(super) fn calls(&self, function: &Function) -> &[Call] {
        &self.calls[function.first_call as usize..][..function.call_count as usize]
    }

    pub(super) fn pc_data_count(&self, function: &Function) -> usize {
        let count = self.pc_data(function).len();
        if function.call_count > 0 { count.max(PCDATA_INLINE + 1) } else { count }
    }

    pub(super) fn func_data_count(&self, function: &Function) -> usize {
        let count = self.func_data(function).len();
        if function.call_count > 0 { count.max(FUNCDATA_INLINE + 1) } else { count }
    }

    /// The function data at each place: the inline tree, a symbol, or nothing.
    pub(super) fn func_data_items(
        &self,
        symbols: &Symbols,
        function: &Function,
    ) -> impl Iterator<Item = Item> {
        let given = self.func_data(function);
        let assembly =
            function.object.is_some_and(|object| symbols.object(object).file.is_from_assembly());
        (0..self.func_data_count(function)).map(move |place| {
            if place == FUNCDATA_INLINE && function.call_count > 0 {
                return Item::InlineTree;
            }
            let symbol = given.get(place).copied().unwrap_or_default();
            let unwritten = || {
                assembly && FUNCDATA_OPTIONAL.contains(&place) && symbols.data(symbol).is_empty()
            };
            if symbol.is_nil() || unwritten() { Item::Nothing } else { Item::Symbol(symbol) }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Nothing,
    InlineTree,
    Symbol(SymId),
}

/// Reads all functions. The error is the first one in their order.
pub(super) fn functions<'a>(
    symbols: &Symbols<'a>,
    text: &[SymId],
    size: Size,
) -> Result<Vec<Chunk<'a>>, Error> {
    let told = Told::of(symbols, size);
    let chunks = text.par_chunks(CHUNK).map(|chunk| read_chunk(symbols, chunk, &told));
    chunks.collect::<Vec<_>>().into_iter().collect()
}

fn read_chunk<'a>(symbols: &Symbols<'a>, text: &[SymId], told: &Told) -> Result<Chunk<'a>, Error> {
    let mut chunk = Chunk {
        functions: Vec::with_capacity(text.len()),
        auxiliary: Vec::new(),
        calls: Vec::new(),
    };
    let mut func_data = Vec::new();
    for &symbol in text {
        let mut function = Function {
            symbol,
            object: symbols.object_of(symbol),
            info: info_of(symbols, symbol)?,
            pc_sp: SymId::NIL,
            pc_file: SymId::NIL,
            pc_line: SymId::NIL,
            pc_inline: SymId::NIL,
            first_aux: chunk.auxiliary.len() as u32,
            first_func_data: chunk.auxiliary.len() as u32,
            end_aux: chunk.auxiliary.len() as u32,
            first_call: chunk.calls.len() as u32,
            call_count: 0,
            inline_tree: super::funcdata::InlinePlace::default(),
            start: 0,
        };
        if function.info.is_some() {
            read_auxiliary(symbols, &mut chunk, &mut function, &mut func_data, told)?;
            if told.has_inlined(symbols, &function) {
                read_calls(symbols, &mut chunk, &mut function)?;
            }
        }
        chunk.functions.push(function);
    }
    Ok(chunk)
}

/// The function-information symbol is always one of the function's own object.
pub(super) fn info_of<'a>(
    symbols: &Symbols<'a>,
    function: SymId,
) -> Result<Option<FuncInfo<'a>>, Error> {
    let Some((object, at)) = symbols.origin(function) else { return Ok(None) };
    let file = symbols.object(object).file;
    let Some(aux) = file.auxs(at).find(|aux| aux.is(AuxKind::FuncInfo)) else { return Ok(None) };
    let index = aux.symbol().index;
    let data = if index < file.def_count() { file.data(index) } else { &[] };
    FuncInfo::parse(data).map(Some).map_err(|malformed| {
        let name = String::from_utf8_lossy(symbols.name(function));
        symbols.malformed(Some(object), format!("{name}: {malformed}"))
    })
}

fn read_auxiliary(
    symbols: &Symbols,
    chunk: &mut Chunk,
    function: &mut Function,
    func_data: &mut Vec<SymId>,
    told: &Told,
) -> Result<(), Error> {
    let Some((object, at)) = symbols.origin(function.symbol) else { return Ok(()) };
    func_data.clear();
    for aux in symbols.object(object).file.auxs(at) {
        let symbol = || symbols.resolve(object, aux.symbol());
        if aux.is(AuxKind::PcSp) {
            function.pc_sp = symbol()?;
        } else if aux.is(AuxKind::PcFile) {
            function.pc_file = symbol()?;
        } else if aux.is(AuxKind::PcLine) {
            function.pc_line = symbol()?;
        } else if aux.is(AuxKind::PcInline) {
            function.pc_inline = symbol()?;
        } else if aux.is(AuxKind::PcData) {
            chunk.auxiliary.push(symbol()?);
        } else if aux.is(AuxKind::FuncData) {
            func_data.push(symbol()?);
        }
    }
    told.forget_arguments(&mut chunk.auxiliary, function.first_aux as usize, func_data);
    function.first_func_data = chunk.auxiliary.len() as u32;
    chunk.auxiliary.append(func_data);
    function.end_aux = chunk.auxiliary.len() as u32;
    Ok(())
}

fn read_calls(symbols: &Symbols, chunk: &mut Chunk, function: &mut Function) -> Result<(), Error> {
    let (Some(info), Some(object)) = (function.info, function.object) else { return Ok(()) };
    for node in info.inline_nodes() {
        let callee = symbols.resolve(object, node.func)?;
        if callee.is_nil() {
            let name = String::from_utf8_lossy(symbols.name(function.symbol));
            return Err(symbols.malformed(Some(object), format!("{name} inlines no function")));
        }
        chunk.calls.push(Call { function: callee, parent_pc: node.parent_pc });
        function.call_count += 1;
    }
    Ok(())
}
