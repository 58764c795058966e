//! Small modules, made as Go's linker makes its own, with the guard in front.

use wasmi::{Caller, Engine, Extern, Instance, Linker, Module, Store, Val};

const REACTOR: &str = r#"(module
    (type (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (type 0)))
    (import "env" "ask" (func $ask (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $sp (mut i32) (i32.const 0))
    (func $init (export "_initialize"))
    (func $add (export "add") (export "plus") (param i32 i64) (result i64)
        (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))
    (func $trap (export "trap") unreachable)
    (func $outward (export "outward") (param i32) (result i32) (call $ask (local.get 0)))
    (data (i32.const 12288) "kept"))"#;

struct World {
    stderr: String,
}

struct Loaded {
    store: Store<World>,
    instance: Instance,
}

impl Loaded {
    fn new(module: &[u8]) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, module).expect("a valid module");
        let mut linker = Linker::new(&engine);
        let write = |mut caller: Caller<'_, World>, fd: i32, vectors: i32, _: i32, written: i32| {
            assert_eq!(fd, 2);
            let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
            let (data, world) = memory.data_and_store_mut(&mut caller);
            let number =
                |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap()) as usize;
            let (at, length) = (number(vectors as usize), number(vectors as usize + 4));
            world.stderr.push_str(std::str::from_utf8(&data[at..at + length]).unwrap());
            data[written as usize..][..4].copy_from_slice(&(length as u32).to_le_bytes());
            0_i32
        };
        linker.func_wrap("wasi_snapshot_preview1", "fd_write", write).unwrap();
        // Answers by calling back: `ask(n)` is `add(n, 1)`, and traps for a negative n.
        let ask = |mut caller: Caller<'_, World>, n: i32| -> Result<i32, wasmi::Error> {
            let name = if n < 0 { "trap" } else { "add" };
            let function = caller.get_export(name).and_then(Extern::into_func).unwrap();
            let args = [Val::I32(n), Val::I64(1)];
            let (args, mut results) =
                if n < 0 { (&args[..0], vec![]) } else { (&args[..], vec![Val::I64(0)]) };
            function.call(&mut caller, args, &mut results)?;
            Ok(results[0].i64().unwrap() as i32)
        };
        linker.func_wrap("env", "ask", ask).unwrap();
        let mut store = Store::new(&engine, World { stderr: String::new() });
        let instance = linker.instantiate_and_start(&mut store, &module).expect("an instance");
        Loaded { store, instance }
    }

    fn call(&mut self, name: &str, args: &[Val]) -> Result<Vec<String>, String> {
        let function = self.instance.get_func(&self.store, name).unwrap();
        let count = function.ty(&self.store).results().len();
        let mut results = vec![Val::I32(0); count];
        self.store.data_mut().stderr.clear();
        match function.call(&mut self.store, args, &mut results) {
            Ok(()) => Ok(results.iter().map(|value| format!("{value:?}")).collect()),
            Err(_) => Err(self.store.data().stderr.clone()),
        }
    }
}

fn guarded(text: &str) -> Vec<u8> {
    let module = wat::parse_str(text).unwrap();
    let guarded = gowasm_guard::guard(&module).expect("a module that can be guarded");
    wasmparser::validate(&guarded).expect("a valid module");
    guarded
}

const ADD: [Val; 2] = [Val::I32(2), Val::I64(3)];

#[test]
fn a_reactor_answers_only_between_its_initialisation_and_its_end() {
    let module = guarded(REACTOR);
    let mut loaded = Loaded::new(&module);
    let early = "gowasm: export called before _initialize\n";
    let late = "gowasm: export called after the program trapped or exited\n";
    // However often it is asked.
    assert_eq!(loaded.call("add", &ADD), Err(early.to_owned()));
    assert_eq!(loaded.call("plus", &ADD), Err(early.to_owned()));
    assert!(loaded.call("_initialize", &[]).is_ok());
    assert_eq!(loaded.call("add", &ADD), Ok(vec!["I64(5)".to_owned()]));
    assert_eq!(loaded.call("plus", &ADD), Ok(vec!["I64(5)".to_owned()]));
    // A function of the host may call back while it runs.
    assert_eq!(loaded.call("outward", &[Val::I32(7)]), Ok(vec!["I32(8)".to_owned()]));
    assert_eq!(loaded.call("add", &ADD), Ok(vec!["I64(5)".to_owned()]));
    assert_eq!(loaded.call("trap", &[]), Err(String::new()));
    assert_eq!(loaded.call("add", &ADD), Err(late.to_owned()));
    assert_eq!(loaded.call("outward", &[Val::I32(7)]), Err(late.to_owned()));
    let twice = "gowasm: _initialize called twice\n";
    assert_eq!(loaded.call("_initialize", &[]), Err(twice.to_owned()));
}

