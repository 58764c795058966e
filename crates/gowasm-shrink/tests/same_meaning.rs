//! A shrunk body does what the whole one did, in an engine.

use gowasm_shrink::{Function, Shrinker, Stub, Stubs};
use wasmi::{Engine, Linker, Module, Store, Val};

/// A module with the code section's bodies shrunk, as those of assembly.
fn shrink(module: &[u8]) -> Vec<u8> {
    shrink_as(module, None, false)
}

/// A module with the code section's bodies shrunk. `resumes`: behind a call of [`NEVER_BACK`].
fn shrink_as(module: &[u8], function: Option<Function>, resumes: bool) -> Vec<u8> {
    let (mut out, mut at) = (module[..8].to_vec(), 8);
    while at < module.len() {
        let id = module[at];
        at += 1;
        let length = number(module, &mut at);
        let content = &module[at..at + length];
        at += length;
        match id {
            10 => section(&mut out, id, &shrink_code(content, function, resumes)),
            _ => section(&mut out, id, content),
        }
    }
    out
}

fn shrink_code(content: &[u8], compiled: Option<Function>, resumes: bool) -> Vec<u8> {
    let (mut code, mut at) = (Vec::new(), 0);
    let count = number(content, &mut at);
    leb(&mut code, count as u32);
    let stubs = Stubs::new([Stub { function: NEVER_BACK, stub: STUB, resumes }]);
    let mut shrinker = Shrinker::new(&stubs);
    for function in 0..count as u64 {
        let length = number(content, &mut at);
        let mut shrunk = Vec::new();
        match function {
            STUB => Stubs::push_body(NEVER_BACK, &mut shrunk),
            _ => shrinker.push(&content[at..at + length], compiled, &mut shrunk),
        }
        at += length;
        leb(&mut code, shrunk.len() as u32);
        code.extend(shrunk);
    }
    code
}

/// A function that never comes back, where a module has one, and its stub.
const NEVER_BACK: u64 = 2;
const STUB: u64 = 3;

