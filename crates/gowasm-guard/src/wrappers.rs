//! The functions, the global and the texts that make up a guard.

use crate::read::Layout;
use std::collections::HashMap;
use wasm_encoder::{BlockType, Function, InstructionSink, ValType};
use wasmparser::ExternalKind;

const NEW: i32 = 0;
const READY: i32 = 1;
const OUTSIDE: i32 = 2;
const INSIDE: i32 = 3;

/// Go's linkers leave the memory from here to 12 KiB unused: it was for wasm_exec.js.
const TEXTS: u32 = 4096;
const TEXTS_END: u64 = 8192;
const STDERR: i32 = 2;

pub(crate) struct Additions {
    /// Type and body of every new function; they come after the module's own.
    pub(crate) functions: Vec<(u32, Function)>,
    /// How engines show a new function in a backtrace, with its number.
    pub(crate) names: Vec<(u32, String)>,
    /// The function that each export is to name instead.
    pub(crate) exports: HashMap<u32, u32>,
    /// The function that calls of each import are to name instead.
    pub(crate) imports: HashMap<u32, u32>,
    /// What the memory holds from an address on, if there is room for it.
    pub(crate) texts: Option<(u32, Vec<u8>)>,
    pub(crate) initial_state: i32,
}

/// The texts of the ways in which a call is refused.
fn refusals(command: bool) -> [&'static str; 3] {
    match command {
        true => [
            "export called before _start: a command's exports can be called only by functions of the host, while _start runs",
            "export called after the program trapped or exited",
            "_start called twice",
        ],
        false => [
            "export called before _initialize",
            "export called after the program trapped or exited",
            "_initialize called twice",
        ],
    }
}

pub(crate) fn additions(layout: &Layout) -> Additions {
    let command = layout.exports.iter().any(|export| export.name == "_start");
    let refusals = refusals(command);
    let mut made = Maker {
        layout,
        state: layout.globals,
        additions: Additions {
            functions: Vec::new(),
            names: Vec::new(),
            exports: HashMap::new(),
            imports: HashMap::new(),
            texts: None,
            initial_state: NEW,
        },
    };
    let has_room = layout.fd_write.is_some() && layout.lowest_data >= TEXTS_END;
    let vectors = if has_room { made.texts(&refusals) } else { [None; 3] };
    let mut refuse = [0; 3];
    for ((place, text), vector) in refuse.iter_mut().zip(refusals).zip(vectors) {
        *place = made.refusal(text, vector);
    }
    let [early, late, twice] = refuse;
    for export in &layout.exports {
        let own = export.index >= layout.imported && export.kind == ExternalKind::Func;
        let Some(type_index) = layout.type_of(export.index).filter(|_| own) else { continue };
        // Two names of one function share a wrapper.
        if made.additions.exports.contains_key(&export.index) {
            continue;
        }
        let body = match export.name.as_str() {
            "_start" => made.entry(export.index, type_index, twice, INSIDE),
            "_initialize" => made.entry(export.index, type_index, twice, READY),
            _ => made.export(export.index, type_index, early, late),
        };
        let name = format!("gowasm.guard.{}", export.name);
        let wrapper = made.add(type_index, body, name);
        made.additions.exports.insert(export.index, wrapper);
    }
    for &import in &layout.host_imports {
        let Some(type_index) = layout.type_of(import) else { continue };
        let body = made.import(import, type_index);
        let wrapper = made.add(type_index, body, format!("gowasm.guard.import{import}"));
        made.additions.imports.insert(import, wrapper);
    }
    made.additions
}

struct Maker<'l> {
    layout: &'l Layout,
    /// The number of the global.
    state: u32,
    additions: Additions,
}

impl Maker<'_> {
    fn add(&mut self, type_index: u32, body: Function, name: String) -> u32 {
        let index = (self.layout.functions.len() + self.additions.functions.len()) as u32;
        self.additions.functions.push((type_index, body));
        self.additions.names.push((index, name));
        index
    }

    /// Lays the texts out, behind one address and length each, and returns where those stand.
    fn texts(&mut self, texts: &[&str; 3]) -> [Option<i32>; 3] {
        let mut vectors = Vec::new();
        let mut letters = Vec::new();
        // Three vectors, and a place for the number of bytes that were written.
        let begin = TEXTS + 3 * 8 + 4;
        for text in texts {
            let line = format!("gowasm: {text}\n");
            vectors.extend_from_slice(&(begin + letters.len() as u32).to_le_bytes());
            vectors.extend_from_slice(&(line.len() as u32).to_le_bytes());
            letters.extend_from_slice(line.as_bytes());
        }
        vectors.extend_from_slice(&[0; 4]);
        vectors.extend_from_slice(&letters);
        self.additions.texts = Some((TEXTS, vectors));
        [0, 8, 16].map(|offset| Some(TEXTS as i32 + offset))
    }

    /// Says why, where there is a way to, and traps. The trap's backtrace names it as well.
    fn refusal(&mut self, text: &str, vector: Option<i32>) -> u32 {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        if let (Some(vector), Some(fd_write)) = (vector, self.layout.fd_write) {
            code.i32_const(STDERR).i32_const(vector).i32_const(1);
            code.i32_const(TEXTS as i32 + 3 * 8).call(fd_write).drop();
        }
        code.unreachable().end();
        // The type () -> () that is added behind the module's own.
        self.add(self.layout.params.len() as u32, body, format!("gowasm: {text}"))
    }

    /// `_start` and `_initialize`: once, and then the state is `after`.
    /// Go's have no parameters; what is no module of Go's stays a module all the same.
    fn entry(&self, function: u32, type_index: u32, twice: u32, after: i32) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.global_get(self.state).if_(BlockType::Empty).call(twice).end();
        code.i32_const(INSIDE).global_set(self.state);
        pass(&mut code, self.layout.param_count(type_index));
        code.call(function).i32_const(after).global_set(self.state).end();
        body
    }

    fn export(&self, function: u32, type_index: u32, early: u32, late: u32) -> Function {
        let params = self.layout.param_count(type_index);
        let mut body = Function::new([(1, ValType::I32)]);
        let mut code = body.instructions();
        // READY and OUTSIDE go through, and come back when the call has returned.
        code.global_get(self.state).local_tee(params).i32_const(READY).i32_sub();
        code.i32_const(OUTSIDE - READY + 1).i32_ge_u().if_(BlockType::Empty);
        code.local_get(params).i32_eqz().if_(BlockType::Empty).call(early).end();
        code.call(late).end();
        code.i32_const(INSIDE).global_set(self.state);
        pass(&mut code, params);
        code.call(function).local_get(params).global_set(self.state).end();
        body
    }

    fn import(&self, function: u32, type_index: u32) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.i32_const(OUTSIDE).global_set(self.state);
        pass(&mut code, self.layout.param_count(type_index));
        code.call(function).i32_const(INSIDE).global_set(self.state).end();
        body
    }
}

/// Hands on all parameters.
fn pass(code: &mut InstructionSink<'_>, params: u32) {
    (0..params).for_each(|param| {
        code.local_get(param);
    });
}
