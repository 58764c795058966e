//! The functions, the global and the texts that make up a guard.

use crate::Guard;
use crate::read::Layout;
use crate::reason::{END, PREFIX, REASON, REASON_BYTES, packed};
use std::collections::HashMap;
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, MemArgTarget, ValType};
use wasmparser::ExternalKind;

/// States, as lib.rs explains them.
const NEW: i32 = 0;
const READY: i32 = 1;
/// Inside of Go code that was called from outside.
const INSIDE: i32 = READY + 1;
/// Inside of `_initialize`: a program that exits there is not initialised.
const INITIALIZING: i32 = 1 << 30;
const EXITED: i32 = -2;
const LOST: i32 = -4;

const STDERR: i32 = 2;

pub(crate) struct Additions {
    /// Type and body of every new function; they come after the module's own.
    pub(crate) functions: Vec<(u32, Function)>,
    /// How engines show a new function in a backtrace, with its number.
    pub(crate) names: Vec<(u32, String)>,
    /// So many names, the first ones, say why a call is refused.
    pub(crate) reasons: usize,
    /// The function that each export is to name instead.
    pub(crate) exports: HashMap<u32, u32>,
    /// The function that calls of each import are to name instead.
    pub(crate) imports: HashMap<u32, u32>,
    /// What the memory holds from an address on, if there is room for it.
    pub(crate) texts: Option<(u32, Vec<u8>)>,
    pub(crate) initial_state: i32,
}

/// Why a call is refused, and what to do.
struct Texts {
    early: &'static str,
    late: &'static str,
    exited: &'static str,
    twice: &'static str,
    lost: &'static str,
}

const LATE: &str = "export called after the program trapped or was stopped, or while another call runs: make a new instance";
const LOST_TEXT: &str = "a function of the host returned after an export that it had called trapped or exited: make a new instance";
const COMMAND: Texts = Texts {
    early: "export called before _start: functions of the host can call a command's exports while main runs, nobody else can; build with --buildmode c-shared for exports that can be called at any time",
    late: LATE,
    exited: "export called after main returned or the program exited: build with --buildmode c-shared for exports that can be called at any time",
    twice: "_start called twice: make a new instance",
    lost: LOST_TEXT,
};
const REACTOR: Texts = Texts {
    early: "export called before _initialize: call _initialize first",
    late: LATE,
    exited: "export called after the program exited: make a new instance, or build with --guard allow-exit",
    twice: "_initialize called twice: make a new instance",
    lost: LOST_TEXT,
};

/// What the component model's hosts and adapters call at times of their own: before the initialisation,
/// and while WASI functions run.
pub(crate) fn is_outside(export: &str) -> bool {
    let realloc = ["cabi_realloc", "cabi_import_realloc", "cabi_export_realloc", "cm32p2_realloc"];
    realloc.contains(&export)
        || export.starts_with("cabi_post_")
        || export.starts_with("cm32p2|") && export.ends_with("_post")
}

