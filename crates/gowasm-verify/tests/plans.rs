//! Plans that cannot be read: every fault with its line and column.

use gowasm_verify::Plan;

fn faults(plan: &str) -> String {
    let faults = Plan::parse(plan, "t.plan.toml").expect_err("the plan has faults");
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

#[test]
fn not_toml() {
    insta::assert_snapshot!(faults("[[call]]\nexport = \"add\nargs = [1"));
}

#[test]
fn keys_and_types() {
    insta::assert_snapshot!(faults(
        r#"[[call]]
exprot = "add"
[[call]]
export = 7
args = "2"
[[call]]
export = "add"
args = ["2", [3], { strnig = "x" }, { string = "x", bytes = "00" }, { bytes = "0" }]
returns = { packed_string = "x", string_at = "y" }
traps = "x"
[[call]]
export = "add"
args = [{ string = "x", pass = "length" }]
fresh = 1
exits = 4294967296
[memory]
alocator = "malloc"
[start]
returns = 1
[[host]]
module = "env"
name = "f"
args = [1]
writes = [{ at = 0, u8 = 256 }, { u32 = 1 }, { at = 1000, f32 = 1 }]
[[host]]
module = "env"
name = "f"
[[host]]
module = "wasi_snapshot_preview1"
name = "fd_write"
[cal]
"#
    ));
}

#[test]
fn any_text_is_read_or_refused() {
    let plan = "[[call]]\nexport = \"é\"\nargs = [1, { string = \"x\" }]\nreturns = 0x7f\n";
    for cut in (0..plan.len()).filter(|&cut| plan.is_char_boundary(cut)) {
        let _ = Plan::parse(&plan[..cut], "p");
        let _ = Plan::parse(&format!("{}={}", &plan[..cut], &plan[cut..]), "p");
    }
    let _ = Plan::parse(&"[".repeat(100_000), "p");
    let _ = Plan::parse(&format!("a = {}", "[".repeat(100_000)), "p");
}