#[test]
fn a_trap_below_a_host_function_ends_the_program_too() {
    let mut loaded = Loaded::new(&guarded(REACTOR));
    loaded.call("_initialize", &[]).unwrap();
    assert_eq!(loaded.call("outward", &[Val::I32(-1)]), Err(String::new()));
    let late = "gowasm: export called after the program trapped or exited\n";
    assert_eq!(loaded.call("add", &ADD), Err(late.to_owned()));
}

#[test]
fn a_commands_exports_answer_only_functions_of_the_host() {
    let command = REACTOR.replace("_initialize", "_start").replace(
        "(func $init (export \"_start\"))",
        "(func $init (export \"_start\") (drop (call $ask (i32.const 4))))",
    );
    let mut loaded = Loaded::new(&guarded(&command));
    let early = loaded.call("add", &ADD).unwrap_err();
    assert!(early.starts_with("gowasm: export called before _start"), "{early}");
    assert!(loaded.call("_start", &[]).is_ok());
    let late = "gowasm: export called after the program trapped or exited\n";
    assert_eq!(loaded.call("add", &ADD), Err(late.to_owned()));
    assert_eq!(loaded.call("_start", &[]), Err("gowasm: _start called twice\n".to_owned()));
}

#[test]
fn what_is_no_module_of_go_is_refused_and_never_a_panic() {
    assert!(gowasm_guard::guard(b"").is_err());
    assert!(gowasm_guard::guard(b"\0asm\x01\0\0\0").is_err());
    let module = wat::parse_str(REACTOR).unwrap();
    for length in 0..module.len() {
        // Only a cut between two sections leaves something that can be read.
        let _ = gowasm_guard::guard(&module[..length]);
    }
    for at in 8..module.len() {
        let mut damaged = module.clone();
        damaged[at] ^= 0x55;
        let _ = gowasm_guard::guard(&damaged);
    }
}

#[test]
fn a_module_with_as_many_segments_as_engines_take_gets_no_more() {
    let mut segments = String::new();
    for index in 0..100_000 {
        segments += &format!("(data (i32.const {}) \"x\")", 12288 + 64 + index * 12);
    }
    let text = REACTOR
        .replace("(memory (export \"memory\") 1)", "(memory (export \"memory\") 32)")
        .replace("(data (i32.const 12288) \"kept\")", &segments);
    let module = wat::parse_str(text).unwrap();
    let mut loaded = Loaded::new(&gowasm_guard::guard(&module).unwrap());
    let before = loaded.call("add", &[Val::I32(1), Val::I64(2)]);
    assert!(before.is_err(), "a call before the initialisation went through: {before:?}");
    let memory =
        loaded.instance.get_export(&loaded.store, "memory").unwrap().into_memory().unwrap();
    let data = memory.data(&loaded.store);
    for index in [0, 99_998, 99_999] {
        let at = 12288 + 64 + index * 12;
        assert_eq!(data[at..at + 2], *b"x\0", "segment {index}");
    }
}

/// Nobody's linker writes such a module, and still nothing that was valid becomes invalid.
#[test]
fn functions_of_other_types_than_gos_keep_theirs() {
    let texts = [
        REACTOR.replace("(export \"_initialize\"))", "(export \"_initialize\") (param i32 f64))"),
        REACTOR.replace(
            "(type (func (param i32 i32 i32 i32) (result i32)))",
            "(type (func (param i64)))",
        ),
    ];
    for text in texts {
        let module = wat::parse_str(&text).expect("a module");
        let guarded = gowasm_guard::guard(&module).expect("a guard");
        wasmparser::validate(&guarded).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}
