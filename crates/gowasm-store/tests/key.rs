//! The key of one fixed action, against an encoding of the same messages written by hand from the
//! protocol buffers' wire format. A change of it empties every cache there is.

use gowasm_store::{Action, Digest};
use sha2::{Digest as _, Sha256};

/// Field numbers and types: remote_execution.proto of the Remote Execution API, version 2.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn digest(of: &[u8]) -> Vec<u8> {
    let hash: String = Sha256::digest(of).iter().map(|byte| format!("{byte:02x}")).collect();
    let size = if of.is_empty() { Vec::new() } else { number(2, of.len() as u64) };
    [bytes(1, hash.as_bytes()), size].concat()
}

fn pair(field: u64, name: &str, value: &str) -> Vec<u8> {
    bytes(field, &[bytes(1, name.as_bytes()), bytes(2, value.as_bytes())].concat())
}

#[test]
fn a_fixed_action_keeps_its_key() {
    let archive = vec![b'a'; 300];
    let encoded = Action::new(["gowasm", "link", "-o", "out.wasm"])
        .env("GOOS", "wasip1")
        .env("GOARCH", "wasm")
        .input_bytes("pkg/main.a", &archive, false)
        .input_bytes("importcfg", b"", false)
        .input_bytes("bin/gowasm", b"tool", true)
        .output("out.wasm")
        .output("out.manifest.json")
        .platform("go", "1.26.8")
        .encode()
        .unwrap();

    let bin = bytes(1, &[bytes(1, b"gowasm"), bytes(2, &digest(b"tool")), number(4, 1)].concat());
    let pkg = bytes(1, &[bytes(1, b"main.a"), bytes(2, &digest(&archive))].concat());
    let root = [
        bytes(1, &[bytes(1, b"importcfg"), bytes(2, &digest(b""))].concat()),
        bytes(2, &[bytes(1, b"bin"), bytes(2, &digest(&bin))].concat()),
        bytes(2, &[bytes(1, b"pkg"), bytes(2, &digest(&pkg))].concat()),
    ]
    .concat();
    let platform = pair(1, "go", "1.26.8");
    let command = [
        bytes(1, b"gowasm"),
        bytes(1, b"link"),
        bytes(1, b"-o"),
        bytes(1, b"out.wasm"),
        pair(2, "GOARCH", "wasm"),
        pair(2, "GOOS", "wasip1"),
        bytes(5, &platform),
        bytes(7, b"out.manifest.json"),
        bytes(7, b"out.wasm"),
    ]
    .concat();
    let action =
        [bytes(1, &digest(&command)), bytes(2, &digest(&root)), bytes(10, &platform)].concat();

    assert_eq!(encoded.command, command);
    let (_, last) = encoded.directories.last().unwrap();
    assert_eq!(*last, root);
    assert_eq!(encoded.directories.len(), 3);
    assert_eq!(encoded.action, action);
    assert_eq!(encoded.key.0, Digest::of(&action));
    assert_eq!(encoded.key.to_string(), GOLDEN);
}

const GOLDEN: &str = "dc6bbe21d29c034b86af8a44e79416adac09f03df5aef49247a95f7df4b59c60";
