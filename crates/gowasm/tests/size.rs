//! `gowasm size` as a user meets it.

#![cfg(unix)]

mod support;

use support::{Project, REACTOR};

#[test]
fn every_byte_is_told_and_what_became_of_it() {
    let project = Project::new(REACTOR);
    for (size, module) in [("none", "whole.wasm"), ("safe", "small.wasm")] {
        let mode = "--buildmode=c-shared";
        project.ok(&["build", "-q", mode, "-o", module, "--no-verify", "--size", size]);
    }
    let [whole, small] =
        ["whole", "small"].map(|name| project.read(&format!("work/{name}.wasm")).len() as u64);

    let report: serde_json::Value =
        serde_json::from_str(&project.ok(&["size", "small.wasm", "--json"]).stdout).unwrap();
    assert_eq!(report["bytes"].as_u64(), Some(small));
    for view in ["sections", "packages", "tables"] {
        let rows = report[view].as_array().unwrap();
        let sum: u64 = rows.iter().map(|row| row["bytes"].as_u64().unwrap()).sum();
        assert_eq!(sum, small, "{view}");
    }

    let by = project.ok(&["size", "small.wasm", "--by", "function", "--top", "3"]).stdout;
    assert!(by.lines().count() <= 5 && by.contains("more)") && by.contains("all"), "{by}");

    let diff =
        project.ok(&["size", "small.wasm", "--diff", "whole.wasm", "--by", "section"]).stdout;
    let last = diff.lines().last().unwrap();
    for part in [whole.to_string(), small.to_string(), format!("-{}", whole - small)] {
        assert!(last.contains(&part), "{part} in {last}");
    }

    let budget = |bytes: u64| project.run(&["size", "small.wasm", "--budget", &bytes.to_string()]);
    assert_eq!(budget(small).code, Some(0));
    let run = budget(small - 7);
    let said = format!("has {small} bytes, 7 more than its budget");
    assert!(run.code == Some(1) && run.stderr.contains(&said), "{}", run.stderr);
    assert!(run.stdout.contains("runtime"), "{}", run.stdout);

    project.ok(&["size", "small.wasm", "--html", "small.html"]);
    let page = String::from_utf8(project.read("work/small.html")).unwrap();
    assert!(page.contains("runtime.mallocgc") && !page.contains("https://"));
}

#[test]
fn what_is_no_module_is_an_error_and_leaves_no_page() {
    let project = Project::new(REACTOR);
    project.write("work/broken.wasm", "\0asm\u{1}\0\0\0\u{1}\u{7f}");
    for module in ["broken.wasm", "missing.wasm", "main.go"] {
        let run = project.run(&["size", module, "--html", "page.html"]);
        assert_eq!(run.code, Some(1), "{module}: {}", run.stdout);
        assert!(run.stderr.contains(module) && run.stderr.contains("hint: "), "{}", run.stderr);
        assert!(!project.exists("work/page.html"));
        assert!(!run.stderr.contains("[0x"), "{}", run.stderr);
    }
}

const ARITHMETIC: &str = "package main

import (
	\"fmt\"
	\"math\"
	\"os\"
	\"sort\"
)

//go:wasmexport divide
func divide(a, b int64) int64 { return a / b }

//go:wasmexport root
func root(x float64, y float32) float64 { return math.Sqrt(x) + float64(y) }

//go:wasmexport digits
func digits(n uint32, upper bool) uint32 {
	text := []byte(fmt.Sprintf(\"%x %v\", n, upper))
	sort.Slice(text, func(i, j int) bool { return text[i] < text[j] })
	return uint32(text[n%uint32(len(text)+1)])
}

//go:wasmexport quit
func quit(code int32) {
	if code%3 == 0 {
		os.Exit(int(code & 0x7f))
	}
}

//go:wasmexport first
func first(at *byte) int32 { return int32(*at) }

func main() {}
";

#[test]
fn a_small_module_does_what_the_whole_one_does_with_any_arguments() {
    let project = Project::new(ARITHMETIC);
    let build = |module: &str, size: &str| {
        let mode = ["--buildmode=c-shared", "--embed-manifest", "--no-verify"];
        let rest = ["-o", module, "--size", size];
        project.ok(&[&["build", "-q"], &mode[..], &rest].concat());
    };
    for (module, size) in [("whole.wasm", "none"), ("safe.wasm", "safe"), ("small.wasm", "small")] {
        build(module, size);
    }
    let against = |module: &str| {
        project.run(&[
            "verify",
            module,
            "--against",
            "whole.wasm",
            "--random",
            "25",
            "--message-format",
            "json",
        ])
    };
    for module in ["safe.wasm", "small.wasm"] {
        let run = against(module);
        let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(run.code, Some(0), "{module}: {found:#}");
        // Four exports, and not the one that takes an address, beside the steps of every module.
        assert!(found["steps"].as_u64().unwrap() >= 4 * 25, "{found:#}");
        assert_eq!(found["differences"].as_array().unwrap().len(), 0);
    }

    project.write("work/main.go", &ARITHMETIC.replace("return a / b", "return a/b + a>>62"));
    build("other.wasm", "small");
    let run = project.run(&["verify", "other.wasm", "--against", "whole.wasm", "--random", "25"]);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(run.stdout.contains("DIFFER divide("), "{}", run.stdout);
    assert!(run.stdout.contains("before: returned "), "{}", run.stdout);
    assert!(!run.stdout.contains("DIFFER root("), "{}", run.stdout);

    let run = project.run(&["verify", "safe.wasm", "--against", "whole.wasm", "--engine", "all"]);
    assert_eq!(run.code, Some(2), "{}", run.stderr);
    assert!(run.stderr.contains("`--against` compares in one engine"), "{}", run.stderr);
}
