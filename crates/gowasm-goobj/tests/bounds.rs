//! Objects and archives made by hand: what is whole is read, and whatever is cut off, too large or out
//! of bounds is an error, never a panic.

use gowasm_goobj::{Archive, AuxKind, FuncInfo, MAGIC, Object, ObjectHeader, SymRef};

/// The tables of an object, in file order; strings lie after them.
#[derive(Clone, Default)]
struct Tables {
    blocks: [Vec<u8>; 18],
    strings: Vec<u8>,
}

const SYMBOL_DEFS: usize = 3;
const REFERENCES: usize = 7;
const HASHED_DEFS: usize = 5;
const RELOC_INDEX: usize = 11;
const AUX_INDEX: usize = 12;
const DATA_INDEX: usize = 13;
const RELOCS: usize = 14;
const AUX: usize = 15;
const DATA: usize = 16;
const HEADER: usize = 20 + 19 * 4;

impl Tables {
    /// One definition, `a.f`, with four bytes, a relocation and an auxiliary symbol.
    fn small() -> Self {
        let mut tables = Tables { strings: b"a.f".to_vec(), ..Tables::default() };
        tables.blocks[SYMBOL_DEFS] = vec![0; 21];
        tables.blocks[SYMBOL_DEFS][10] = 1;
        tables.blocks[SYMBOL_DEFS][13] = 4;
        for (index, end) in [(RELOC_INDEX, 1u32), (AUX_INDEX, 1), (DATA_INDEX, 4)] {
            tables.blocks[index] = [0u32.to_le_bytes(), end.to_le_bytes()].concat();
        }
        tables.blocks[RELOCS] = vec![0; 23];
        tables.blocks[RELOCS][4] = 8;
        tables.blocks[AUX] = vec![0; 9];
        tables.blocks[AUX][0] = AuxKind::FuncInfo as u8;
        tables.blocks[DATA] = b"body".to_vec();
        tables
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.extend_from_slice(&[7; 8]);
        out.extend_from_slice(&[0; 4]);
        let mut at = HEADER;
        for block in &self.blocks {
            out.extend_from_slice(&(at as u32).to_le_bytes());
            at += block.len();
        }
        out.extend_from_slice(&(at as u32).to_le_bytes());
        for (number, block) in self.blocks.iter().enumerate() {
            let start = out.len();
            out.extend_from_slice(block);
            // The one symbol's name lies after the tables.
            if number == SYMBOL_DEFS && block.len() >= 8 && block[..8] == [0; 8] {
                out[start..start + 4].copy_from_slice(&(self.strings.len() as u32).to_le_bytes());
                out[start + 4..start + 8].copy_from_slice(&(at as u32).to_le_bytes());
            }
        }
        out.extend_from_slice(&self.strings);
        out
    }

    fn error(&self) -> String {
        Object::parse(&self.bytes()).expect_err("it is broken").to_string()
    }
}

#[test]
fn a_whole_object_is_read() {
    let bytes = Tables::small().bytes();
    let object = Object::parse(&bytes).unwrap();
    assert_eq!(object.fingerprint(), [7; 8]);
    assert_eq!((object.def_count(), object.symbol_count()), (1, 1));
    assert_eq!((object.name(0), object.data(0)), (&b"a.f"[..], &b"body"[..]));
    assert_eq!(object.relocs(0).next().unwrap().size(), 8);
    assert!(object.auxs(0).next().unwrap().is(AuxKind::FuncInfo));
    // A reference has no content, whatever the indexes say.
    assert_eq!((object.data(1).len(), object.relocs(1).len(), object.auxs(1).len()), (0, 0, 0));
    assert_eq!(object.file(0), None);
}

