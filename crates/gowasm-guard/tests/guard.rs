//! Small modules, made as Go's linker makes its own, with the guard in front.

use gowasm_guard::{Guard, REASON, REASON_BYTES, VERSION, reason_at};
use sha2::{Digest, Sha256};
use wasmi::{Caller, Engine, Extern, Func, Instance, Linker, Memory, Module, Store, Val};

const REACTOR: &str = r#"(module
    (type (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (type 0)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "env" "ask" (func $ask (param i32) (result i32)))
    (import "env" "swallow" (func $swallow (param i32) (result i32)))
    (memory (export "memory") 1)
    (global $sp (mut i32) (i32.const 0))
    (func $init (export "_initialize"))
    (func $add (export "add") (export "plus") (param i32 i64) (result i64)
        (i64.add (i64.extend_i32_s (local.get 0)) (local.get 1)))
    (func $trap (export "trap") unreachable)
    (func $leave (export "leave") (call $exit (i32.const 3)))
    (func $outward (export "outward") (param i32) (result i32) (call $ask (local.get 0)))
    (func $careless (export "careless") (param i32) (result i32) (call $swallow (local.get 0)))
    (func $realloc (export "cabi_realloc") (result i32) (call $ask (i32.const 1)))
    (func $post (export "cabi_post_add"))
    (data (i32.const 12288) "kept"))"#;

const EARLY: &str = "gowasm: export called before _initialize: call _initialize first\n";
const LATE: &str = "gowasm: export called after the program trapped or was stopped, or while another call runs: make a new instance\n";
const EXITED: &str = "gowasm: export called after the program exited: make a new instance, or build with --guard allow-exit\n";
const TWICE: &str = "gowasm: _initialize called twice: make a new instance\n";
const LOST: &str = "gowasm: a function of the host returned after an export that it had called trapped or exited: make a new instance\n";

/// What the module wrote to stderr.
type World = String;

struct Loaded {
    store: Store<World>,
    instance: Instance,
}

fn export(caller: &Caller<'_, World>, name: &str) -> Func {
    caller.get_export(name).and_then(Extern::into_func).unwrap()
}

fn host_error() -> wasmi::Error {
    wasmi::Error::new("the host ends this call")
}

/// Answers by calling back: `ask(n)` is `add(n, 1)`. It ends the call itself for -2, and has it end in a
/// trap for other negative numbers.
fn ask(mut caller: Caller<'_, World>, n: i32) -> Result<i32, wasmi::Error> {
    match n {
        -2 => return Err(host_error()),
        ..0 => export(&caller, "trap").call(&mut caller, &[], &mut [])?,
        _ => {}
    }
    let mut results = [Val::I64(0)];
    export(&caller, "add").call(&mut caller, &[Val::I32(n), Val::I64(1)], &mut results)?;
    Ok(results[0].i64().unwrap() as i32)
}

/// Calls an export that does not come back, takes no notice, and answers all the same.
fn swallow(mut caller: Caller<'_, World>, how: i32) -> i32 {
    let mut results = [Val::I32(0)];
    let ended = match how {
        0 => export(&caller, "trap").call(&mut caller, &[], &mut []),
        1 => export(&caller, "leave").call(&mut caller, &[], &mut []),
        2 => export(&caller, "outward").call(&mut caller, &[Val::I32(-2)], &mut results),
        _ => export(&caller, "careless").call(&mut caller, &[Val::I32(how - 10)], &mut results),
    };
    assert!(ended.is_err());
    7
}

/// As the adapter from WASI preview 1 does it, for its own stack.
fn allocate(mut caller: Caller<'_, World>) -> Result<i32, wasmi::Error> {
    let mut results = [Val::I32(0)];
    export(&caller, "cabi_realloc").call(&mut caller, &[], &mut results)?;
    export(&caller, "cabi_post_add").call(&mut caller, &[], &mut [])?;
    Ok(results[0].i32().unwrap())
}

fn write(mut caller: Caller<'_, World>, fd: i32, vectors: i32, count: i32, written: i32) -> i32 {
    assert_eq!((fd, count), (2, 1));
    let memory = caller.get_export("memory").and_then(Extern::into_memory).unwrap();
    let (data, stderr) = memory.data_and_store_mut(&mut caller);
    let number = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap()) as usize;
    let (at, length) = (number(vectors as usize), number(vectors as usize + 4));
    stderr.push_str(std::str::from_utf8(&data[at..at + length]).unwrap());
    data[written as usize..][..4].copy_from_slice(&(length as u32).to_le_bytes());
    0
}

