//! The main package of a test program: `go test` writes one like it.

use crate::{Failure, cover, files};
use std::fmt::Write;
use std::path::Path;
use tree_sitter::{Node, Parser};

/// The functions that the testing package knows what to do with, in the order of the files.
#[derive(Debug, Default)]
pub(crate) struct Tests {
    tests: Vec<String>,
    benchmarks: Vec<String>,
    fuzz_targets: Vec<String>,
    examples: Vec<Example>,
    /// `TestMain` takes the place of the usual way to run them.
    has_main: bool,
}

#[derive(Debug)]
struct Example {
    name: String,
    output: String,
    unordered: bool,
}

impl Tests {
    fn is_empty(&self) -> bool {
        let lists = [&self.tests, &self.benchmarks, &self.fuzz_targets];
        lists.iter().all(|list| list.is_empty()) && self.examples.is_empty() && !self.has_main
    }
}

/// What the test files of a package declare. Files that Go cannot parse are left to the compiler.
pub(crate) fn find(stage: &Path, names: &[String]) -> Result<Tests, Failure> {
    let mut tests = Tests::default();
    let mut parser = Parser::new();
    let language = tree_sitter_go::LANGUAGE.into();
    parser.set_language(&language).map_err(|error| {
        let error = std::io::Error::other(error);
        Failure::io("parse", stage, &error)
    })?;
    for name in names {
        let text = files::read(&stage.join(name))?;
        let Some(tree) = parser.parse(&text, None) else { continue };
        let root = tree.root_node();
        for function in root.named_children(&mut root.walk()) {
            if function.kind() == "function_declaration" {
                add(&mut tests, function, &text);
            }
        }
    }
    Ok(tests)
}

fn add(tests: &mut Tests, function: Node<'_>, text: &[u8]) {
    let str = |node: Node<'_>| std::str::from_utf8(&text[node.byte_range()]).unwrap_or_default();
    let field = |name| function.child_by_field_name(name).map(str).unwrap_or_default();
    let name = field("name").to_owned();
    // `(t *testing.T)`, whatever the package is called here.
    let takes = |letter: &str| field("parameters").trim_end_matches(')').ends_with(letter);
    if name == "TestMain" && takes(".M") {
        tests.has_main = true;
    } else if is_named(&name, "Test") && takes(".T") {
        tests.tests.push(name);
    } else if is_named(&name, "Benchmark") && takes(".B") {
        tests.benchmarks.push(name);
    } else if is_named(&name, "Fuzz") && takes(".F") {
        tests.fuzz_targets.push(name);
    } else if is_named(&name, "Example") && field("parameters") == "()" {
        tests.examples.extend(example(name, function, text));
    }
}

/// `TestX` and `Test`, but not `Testing`.
fn is_named(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()))
}

/// An example without a comment that says its output is only compiled.
fn example(name: String, function: Node<'_>, text: &[u8]) -> Option<Example> {
    let body = function.child_by_field_name("body")?;
    let mut lines: Vec<&str> = Vec::new();
    let body = std::str::from_utf8(&text[body.byte_range()]).ok()?;
    for line in body.trim_end_matches('}').trim_end().lines().rev() {
        match line.trim().strip_prefix("//") {
            Some(comment) => lines.insert(0, comment.trim()),
            None => break,
        }
    }
    let comment = lines.join("\n");
    let lower = comment.to_ascii_lowercase();
    let (head, unordered) = match lower.starts_with("unordered output:") {
        true => ("unordered output:", true),
        false => ("output:", false),
    };
    let output = lower.starts_with(head).then(|| comment[head.len()..].trim().to_owned())?;
    Some(Example {
        name,
        output: if output.is_empty() { output } else { output + "\n" },
        unordered,
    })
}

/// As `go test -cover` has it.
const COVERAGE: &str = "func init() {
	testdeps.CoverMode = \"MODE\"
	testdeps.CoverSnapshotFunc = cfile.Snapshot
	testdeps.CoverProcessTestDirFunc = cfile.ProcessCoverTestDir
	testdeps.CoverMarkProfileEmittedFunc = cfile.MarkProfileEmitted
}

";

/// Bazel starts the program once a shard, and says so in its environment.
const SHARD: &str = "var number int