pub(crate) fn additions(layout: &Layout, level: Guard) -> Additions {
    let command = layout.exports.iter().any(|export| export.name == "_start");
    let mut made = Maker {
        layout,
        state: layout.globals,
        texts: Vec::new(),
        additions: Additions {
            functions: Vec::new(),
            names: Vec::new(),
            reasons: 0,
            exports: HashMap::new(),
            imports: HashMap::new(),
            texts: None,
            initial_state: NEW,
        },
    };
    let texts = if command { &COMMAND } else { &REACTOR };
    let twice = made.refusal(texts.twice, false, None);
    let exports: Vec<_> = layout
        .exports
        .iter()
        .filter(|export| export.index >= layout.imported && export.kind == ExternalKind::Func)
        .filter(|export| !is_outside(&export.name))
        .filter_map(|export| Some((export, layout.type_of(export.index)?)))
        .collect();
    let is_entry = |name: &str| name == "_start" || name == "_initialize";
    // Without an export nothing can be called at a wrong time, but for the entry itself.
    let has_exports = exports.iter().any(|(export, _)| !is_entry(&export.name));
    let refuse = if has_exports { made.refuse(texts) } else { twice };
    let lost = match has_exports && !layout.host_imports.is_empty() {
        true => made.refusal(texts.lost, false, Some(LOST)),
        false => twice,
    };
    made.additions.reasons = made.additions.names.len();
    for (export, type_index) in exports {
        // Two names of one function share a wrapper.
        if made.additions.exports.contains_key(&export.index) {
            continue;
        }
        let exited = if level == Guard::AllowExit { READY } else { EXITED };
        let body = match export.name.as_str() {
            "_start" => made.entry(export.index, type_index, twice, [INSIDE, exited]),
            "_initialize" => made.entry(export.index, type_index, twice, [INITIALIZING, READY]),
            _ => made.export(export.index, type_index, refuse),
        };
        let name = format!("gowasm.guard.{}", export.name);
        let wrapper = made.add(type_index, body, name);
        made.additions.exports.insert(export.index, wrapper);
    }
    if has_exports {
        for &import in &layout.host_imports {
            let Some(type_index) = layout.type_of(import) else { continue };
            let body = made.import(import, type_index, lost);
            let wrapper = made.add(type_index, body, format!("gowasm.guard.import{import}"));
            made.additions.imports.insert(import, wrapper);
        }
        for &import in &layout.exits {
            let Some(type_index) = layout.type_of(import) else { continue };
            let body = made.exit(import, type_index, level);
            let wrapper = made.add(type_index, body, "gowasm.guard.proc_exit".to_owned());
            made.additions.imports.insert(import, wrapper);
        }
    }
    made.lay_texts();
    made.additions
}

struct Maker<'l> {
    layout: &'l Layout,
    /// The number of the global.
    state: u32,
    texts: Vec<u8>,
    additions: Additions,
}

