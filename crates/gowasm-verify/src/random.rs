//! A plan of calls with random arguments: what they give is for another module to give as well.

use crate::plan::Plan;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::interface::ItemKind;
use gowasm_directive::{Manifest, ManifestExport, WasmType};
use std::fmt::Write;

/// How many calls of each export, and what decides their arguments.
#[derive(Debug, Clone, Copy)]
pub struct Random {
    pub calls: u32,
    pub seed: u64,
}

/// For a call: a random argument may ask for a loop of any length.
const STEPS: u64 = 20_000_000;
/// Values at which code often goes another way, for 32 and for 64 bits.
const EDGES: [u64; 12] = [
    0,
    1,
    2,
    0x7f,
    0xff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0x7ff8_0000_0000_0001,
    u64::MAX,
];

impl Random {
    /// Each call has an instance of its own, so that one that traps does not end the others.
    pub(crate) fn plan(self, manifest: &Manifest) -> Result<Plan, Vec<Diagnostic>> {
        let mut state = self.seed;
        let mut text = String::new();
        for export in manifest.exports.iter().filter(|export| can_be_called(export)) {
            for _ in 0..self.calls {
                let params = export.params.iter().flatten();
                let args: Vec<String> = params.map(|param| argument(*param, &mut state)).collect();
                let _ = writeln!(
                    text,
                    "[[call]]\nexport = {}\nargs = [{}]\nfresh = true\nstep_limit = {STEPS}",
                    toml::Value::from(export.name.as_str()),
                    args.join(", ")
                );
            }
        }
        Plan::parse(&text, &format!("random calls, seed {}", self.seed))
    }
}

/// Whether any numbers are arguments: an address at random says nothing of the module.
fn can_be_called(export: &ManifestExport) -> bool {
    let addresses = |go_type: &str| {
        go_type.starts_with('*') || ["string", "uintptr", "unsafe.Pointer"].contains(&go_type)
    };
    let params = export.go.iter().flat_map(|go| &go.params);
    export.kind == ItemKind::Func
        && !export.name.starts_with('_')
        && !params.into_iter().any(|param| addresses(&param.go_type))
}

fn argument(param: WasmType, state: &mut u64) -> String {
    let choice = next(state);
    let bits = match choice % 4 {
        0 => EDGES[(choice >> 8) as usize % EDGES.len()],
        1 => (choice >> 8) % 1000,
        _ => next(state),
    };
    match param {
        WasmType::I32 | WasmType::F32 => format!("{{ bits = {:#x} }}", bits as u32),
        _ => format!("{{ bits = {bits:#x} }}"),
    }
}

/// splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut value = *state;
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
