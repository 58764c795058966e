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
    }
}