impl Maker<'_> {
    /// The number of the function that is added next.
    fn next(&self) -> u32 {
        (self.layout.functions.len() + self.additions.functions.len()) as u32
    }

    fn add(&mut self, type_index: u32, body: Function, name: String) -> u32 {
        let index = self.next();
        self.additions.functions.push((type_index, body));
        self.additions.names.push((index, name));
        index
    }

    /// Leaves the reason where a host can read it, and traps; the trap's backtrace names it as well.
    /// The host is asked for nothing once the program has ended: it may have put away what a function
    /// of it would need. Only a program that was not started yet `speaks`, to stderr.
    fn refusal(&mut self, text: &str, speaks: bool, state: Option<i32>) -> u32 {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        if let Some((address, length)) = self.text(&format!("{PREFIX}{text}\n")) {
            let at = |align| MemArg {
                offset: 0,
                align,
                target: MemArgTarget::Memory(0),
                ordering: None,
            };
            code.i32_const(REASON as i32).i64_const(packed(address, length)).i64_store(at(3));
            // Never: but optimizers inline no function that calls itself, and its name is the reason.
            let this = self.next();
            code.i32_const(REASON as i32).i32_load(at(2)).i32_eqz();
            code.if_(BlockType::Empty).call(this).end();
            if let Some(fd_write) = self.layout.fd_write.filter(|_| speaks) {
                // What was stored is the one vector to write.
                let written = REASON + REASON_BYTES;
                code.i32_const(STDERR).i32_const(REASON as i32).i32_const(1);
                code.i32_const(written as i32).call(fd_write).drop();
            }
        }
        if let Some(state) = state {
            code.i32_const(state).global_set(self.state);
        }
        code.unreachable().end();
        self.add(self.nothing(), body, format!("{PREFIX}{text}"))
    }

    /// Tells the ways apart in which an export cannot be called now.
    fn refuse(&mut self, texts: &Texts) -> u32 {
        let early = self.refusal(texts.early, true, None);
        let exited = self.refusal(texts.exited, false, None);
        let late = self.refusal(texts.late, false, None);
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.global_get(self.state).i32_eqz().if_(BlockType::Empty).call(early).end();
        code.global_get(self.state).i32_const(EXITED).i32_eq();
        code.if_(BlockType::Empty).call(exited).end();
        code.call(late).end();
        self.add(self.nothing(), body, "gowasm.guard".to_owned())
    }

    /// The type () -> () that is added behind the module's own.
    fn nothing(&self) -> u32 {
        self.layout.params.len() as u32
    }

    /// Lays a text behind the others, where there is room for it, and returns where it will be.
    fn text(&mut self, line: &str) -> Option<(u32, u32)> {
        // Behind the reason: a place for the number of bytes that were written.
        let address = REASON + REASON_BYTES + 8 + self.texts.len() as u32;
        let length = line.len() as u32;
        let has_room = self.layout.has_memory && self.layout.lowest_data >= u64::from(END);
        if !has_room || address + length > END {
            return None;
        }
        self.texts.extend_from_slice(line.as_bytes());
        Some((address, length))
    }

    fn lay_texts(&mut self) {
        if !self.texts.is_empty() {
            let texts = std::mem::take(&mut self.texts);
            self.additions.texts = Some((REASON + REASON_BYTES + 8, texts));
        }
    }

    /// `_start` and `_initialize`: once, in the first state, and then the state is the second.
    /// Go's have no parameters; what is no module of Go's stays a module all the same.
    fn entry(
        &self,
        function: u32,
        type_index: u32,
        twice: u32,
        [inside, after]: [i32; 2],
    ) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.global_get(self.state).if_(BlockType::Empty).call(twice).end();
        code.i32_const(inside).global_set(self.state);
        pass(&mut code, self.layout.param_count(type_index));
        code.call(function).i32_const(after).global_set(self.state).end();
        body
    }

    /// Goes through in an odd state, one higher, and comes back when the call has returned.
    fn export(&self, function: u32, type_index: u32, refuse: u32) -> Function {
        let params = self.layout.param_count(type_index);
        let mut body = Function::new([(1, ValType::I32)]);
        let mut code = body.instructions();
        code.global_get(self.state).local_tee(params).i32_const(1).i32_and().i32_eqz();
        code.if_(BlockType::Empty).call(refuse).end();
        code.local_get(params).i32_const(1).i32_add().global_set(self.state);
        pass(&mut code, params);
        code.call(function).local_get(params).global_set(self.state).end();
        body
    }

    /// Lets exports be called meanwhile, and looks afterwards whether all of them came back. The state
    /// is odd already where what called the host is outside of the guard.
    fn import(&self, function: u32, type_index: u32, lost: u32) -> Function {
        let params = self.layout.param_count(type_index);
        let mut body = Function::new([(1, ValType::I32)]);
        let mut code = body.instructions();
        code.global_get(self.state).local_tee(params).i32_const(1).i32_or().global_set(self.state);
        pass(&mut code, params);
        code.call(function);
        code.global_get(self.state).local_get(params).i32_const(1).i32_or().i32_ne();
        code.if_(BlockType::Empty).call(lost).end();
        code.local_get(params).global_set(self.state).end();
        body
    }

    /// `proc_exit` returns in no host of WASI; in one where it does, the program has ended all the same.
    fn exit(&self, function: u32, type_index: u32, level: Guard) -> Function {
        let mut body = Function::new([]);
        let mut code = body.instructions();
        code.i32_const(EXITED);
        if level == Guard::AllowExit {
            // A call may follow, unless the program exits before it is initialised.
            code.i32_const(READY);
            code.global_get(self.state).i32_const(READY).i32_sub().i32_const(INITIALIZING - READY);
            code.i32_ge_u().select();
        }
        code.global_set(self.state);
        pass(&mut code, self.layout.param_count(type_index));
        code.call(function).unreachable().end();
        body
    }
}

/// Hands on all parameters.
fn pass(code: &mut InstructionSink<'_>, params: u32) {
    (0..params).for_each(|param| {
        code.local_get(param);
    });
}