func inShard[T any](all []T) []T {
	shards, _ := strconv.Atoi(os.Getenv(\"TEST_TOTAL_SHARDS\"))
	index, _ := strconv.Atoi(os.Getenv(\"TEST_SHARD_INDEX\"))
	if shards < 2 {
		return all
	}
	var chosen []T
	for _, one := range all {
		if number%shards == index {
			chosen = append(chosen, one)
		}
		number++
	}
	return chosen
}

";

pub(crate) fn text(import_path: &str, inner: &Tests, outer: &Tests, coverage: bool) -> String {
    let mut text = String::from("package main\n\nimport (\n");
    if coverage {
        text += "\t\"internal/coverage/cfile\"\n";
    }
    text += "\t\"os\"\n";
    let main = match (inner.has_main, outer.has_main) {
        (true, _) => Some("_test"),
        (_, true) => Some("_xtest"),
        _ => None,
    };
    if main.is_some() {
        text += "\t\"reflect\"\n";
    }
    text += "\t\"strconv\"\n\t\"testing\"\n\t\"testing/internal/testdeps\"\n";
    let packages = [
        ("_test", import_path.to_owned(), inner),
        ("_xtest", format!("{import_path}_test"), outer),
    ];
    for (name, path, tests) in &packages {
        let name = if tests.is_empty() { "_" } else { *name };
        let _ = writeln!(text, "\t{name} {path:?}");
    }
    let _ = writeln!(text, ")\n\nfunc init() {{ testdeps.ImportPath = {import_path:?} }}\n");
    if coverage {
        text += &COVERAGE.replace("MODE", cover::MODE);
    }
    let mut list = |variable: &str, kind: &str, of: &dyn Fn(&Tests) -> Vec<(String, String)>| {
        let _ = writeln!(text, "var {variable} = []testing.{kind}{{");
        for (package, _, tests) in &packages {
            for (name, more) in of(tests) {
                let _ = writeln!(text, "\t{{{name:?}, {package}.{name}{more}}},");
            }
        }
        text += "}\n\n";
    };
    let plain = |names: &[String]| names.iter().map(|name| (name.clone(), String::new())).collect();
    list("tests", "InternalTest", &|tests| plain(&tests.tests));
    list("benchmarks", "InternalBenchmark", &|tests| plain(&tests.benchmarks));
    list("fuzzTargets", "InternalFuzzTarget", &|tests| plain(&tests.fuzz_targets));
    list("examples", "InternalExample", &|tests| {
        let more = |e: &Example| format!(", {:?}, {}", e.output, e.unordered);
        tests.examples.iter().map(|example| (example.name.clone(), more(example))).collect()
    });
    text += SHARD;
    text += "func main() {\n\tm := testing.MainStart(testdeps.TestDeps{}, inShard(tests), inShard(benchmarks), inShard(fuzzTargets), inShard(examples))\n";
    match main {
        // As `go test` does: what TestMain left in m is the exit code.
        Some(package) => {
            let _ = writeln!(
                text,
                "\t{package}.TestMain(m)\n\tos.Exit(int(reflect.ValueOf(m).Elem().FieldByName(\"exitCode\").Int()))"
            );
        }
        None => text += "\tos.Exit(m.Run())\n",
    }
    text + "}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_count_by_name_and_by_what_they_take() {
        let folder = tempfile::tempdir().unwrap();
        let text = "package a_test\n\nimport \"testing\"\n\n\
            func TestA(t *testing.T) {}\nfunc Testing(t *testing.T) {}\nfunc TestB(x int) {}\n\
            func BenchmarkA(b *testing.B) {}\nfunc FuzzA(f *testing.F) {}\n\
            func ExampleA() {\n\tprintln()\n\t// Output:\n\t// one\n\t// two\n}\nfunc ExampleB() {}\n\
            func (x T) TestC(t *testing.T) {}\nvar s = `\nfunc TestD(t *testing.T) {}\n`\n";
        std::fs::write(folder.path().join("a_test.go"), text).unwrap();
        let found = find(folder.path(), &["a_test.go".to_owned()]).unwrap();
        assert_eq!(found.tests, ["TestA"]);
        assert_eq!((found.benchmarks.len(), found.fuzz_targets.len()), (1, 1));
        assert_eq!(found.examples.len(), 1);
        assert_eq!(found.examples[0].output, "one\ntwo\n");
        let main = super::text("example.com/a", &Tests::default(), &found, false);
        assert!(
            main.contains("\t_ \"example.com/a\"\n\t_xtest \"example.com/a_test\"\n"),
            "{main}"
        );
        assert!(
            main.contains("{\"ExampleA\", _xtest.ExampleA, \"one\\ntwo\\n\", false},"),
            "{main}"
        );
    }
}