impl Loaded {
    fn new(module: &[u8]) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, module).expect("a valid module");
        let mut linker = Linker::new(&engine);
        linker.func_wrap("wasi_snapshot_preview1", "fd_write", write).unwrap();
        let exit = |_: i32| -> Result<(), wasmi::Error> { Err(host_error()) };
        linker.func_wrap("wasi_snapshot_preview1", "proc_exit", exit).unwrap();
        linker.func_wrap("wasi_snapshot_preview1", "sched_yield", allocate).unwrap();
        linker.func_wrap("env", "ask", ask).unwrap();
        linker.func_wrap("env", "swallow", swallow).unwrap();
        let mut store = Store::new(&engine, World::new());
        let instance = linker.instantiate_and_start(&mut store, &module).expect("an instance");
        Loaded { store, instance }
    }

    fn ready(module: &[u8]) -> Self {
        let mut loaded = Self::new(module);
        assert_eq!(loaded.call("_initialize", &[]), Ok(vec![]));
        loaded
    }

    fn memory(&self) -> Memory {
        self.instance.get_export(&self.store, "memory").unwrap().into_memory().unwrap()
    }

    /// The results, or why the guard refused: nothing where something else ended the call.
    fn call(&mut self, name: &str, args: &[Val]) -> Result<Vec<String>, String> {
        let function = self.instance.get_func(&self.store, name).unwrap();
        let count = function.ty(&self.store).results().len();
        let mut results = vec![Val::I32(0); count];
        self.store.data_mut().clear();
        let memory = self.memory();
        let place = REASON as usize..(REASON + REASON_BYTES) as usize;
        memory.data_mut(&mut self.store)[place.clone()].fill(0);
        if function.call(&mut self.store, args, &mut results).is_ok() {
            return Ok(results.iter().map(|value| format!("{value:?}")).collect());
        }
        let data = memory.data(&self.store);
        let reason = match reason_at(&data[place]) {
            Some((at, length)) => &data[at as usize..(at + length) as usize],
            None => &[],
        };
        let reason = String::from_utf8(reason.to_vec()).unwrap();
        // A program that has ended asks nothing of its host.
        let said = if reason.contains(" before ") { reason.as_str() } else { "" };
        assert_eq!(self.store.data(), said);
        Err(reason)
    }

    fn add(&mut self) -> Result<Vec<String>, String> {
        self.call("add", &[Val::I32(2), Val::I64(3)])
    }

    fn careless(&mut self, how: i32) -> Result<Vec<String>, String> {
        self.call("careless", &[Val::I32(how)])
    }
}

fn guarded(text: &str, guard: Guard) -> Vec<u8> {
    let module = wat::parse_str(text).unwrap();
    let guarded = gowasm_guard::guard(&module, guard).expect("a module that can be guarded");
    wasmparser::validate(&guarded).expect("a valid module");
    guarded
}

fn refused(reason: &str) -> Result<Vec<String>, String> {
    Err(reason.to_owned())
}

fn five() -> Result<Vec<String>, String> {
    Ok(vec!["I64(5)".to_owned()])
}

#[test]
fn a_reactor_answers_only_between_its_initialisation_and_its_end() {
    let mut loaded = Loaded::new(&guarded(REACTOR, Guard::Full));
    // However often it is asked.
    assert_eq!(loaded.add(), refused(EARLY));
    assert_eq!(loaded.call("plus", &[Val::I32(2), Val::I64(3)]), refused(EARLY));
    assert!(loaded.call("_initialize", &[]).is_ok());
    assert_eq!(loaded.add(), five());
    assert_eq!(loaded.call("plus", &[Val::I32(2), Val::I64(3)]), five());
    // A function of the host may call back while it runs.
    assert_eq!(loaded.call("outward", &[Val::I32(7)]), Ok(vec!["I32(8)".to_owned()]));
    // To be initialised again is refused, and changes nothing.
    assert_eq!(loaded.call("_initialize", &[]), refused(TWICE));
    assert_eq!(loaded.add(), five());
    assert_eq!(loaded.call("trap", &[]), refused(""));
    assert_eq!(loaded.add(), refused(LATE));
    assert_eq!(loaded.call("outward", &[Val::I32(7)]), refused(LATE));
    assert_eq!(loaded.call("_initialize", &[]), refused(TWICE));
}

#[test]
fn a_trap_below_a_host_function_ends_the_program_too() {
    let mut loaded = Loaded::ready(&guarded(REACTOR, Guard::Full));
    assert_eq!(loaded.call("outward", &[Val::I32(-1)]), refused(""));
    assert_eq!(loaded.add(), refused(LATE));
}