fn number(bytes: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    for shift in (0..).step_by(7) {
        let byte = bytes[*at];
        *at += 1;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    value
}

fn section(out: &mut Vec<u8>, id: u8, bytes: &[u8]) {
    out.push(id);
    leb(out, bytes.len() as u32);
    out.extend(bytes);
}

fn leb(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Runs `body` as Go would call it, with SP at 4096 and a frame of known words. Gives its result and
/// what memory holds afterwards.
fn run(module: &[u8]) -> (u64, Vec<u8>) {
    run_from(module, 0)
}

/// The same, from a place that a goroutine resumes at.
fn run_from(module: &[u8], place: i32) -> (u64, Vec<u8>) {
    let engine = Engine::default();
    let module = Module::new(&engine, module).unwrap();
    let mut store = Store::new(&engine, ());
    let instance = Linker::new(&engine).instantiate_and_start(&mut store, &module).unwrap();
    let function = instance.get_func(&store, "f").unwrap();
    let mut result = [Val::I64(0)];
    function.call(&mut store, &[Val::I32(place)], &mut result).unwrap();
    let memory = instance.get_memory(&store, "memory").unwrap();
    (result[0].i64().unwrap() as u64, memory.data(&store).to_vec())
}

fn module(body: &str) -> Vec<u8> {
    let text = format!(
        "(module (memory (export \"memory\") 1) (global $sp (mut i32) (i32.const 4096))
          (data (i32.const 4096) \"abcdefghijklmnopqrstuvwxyz0123456789\")
          (func $g (param i32) (result i32) (i32.const 0))
          (func (export \"f\") (param i32) (result i64) (local i32 i64 i64) {body}))"
    );
    wat::parse_str(text).unwrap()
}

/// Checks that nothing changes but the size, and says how many bytes went.
fn saved(body: &str) -> usize {
    let whole = module(body);
    let small = shrink(&whole);
    assert_eq!(run(&whole), run(&small), "{body}");
    whole.len() - small.len()
}

const ENTRY: &str = "global.get 0 local.set 1 i64.const 0 local.set 3 ";
/// SP + 8, as Go computes it.
const FRAME: &str = "local.get 1 i64.extend_i32_u i64.const 8 i64.add i32.wrap_i64 ";

#[test]
fn frame_addresses_become_offsets() {
    assert_eq!(saved(&format!("{ENTRY}{FRAME} i64.load offset=3")), 5);
    let store = "i64.const 5 local.get 1 i64.load offset=16 i64.mul i64.store offset=24";
    assert_eq!(saved(&format!("{ENTRY}{FRAME}{store} i64.const 1")), 5);
    // Two at once, the one inside the other's value.
    let inner = format!("{FRAME} i64.load");
    assert_eq!(saved(&format!("{ENTRY}{FRAME}{inner} i64.store offset=24 i64.const 1")), 10);
}

#[test]
fn addresses_that_are_used_otherwise_stay() {
    for rest in [
        // As a number, in a comparison, by a call, across a block, by what is not known to be SP.
        "i64.extend_i32_u",
        "i32.const 8 i32.eq i64.extend_i32_u",
        "call $g i64.extend_i32_u",
        "drop i64.const 1",
        "if (result i64) i64.const 1 else i64.const 2 end",
        "local.get 1 i32.store i64.const 1",
    ] {
        let kept = saved(&format!("{ENTRY}{FRAME}{rest}"));
        let expected = usize::from(rest.starts_with("local.get 1 i32.store")) * 5;
        assert_eq!(kept, expected, "{rest}");
    }
    assert_eq!(
        saved(&format!("i32.const 4096 local.set 1 i64.const 0 local.set 3 {FRAME} i64.load")),
        0
    );
}

#[test]
fn constants_are_narrow_at_once() {
    for constant in ["1", "-1", "4294967295", "4294967296", "2147483648", "-9223372036854775808"] {
        let body = format!("{ENTRY} i64.const {constant} i32.wrap_i64 i64.extend_i32_u");
        assert!(saved(&body) >= 1, "{constant}");
    }
}

#[test]
fn steps_of_sp_are_one_step() {
    let step = |by: i64| format!("local.get 1 i32.const {by} i32.add local.tee 1 global.set 0 ");
    let body = format!("{ENTRY}{}{} global.get 0 i64.extend_i32_u", step(8), step(24));
    assert_eq!(saved(&body), 9);
    let body = format!("{ENTRY}{}{}{} global.get 0 i64.extend_i32_u", step(8), step(24), step(-4));
    assert_eq!(saved(&body), 18);
    let other = "local.get 0 i32.const 1 i32.add local.tee 0 global.set 0 ";
    assert_eq!(saved(&format!("{ENTRY}{}{other} global.get 0 i64.extend_i32_u", step(8))), 0);
}

/// Adds 3, 2 and 1 by jumps, and 100 where nothing ever jumps to; `0` begins, `3` is the sum's end.
/// `last` is what stands there, before the sum is given back.
fn jumps(last: &str) -> String {
    let jump = |to: i32, depth: u32| format!("i32.const {to} local.set 0 br {depth} ");
    format!(
        "{ENTRY} loop block block block block local.get 0 br_table 0 1 2 3 end
           i64.const 3 local.set 3 {} end
           i64.const 100 local.get 2 i64.add local.set 2 end
           local.get 2 local.get 3 i64.add local.set 2
           local.get 3 i64.const 1 i64.sub local.set 3
           local.get 3 i64.const 0 i64.gt_s i32.eqz if {} end {} end
           {last} local.get 2 return end unreachable",
        jump(2, 3),
        jump(3, 2),
        jump(2, 1),
    )
}

#[test]
fn jumps_forward_are_branches_and_jumps_back_are_not() {
    // Of the first jump, of the `if`, of its condition; of a set and a get.
    assert_eq!(saved(&jumps("")), 4 + 7 + 1 + 2);
    // Something reads what the table chooses by, or sets it otherwise.
    for last in ["local.get 0 drop", "i32.const 0 local.tee 0 drop", "local.get 1 local.set 0"] {
        assert_eq!(saved(&jumps(last)), 1 + 2, "{last}");
    }
}

const HERE: Function = Function { pc: 0x1234_0000, defer_return: 3 };

#[test]
fn places_that_nothing_goes_to_are_no_ends_of_blocks() {
    // Place 1 is nobody's, 2 is told by a PC, 3 is for recovery, 4 is jumped to.
    let whole = module(&format!(
        "{ENTRY} loop block block block block block local.get 0 br_table 0 1 2 3 4 end
           i64.const {} local.set 2 end
           local.get 2 i64.const 10 i64.add local.set 2 end
           local.get 2 i64.const 100 i64.add local.set 2 end
           local.get 2 i64.const 1000 i64.add local.set 2 end
           local.get 2 i64.const 10000 i64.add local.set 2
           local.get 2 i64.const 305438000 i64.lt_s if i32.const 4 local.set 0 br 1 end
           local.get 2 return end unreachable",
        HERE.pc + 2
    ));
    let small = shrink_as(&whole, Some(HERE), false);
    // A block, and a set and a get, which now stand next to each other.
    assert_eq!(whole.len() - shrink(&whole).len(), 2, "assembly");
    assert_eq!(whole.len() - small.len(), 2 + 3 + 2);
    for place in [0, 2, 3, 4] {
        assert_eq!(run_from(&whole, place), run_from(&small, place), "{place}");
    }
}

#[test]
fn without_places_to_resume_at_there_is_no_table() {
    let whole = module(&format!(
        "{ENTRY} block block block local.get 0 br_table 0 1 1 end
           i64.const 7 local.set 2 local.get 2 i64.eqz br_if 1 end
           local.get 2 i64.const 10 i64.add local.set 2 end
           local.get 2"
    ));
    let here = Function { defer_return: 0, ..HERE };
    let small = shrink_as(&whole, Some(here), false);
    assert_eq!(run(&whole), run(&small));
    // Two of three blocks, the table with what it chooses by, and a set and a get.
    assert_eq!(whole.len() - small.len(), 2 * 3 + 7 + 2);
}

#[test]
fn a_goroutine_resumes_behind_a_call_only_if_it_comes_back() {
    let text = format!(
        "(module (memory (export \"memory\") 1) (global $sp (mut i32) (i32.const 4096))
          (func $caller (param i32) (result i32) (local i32) global.get 0 local.set 1
            block block block local.get 0 br_table 0 1 1 end
              local.get 1 i32.const 8 i32.sub local.tee 1 global.set 0
              local.get 1 i64.const {} i64.store i32.const 0 call $unwinds
              global.get 0 local.set 1 br_if 1 end
            unreachable end i32.const 1)
          (func (export \"f\") (param i32) (result i64) (call $caller (local.get 0)) i64.extend_i32_u)
          (func $unwinds (param i32) (result i32) i32.const 1)
          (func $stub (param i64) (result i32) {}unreachable))",
        HERE.pc + 1,
        "nop ".repeat(60)
    );
    let whole = wat::parse_str(text).unwrap();
    let here = Function { defer_return: 0, ..HERE };
    let small = [true, false].map(|resumes| {
        let small = shrink_as(&whole, Some(here), resumes);
        assert_eq!(run(&whole), run(&small), "{resumes}");
        small.len()
    });
    // The blocks of both places, and the table with two entries.
    assert_eq!(small[0] - small[1], 2 * 3 + 2 + 4);
}

/// `$caller` calls as Go does, and `$unwinds` keeps what it was given.
fn calls(around: &str, read_sp: &str) -> Vec<u8> {
    let text = format!(
        "(module (memory (export \"memory\") 1) (global $sp (mut i32) (i32.const 4096))
          (func $caller (param i32) (result i32) (local i32) global.get 0 local.set 1
            {around} local.get 1 i32.const 8 i32.sub local.tee 1 global.set 0
              local.get 1 i64.const 439156758 i64.store i32.const 0 call $unwinds
              {read_sp} br_if 0 unreachable end i32.const 1)
          (func (export \"f\") (param i32) (result i64) (call $caller (i32.const 0)) i64.extend_i32_u)
          (func $unwinds (param i32) (result i32)
            (i32.store (i32.const 64) (global.get 0))
            (i64.store (i32.const 72) (i64.load (global.get 0)))
            (i32.store (i32.const 80) (local.get 0)) (i32.const 1))
          (func $stub (param i64) (result i32) {}unreachable))",
        "nop ".repeat(60)
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn calls_that_never_come_back_go_through_a_stub() {
    let reload = "global.get 0 local.set 1";
    let sizes = [
        ("block", reload),
        ("block", ""),
        ("block end block", reload),
        ("i32.const 7 drop block", reload),
    ];
    let saved = sizes.map(|(around, read_sp)| {
        let whole = calls(around, read_sp);
        let small = shrink(&whole);
        assert_eq!(run(&whole), run(&small), "{around} {read_sp}");
        whole.len() - small.len()
    });
    // SP is read no more where it is known not to be needed.
    assert_eq!([saved[0] - saved[1], saved[2], saved[3]], [4, saved[1], saved[0]]);
}

#[test]
fn comparisons_of_integers_have_opposites() {
    for kind in ["i32", "i64"] {
        for comparison in
            ["eq", "ne", "lt_s", "lt_u", "gt_s", "gt_u", "le_s", "le_u", "ge_s", "ge_u"]
        {
            for (a, b) in [(1, 1), (-1, 1), (1, -1)] {
                let compared = format!("{kind}.const {a} {kind}.const {b} {kind}.{comparison}");
                let body = format!("{ENTRY} {compared} i32.eqz i64.extend_i32_u");
                assert_eq!(saved(&body), 1, "{compared}");
            }
        }
    }
    assert_eq!(
        saved(&format!("{ENTRY} f64.const nan f64.const 1 f64.lt i32.eqz i64.extend_i32_u")),
        0
    );
}

#[test]
fn what_was_just_set_is_still_there() {
    assert_eq!(saved(&format!("{ENTRY} i64.const 7 local.set 2 local.get 2")), 2);
    assert_eq!(saved(&format!("{ENTRY} i64.const 7 local.set 2 local.get 3")), 0);
}

#[test]
fn nops_go_and_unknown_code_stays() {
    assert_eq!(saved(&format!("{ENTRY} nop nop i64.const 1 nop")), 3);
    let unknown = "ref.null func ref.is_null i64.extend_i32_u";
    let whole = module(&format!("{ENTRY} nop {unknown}"));
    assert_eq!(whole, shrink(&whole));
    let cut: Vec<u8> = vec![0, 0x41];
    let mut out = Vec::new();
    Shrinker::new(&Stubs::default()).push(&cut, None, &mut out);
    assert_eq!(out, cut);
}

/// Each kind of immediate, and an address that is said shorter on either side of each.
const SIMD: [&str; 11] = [
    "v128.const i64x2 1 2",
    "i32.const 64 v128.load offset=200 align=4",
    "i32.const 64 v128.load32_zero offset=8",
    "i64.const 9 i64x2.splat i32.const 3 i32x4.replace_lane 2",
    "v128.const i64x2 1 2 v128.const i64x2 3 4 i8x16.shuffle 0 17 2 3 4 5 6 7 24 9 10 11 12 29 14 15",
    "i32.const 64 v128.const i64x2 1 2 v128.load16_lane offset=300 5",
    "i32.const 72 v128.const i64x2 1 2 v128.store8_lane offset=1 15 v128.const i64x2 7 8",
    "i32.const 80 v128.const i64x2 5 6 v128.store v128.const i64x2 7 8",
    "v128.const i64x2 1 2 v128.not",
    "v128.const i32x4 1 -2 3 -4 i32x4.abs v128.const i32x4 9 9 9 9 i32x4.dot_i16x8_s",
    "v128.const f64x2 1.5 2.5 f64x2.nearest i32x4.trunc_sat_f64x2_u_zero",
];

#[test]
fn vectors_stay_and_what_is_around_them_is_shortened() {
    for vector in SIMD {
        let body =
            format!("{ENTRY} nop {vector} i64x2.extract_lane 1 local.set 2 nop local.get 2 nop");
        assert_eq!(saved(&body), 5, "{vector}");
    }
}

#[test]
fn an_operand_stack_of_any_depth_is_followed() {
    // No locals; SP into its local; SP + 8 as an address; then more values than a byte counts.
    let mut body = vec![0, 0x23, 0, 0x21, 1, 0x20, 1, 0xad, 0x42, 8, 0x7c, 0xa7];
    body.extend([0x41, 0].repeat(300));
    body.extend([0x1a].repeat(301));
    body.push(0x0b);
    let mut out = Vec::new();
    Shrinker::new(&Stubs::default()).push(&body, None, &mut out);
    // SP is set and kept in one; nothing else can be said shorter.
    assert_eq!(out.len(), body.len() - 2);
}
