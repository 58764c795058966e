//! Bytes of any kind: an error or a result, never a panic, and always the same.

use gowasm_directive::{BuildMode, GoPackage, Goos, Manifest, Target, interface, scan};
use std::path::{Path, PathBuf};

/// xorshift64*: the same bytes in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    /// Changes, drops and doubles some bytes.
    fn damage(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(damaged.len());
            match self.below(4) {
                0 if !damaged.is_empty() => damaged[at] = self.next() as u8,
                1 if !damaged.is_empty() => drop(damaged.remove(at)),
                2 => damaged.insert(at, self.next() as u8),
                _ => {
                    let end = (at + self.below(40)).min(damaged.len());
                    let piece = damaged[at..end].to_vec();
                    let to = self.below(damaged.len());
                    damaged.splice(to..to, piece);
                }
            }
        }
        damaged
    }
}

fn a_module() -> Vec<u8> {
    let text = r#"(module
        (import "env" "f" (func (param i32 i64) (result f32)))
        (import "env" "g" (global i32))
        (func (export "add") (param i32 i32) (result i32) local.get 0)
        (func (export "_initialize"))
        (memory 1) (export "memory" (memory 0))
        (table (export "t") 1 funcref)
        (data (i32.const 0) "bytes"))"#;
    wat::parse_str(text).expect("a module")
}

#[test]
fn modules_cut_anywhere() {
    let module = a_module();
    for end in 0..module.len() {
        let _ = interface::read(&module[..end]);
        let _ = Manifest::from_module(&module[..end]);
    }
    assert!(interface::read(&module).is_ok());
}

#[test]
fn modules_damaged_at_random() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let module = a_module();
    let (mut good, mut bad) = (0, 0);
    for _ in 0..20_000 {
        let damaged = random.damage(&module);
        match interface::read(&damaged) {
            Ok(_) => good += 1,
            Err(_) => bad += 1,
        }
    }
    assert!(good > 100 && bad > 100, "both ways are taken: {good} good, {bad} bad");
}

#[test]
fn random_bytes_are_no_module() {
    let mut random = Random(42);
    for _ in 0..5_000 {
        let length = random.below(200);
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        bytes.extend((0..length).map(|_| random.next() as u8));
        let _ = interface::read(&bytes);
        let _ = interface::read(&bytes[4..]);
    }
}

#[test]
fn a_section_that_claims_more_than_there_is() {
    // A type section of four thousand million types, in a file of a few bytes.
    let mut bytes = b"\0asm\x01\0\0\0\x01\x05".to_vec();
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0x0f]);
    assert!(interface::read(&bytes).is_err());
    // A code section that would end beyond the address space.
    let mut bytes = b"\0asm\x01\0\0\0\x0a\xff\xff\xff\xff\x0f\x01".to_vec();
    bytes.extend([0; 8]);
    assert!(interface::read(&bytes).is_err());
}

fn scan_text(dir: &Path, text: &[u8]) -> Vec<String> {
    std::fs::write(dir.join("f.go"), text).expect("a file");
    let package = GoPackage {
        import_path: "p".to_owned(),
        dir: dir.to_owned(),
        go_files: vec![PathBuf::from("f.go")],
        module: None,
        standard: false,
    };
    let target = Target { goos: Goos::Wasip1, build_mode: BuildMode::CShared };
    let found = scan(&[package], &|_| "f.go".to_owned()).expect("a readable file").check(target);
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn sources_damaged_at_random() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut random = Random(7);
    for fixture in ["types.go", "clean.go", "functions.go", "no_function.go", "spelling.go"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rules").join(fixture);
        let text = std::fs::read(path).expect("a fixture");
        for _ in 0..60 {
            let damaged = random.damage(&text);
            assert_eq!(scan_text(dir.path(), &damaged), scan_text(dir.path(), &damaged));
        }
        for end in (0..text.len()).step_by(17) {
            scan_text(dir.path(), &text[..end]);
        }
    }
}

#[test]
fn types_of_any_depth() {
    let dir = tempfile::tempdir().expect("a folder");
    let header = "package p\n\n//go:wasmexport f\nfunc f(a ";
    // One type expression, as deep as it is long.
    for piece in ["*", "[1]", "(", "struct{a "] {
        scan_text(dir.path(), format!("{header}{}int32) {{}}\n", piece.repeat(20_000)).as_bytes());
    }
    // A chain of names, and a circle of them.
    let chain: String = (0..5_000).map(|n| format!("type T{n} T{}\n", n + 1)).collect();
    scan_text(dir.path(), format!("{header}T0) {{}}\n{chain}").as_bytes());
    scan_text(dir.path(), format!("{header}T0) {{}}\n{chain}type T5000 T0\n").as_bytes());
    let arrays: String = (0..5_000).map(|n| format!("type T{n} [2]T{}\n", n + 1)).collect();
    scan_text(dir.path(), format!("{header}*T0) {{}}\n{arrays}").as_bytes());
    // Structs that hold the next one twice: as many paths as there are particles in the world.
    let wide: String = (0..60)
        .map(|n| format!("type T{n} struct {{ _ structs.HostLayout; a T{0}; c T{0} }}\n", n + 1))
        .collect();
    let header = header.replace("p\n", "p\n\nimport \"structs\"\n");
    scan_text(dir.path(), format!("{header}*T0) {{}}\n{wide}type T60 int32\n").as_bytes());
}