#[test]
fn a_host_that_goes_on_after_a_nested_end_gets_no_answer() {
    for guard in [Guard::Full, Guard::AllowExit] {
        let module = guarded(REACTOR, guard);
        // A trap, an exit, a function of the host that throws; below one call of the host, and three.
        for how in [0, 1, 2, 20, 21, 22] {
            let mut loaded = Loaded::ready(&module);
            assert_eq!(loaded.careless(how), refused(LOST), "{guard}: {how}");
            assert_eq!(loaded.add(), refused(LATE), "{guard}: {how}");
            assert_eq!(loaded.careless(how), refused(LATE), "{guard}: {how}");
        }
    }
}

#[test]
fn whether_a_call_after_an_exit_is_refused_can_be_chosen() {
    let mut loaded = Loaded::ready(&guarded(REACTOR, Guard::Full));
    assert_eq!(loaded.call("leave", &[]), refused(""));
    assert_eq!(loaded.add(), refused(EXITED));
    assert_eq!(loaded.call("leave", &[]), refused(EXITED));
    let mut loaded = Loaded::ready(&guarded(REACTOR, Guard::AllowExit));
    for _ in 0..2 {
        assert_eq!(loaded.call("leave", &[]), refused(""));
        assert_eq!(loaded.add(), five());
        assert_eq!(loaded.call("outward", &[Val::I32(7)]), Ok(vec!["I32(8)".to_owned()]));
    }
    assert_eq!(loaded.call("trap", &[]), refused(""));
    assert_eq!(loaded.add(), refused(LATE));
    assert_eq!(loaded.call("leave", &[]), refused(LATE));
    // A program that exits in its initialisation never becomes ready.
    let exits = "(func $init (export \"_initialize\") (call $exit (i32.const 0)))";
    let exits = REACTOR.replace("(func $init (export \"_initialize\"))", exits);
    let mut loaded = Loaded::new(&guarded(&exits, Guard::AllowExit));
    assert_eq!(loaded.call("_initialize", &[]), refused(""));
    assert_eq!(loaded.add(), refused(EXITED));
}

#[test]
fn what_the_component_model_calls_at_times_of_its_own_is_outside_of_the_guard() {
    let adapted = "(func $init (export \"_initialize\") (drop (call $yield)))";
    let adapted = REACTOR.replace("(func $init (export \"_initialize\"))", adapted);
    let mut loaded = Loaded::new(&guarded(&adapted, Guard::Full));
    assert_eq!(loaded.call("cabi_post_add", &[]), Ok(vec![]));
    assert_eq!(loaded.call("_initialize", &[]), Ok(vec![]));
    // Its own calls of the host leave the state as it was.
    assert_eq!(loaded.call("cabi_realloc", &[]), Ok(vec!["I32(2)".to_owned()]));
    assert_eq!(loaded.add(), five());
    assert_eq!(loaded.call("trap", &[]), refused(""));
    assert_eq!(loaded.call("cabi_post_add", &[]), Ok(vec![]));
}

#[test]
fn a_commands_exports_answer_only_functions_of_the_host() {
    let command = REACTOR.replace("_initialize", "_start").replace(
        "(func $init (export \"_start\"))",
        "(func $init (export \"_start\") (drop (call $ask (i32.const 4))) (call $exit (i32.const 0)))",
    );
    let mut loaded = Loaded::new(&guarded(&command, Guard::Full));
    let early = loaded.add().unwrap_err();
    assert!(early.starts_with("gowasm: export called before _start"), "{early}");
    assert!(early.contains("build with --buildmode c-shared"), "{early}");
    assert_eq!(loaded.call("_start", &[]), refused(""));
    let exited = loaded.add().unwrap_err();
    assert!(exited.starts_with("gowasm: export called after main returned"), "{exited}");
    assert!(exited.contains("build with --buildmode c-shared"), "{exited}");
    assert_eq!(
        loaded.call("_start", &[]),
        refused("gowasm: _start called twice: make a new instance\n")
    );
    let mut loaded = Loaded::new(&guarded(&command, Guard::AllowExit));
    assert_eq!(loaded.call("_start", &[]), refused(""));
    assert_eq!(loaded.add(), five());
}