#[test]
fn an_object_cut_off_anywhere_is_refused() {
    let bytes = Tables::small().bytes();
    for length in 0..bytes.len() {
        assert!(Object::parse(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
    }
}

#[test]
fn every_word_of_the_header_may_be_anything() {
    let bytes = Tables::small().bytes();
    for at in (0..HEADER).step_by(4) {
        for value in [0, 1, HEADER as u32 - 1, u32::MAX / 2, u32::MAX] {
            let mut broken = bytes.clone();
            broken[at..at + 4].copy_from_slice(&value.to_le_bytes());
            // What is still taken for an object can be read through.
            if let Ok(object) = Object::parse(&broken) {
                for symbol in 0..object.symbol_count() {
                    let _ = (object.name(symbol), object.data(symbol));
                    let _ = object.relocs(symbol).chain(object.relocs(symbol)).count();
                }
            }
        }
    }
}

#[test]
fn names_outside_of_the_file_are_refused() {
    let mut tables = Tables::small();
    tables.blocks[SYMBOL_DEFS][..4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(tables.error().contains("the name of symbol 0 lies outside"), "{}", tables.error());
    tables.blocks[SYMBOL_DEFS][..4].copy_from_slice(&1u32.to_le_bytes());
    tables.blocks[SYMBOL_DEFS][4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(tables.error().contains("lies outside"), "{}", tables.error());
}

#[test]
fn indexes_must_grow_and_stay_in_their_tables() {
    let cases = [(RELOC_INDEX, RELOCS), (AUX_INDEX, AUX), (DATA_INDEX, DATA)];
    for (index, table) in cases {
        let mut past = Tables::small();
        past.blocks[index][4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(past.error().contains("points past its table"), "{}", past.error());
        let mut backwards = Tables::small();
        backwards.blocks[index][..4].copy_from_slice(&9u32.to_le_bytes());
        assert!(backwards.error().contains("runs backwards"), "{}", backwards.error());
        let mut short = Tables::small();
        short.blocks[index].truncate(4);
        assert!(short.error().contains("fewer entries"), "{}", short.error());
        let mut empty = Tables::small();
        empty.blocks[table].clear();
        assert!(empty.error().contains("points past its table"), "{}", empty.error());
    }
}

#[test]
fn tables_of_a_broken_size_are_refused() {
    for table in [SYMBOL_DEFS, REFERENCES] {
        let mut tables = Tables::small();
        tables.blocks[table].push(0);
        assert!(tables.error().contains("broken size"), "{}", tables.error());
    }
    let mut tables = Tables::small();
    tables.blocks[HASHED_DEFS] = vec![0; 21];
    assert!(tables.error().contains("fewer hashes"), "{}", tables.error());
}

#[test]
fn function_information_with_huge_counts_is_refused() {
    let mut bytes = vec![0; 24];
    assert!(FuncInfo::parse(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(FuncInfo::parse(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in [16, 20] {
        for count in [1, u32::MAX / 4, u32::MAX] {
            let mut broken = bytes.clone();
            broken[at..at + 4].copy_from_slice(&count.to_le_bytes());
            assert!(FuncInfo::parse(&broken).is_err(), "{count} at {at}");
        }
    }
    // One file, no inlined call.
    bytes[16] = 1;
    bytes.extend_from_slice(&[0; 4]);
    assert_eq!(FuncInfo::parse(&bytes).unwrap().files().collect::<Vec<_>>(), [0]);
}

#[test]
fn archives_are_split_into_members_and_nothing_else() {
    let header = |size: &str| format!("{:<48}{size:<10}`\n", "_go_.o").into_bytes();
    let whole = [&b"!<arch>\n"[..], &header("3"), b"abc\0", &header("2"), b"de"].concat();
    let members = Archive::parse(&whole).unwrap().members;
    let bytes: Vec<&[u8]> = members.iter().map(|member| member.bytes).collect();
    assert_eq!(bytes, [&b"abc"[..], b"de"]);
    for size in ["4294967295", "18446744073", "-1", "x", ""] {
        let broken = [&b"!<arch>\n"[..], &header(size), b"abc"].concat();
        assert!(Archive::parse(&broken).is_err(), "size {size:?}");
    }
    for length in 9..8 + 60 {
        assert!(Archive::parse(&whole[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn an_object_without_the_end_of_its_header_is_refused() {
    assert!(ObjectHeader::parse(b"a C object file").unwrap().is_none());
    assert!(ObjectHeader::parse(b"go object wasip1 wasm go1.26.8 X:").is_err());
    assert!(ObjectHeader::parse(b"go object wasip1 wasm go1.26.8 X:\nmain\n").is_err());
    let whole = b"go object wasip1 wasm go1.26.8 X:\nmain\n\n!\nrest";
    let header = ObjectHeader::parse(whole).unwrap().unwrap();
    assert_eq!((header.main, header.body), (true, &b"rest"[..]));
    assert_eq!(header.target(), Some(["wasip1", "wasm", "go1.26.8"]));
}

#[test]
fn references_say_what_they_are() {
    use gowasm_goobj::PackageRef::*;
    let kind = |package: u32| SymRef { package, index: 1 }.kind();
    let none = i32::MAX as u32;
    let kinds = [0, none, none - 1, none - 2, none - 3, none - 4, 5].map(kind);
    assert_eq!(kinds, [Invalid, NonPackage, Hashed64, Hashed, Builtin, Own, Other(5)]);
}