/// Names by the numbers of functions, as engines show them in a backtrace.
fn names(module: &[u8]) -> Vec<String> {
    use wasmparser::{KnownCustom, Name, Parser, Payload};
    let mut names = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        let Payload::CustomSection(section) = payload.unwrap() else { continue };
        let KnownCustom::Name(subsections) = section.as_known() else { continue };
        for subsection in subsections {
            if let Name::Function(map) = subsection.unwrap() {
                names.extend(map.into_iter().map(|naming| naming.unwrap().name.to_owned()));
            }
        }
    }
    names
}

#[test]
fn reasons_have_names_where_the_module_has_none() {
    let named = wat::parse_str(REACTOR).unwrap();
    let mut stripped = wasm_encoder::Module::new();
    for payload in wasmparser::Parser::new(0).parse_all(&named) {
        if let Some((id, range)) = payload.unwrap().as_section().filter(|(id, _)| *id != 0) {
            let data = &named[range.start as usize..range.end as usize];
            stripped.section(&wasm_encoder::RawSection { id, data });
        }
    }
    let stripped = stripped.finish();
    assert!(names(&stripped).is_empty());
    let guarded = gowasm_guard::guard(&stripped, Guard::Full).unwrap();
    wasmparser::validate(&guarded).unwrap();
    let found = names(&guarded);
    for reason in [EARLY, LATE, EXITED, TWICE, LOST] {
        assert!(found.contains(&reason.trim_end().to_owned()), "{reason} is not in {found:?}");
    }
    // Nothing else is named then: whoever strips a module wants it small.
    assert!(found.iter().all(|name| name.starts_with("gowasm")), "{found:?}");
    assert!(found.len() <= 6, "{found:?}");
    // Beside the module's own names all of the guard's functions have theirs.
    let found =
        names(&gowasm_guard::guard(&wat::parse_str(REACTOR).unwrap(), Guard::Full).unwrap());
    for name in ["add", "gowasm.guard.add", LOST.trim_end()] {
        assert!(found.iter().any(|found| found == name), "{name} is not in {found:?}");
    }
}

/// WASI's functions do not call back, and without exports none can.
#[test]
fn what_cannot_call_back_is_called_without_a_look() {
    let is_led = |text: &str| {
        let names = names(&guarded(text, Guard::Full));
        names.iter().any(|name| name.starts_with("gowasm.guard.import"))
    };
    assert!(is_led(REACTOR));
    assert!(!is_led(&REACTOR.replace("\"env\"", "\"wasi_snapshot_preview1\"")));
    let command = r#"(module
        (import "env" "ask" (func $ask (param i32) (result i32)))
        (memory (export "memory") 1)
        (global $sp (mut i32) (i32.const 0))
        (func $main (export "_start") (drop (call $ask (i32.const 1))))
        (data (i32.const 12288) "kept"))"#;
    assert!(!is_led(command));
}

/// Caches hold modules by the guard's version: other bytes under the same one would never be made.
#[test]
fn other_bytes_are_another_version() {
    let digests = [Guard::Full, Guard::AllowExit].map(|guard| {
        let digest = Sha256::digest(guarded(REACTOR, guard));
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    });
    let known = [
        "8f28044de841a0485104b8899c14b38a9c356d56a729f7670a2e287fb3beb6d1",
        "c223be994b3682039e3ef5910e8b4949704b25e6b2af7e7cd86febaee8643c6b",
    ];
    assert_eq!((VERSION, digests.each_ref().map(String::as_str)), ("2", known), "raise VERSION");
}

#[test]
fn what_is_no_module_of_go_is_refused_and_never_a_panic() {
    assert!(gowasm_guard::guard(b"", Guard::Full).is_err());
    assert!(gowasm_guard::guard(b"\0asm\x01\0\0\0", Guard::Full).is_err());
    let module = wat::parse_str(REACTOR).unwrap();
    for length in 0..module.len() {
        // Only a cut between two sections leaves something that can be read.
        let _ = gowasm_guard::guard(&module[..length], Guard::Full);
    }
    for at in 8..module.len() {
        let mut damaged = module.clone();
        damaged[at] ^= 0x55;
        let _ = gowasm_guard::guard(&damaged, Guard::Full);
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
    let mut loaded = Loaded::new(&gowasm_guard::guard(&module, Guard::Full).unwrap());
    let before = loaded.call("add", &[Val::I32(1), Val::I64(2)]);
    assert!(before.is_err(), "a call before the initialisation went through: {before:?}");
    let memory = loaded.memory();
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
        let guarded = gowasm_guard::guard(&module, Guard::Full).expect("a guard");
        wasmparser::validate(&guarded).unwrap_or_else(|error| panic!("{error}: {text}"));
    }
}
