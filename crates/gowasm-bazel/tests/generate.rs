//! `gowasm bazel generate` in real workspaces, with a real Go.

use gowasm_bazel::{Failure, Generate, Generated, generate};
use gowasm_build::Silent;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use tempfile::TempDir;

const MODULE: &str = r#"module(name = "app")

bazel_dep(name = "rules_go_wasm", version = "0.1.0")

go_wasm = use_extension("@rules_go_wasm//rules:extensions.bzl", "go_wasm")
go_wasm.modules(
    name = "others",
    go_mod = "//:go.mod",
    go_sum = "//:go.sum",
)
use_repo(go_wasm, "go_wasm_toolchains", third = "others")
"#;

const GO_MOD: &str = "module example.com/app\n\ngo 1.24.3\n\nrequire example.com/far v0.0.0\n\n\
    replace example.com/far => ../far\n";

struct Place {
    folder: TempDir,
}

impl Place {
    /// A workspace of several packages, and a Go module beside it.
    fn new() -> Self {
        let place = Place { folder: tempfile::tempdir().unwrap() };
        place.write("../far/go.mod", "module example.com/far\n\ngo 1.24\n");
        place
            .write("../far/deep/deep.go", "package deep\n\n//go:wasmexport deep\nfunc Deep() {}\n");
        place.write("MODULE.bazel", MODULE);
        place.write("go.mod", GO_MOD);
        place.write(
            "words/words.go",
            "package words\n\nimport _ \"embed\"\n\n//go:embed texts/a.txt\nvar A string\n",
        );
        place.write("words/texts/a.txt", "a");
        place.write(
            "words/words_js.go",
            "package words\n\nimport _ \"example.com/app/internal/page\"\n",
        );
        place.write("words/words_test.go", "package words_test\n\nimport (\n\t_ \"example.com/app/words\"\n\t_ \"example.com/far/deep\"\n\t_ \"testing\"\n)\n");
        place.write("words/testdata/x", "");
        place.write("words/wide_test.go", "//go:build windows\n\npackage words\n");
        place.write("internal/page/page.go", "package page\n\nimport _ \"syscall/js\"\n");
        place.write(
            "page/main.go",
            "package main\n\nimport _ \"example.com/app/internal/page\"\n\nfunc main() {}\n",
        );
        place.write("plugin/main.go", "package main\n\nimport (\n\t_ \"example.com/app/words\"\n\t_ \"example.com/far/deep\"\n)\n\nfunc main() {}\n");
        place.write("plugin/plugin.plan.toml", "");
        place.write(
            "tool/main.go",
            "package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n",
        );
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("app").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path("")).unwrap();
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn ask(&self, tags: Option<&[&str]>) -> Result<Generated, Failure> {
        let gos = std::env::var_os("GOWASM_TEST_GOS").unwrap_or_default();
        let request = Generate {
            started_in: self.path(""),
            folders: vec![PathBuf::from(".")],
            tags: tags.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect()),
            go: std::env::split_paths(&gos).next().filter(|go| !go.as_os_str().is_empty()),
        };
        generate(&request, &Silent, &AtomicBool::new(false))
    }

    /// Writes what should be there; a second time nothing is left to do.
    fn generate(&self, tags: &[&str]) -> Generated {
        self.generate_with(Some(tags).filter(|tags| !tags.is_empty()))
    }

    fn generate_with(&self, tags: Option<&[&str]>) -> Generated {
        let done = self.ask(tags).unwrap_or_else(|failure| panic!("{failure}"));
        done.changes.iter().for_each(|change| change.write().unwrap());
        let again = self.ask(None).unwrap();
        assert!(again.changes.is_empty(), "{:#?}", again.changes);
        done
    }

    fn refused(&self) -> String {
        self.ask(None).unwrap_err().to_string()
    }
}

fn has(text: &str, part: &str) {
    assert!(text.contains(part), "there is no\n{part}\nin\n{text}");
}

const WORDS: &str = r#"load("@rules_go_wasm//rules:defs.bzl", "go_wasm_package", "go_wasm_test")

go_wasm_package(
    name = "words",
    srcs = [
        "words.go",
        "words_js.go",
    ],
    embedsrcs = ["texts/a.txt"],
    importpath = "example.com/app/words",
    lang = "go1.24",
    std = ["embed"],
    visibility = ["//visibility:public"],
    deps = select({
        "@rules_go_wasm//toolchains:is_js": ["//internal/page"],
        "@rules_go_wasm//toolchains:is_wasip1": [],
    }),
)

go_wasm_test(
    name = "words_test",
    srcs = ["words_test.go"],
    data = glob(["testdata/**"]),
    embed = [":words"],
    std = ["testing"],
    deps = ["@third//example.com/far/deep"],
)
"#;

#[test]
fn every_package_gets_its_rules() {
    let place = Place::new();
    let done = place.generate(&[]);
    let written: Vec<_> = done.changes.iter().map(|change| change.shown.as_str()).collect();
    let folders = ["internal/page", "page", "plugin", "tool", "words"];
    assert_eq!(written, folders.map(|folder| format!("{folder}/BUILD.bazel")));
    assert_eq!(done.warnings, []);
    assert_eq!(place.read("words/BUILD.bazel"), WORDS);
    // Its export is that of somebody else's package.
    let plugin = place.read("plugin/BUILD.bazel");
    has(&plugin, "\ngo_wasm_library(\n    name = \"plugin\",\n");
    has(&plugin, "    plan = \"plugin.plan.toml\",\n");
    has(
        &plugin,
        "    deps = [\n        \"//words\",\n        \"@third//example.com/far/deep\",\n    ],\n",
    );
    has(&place.read("tool/BUILD.bazel"), "\ngo_wasm_binary(\n    name = \"tool\",\n");
    has(&place.read("tool/BUILD.bazel"), "    std = [\"fmt\"],\n");
    // Not to have the attribute is to have all of the standard library.
    has(&plugin, "    std = [],\n");
    has(&place.read("page/BUILD.bazel"), "    goos = \"js\",\n");
    has(&place.read("internal/page/BUILD.bazel"), "    visibility = [\"//:__subpackages__\"],\n");
}

#[test]
fn what_is_written_by_hand_stays() {
    let place = Place::new();
    let by_hand = r#"# Of the words.
load("@rules_go_wasm//rules:defs.bzl", package = "go_wasm_package")
load("//other:defs.bzl", "other")

# The one with the texts.
package(
    name = "the_words",  # not the folder's name
    srcs = [
        "gone.go",
        "made.go",
        "words.go",  # first
        # Somebody else's.
        "//other:more.go",
    ],
    # keep: written by hand
    embedsrcs = glob(["texts/*"]),
    importpath = 'example.com/app/words',
    visibility = ["//plugin:__pkg__"],
    deps = [
        "//gone",
        "//needed",  # keep
    ],
)

other(name = "the_words_test")

genrule(
    name = "make",
    outs = ["made.go"],
)
"#;
    place.write("words/BUILD", by_hand);
    place.write("words/words_js.go", "package words\n");
    place.generate(&[]);
    let expected = by_hand
        .replace("        \"gone.go\",\n", "")
        .replace("first\n", "first\n        \"words_js.go\",\n")
        .replace(
            "'example.com/app/words',\n",
            "'example.com/app/words',\n    lang = \"go1.24\",\n    std = [\"embed\"],\n",
        )
        .replace("        \"//gone\",\n", "");
    // The name of the test is taken; the load has no word to say of it.
    assert_eq!(place.read("words/BUILD"), expected);
    has(&place.read("plugin/BUILD.bazel"), "\"//words:the_words\"");
}

#[test]
fn files_follow_the_sources() {
    let place = Place::new();
    place.write(
        "tool/tagged.go",
        "//go:build tagged\n\npackage main\n\nimport _ \"example.com/app/words\"\n",
    );
    place.generate(&[]);
    assert!(!place.read("tool/BUILD.bazel").contains("deps"));
    place.generate(&["tagged"]);
    has(&place.read("tool/BUILD.bazel"), "    deps = [\"//words\"],\n");
    // The tags are remembered until others are named.
    assert_eq!(place.read("BUILD.bazel"), "# gowasm:tags tagged\n");
    assert!(place.generate(&[]).changes.is_empty());
    place.generate_with(Some(&[]));
    assert!(!place.read("tool/BUILD.bazel").contains("deps"));
    assert_eq!(place.read("BUILD.bazel"), "");
    place.generate(&["tagged"]);
    // The dependency goes, tests appear in a package main, another package goes.
    fs::remove_file(place.path("tool/tagged.go")).unwrap();
    place.write("tool/main_test.go", "package main\n\nimport _ \"testing\"\n");
    fs::remove_file(place.path("plugin/main.go")).unwrap();
    fs::remove_file(place.path("words/words_test.go")).unwrap();
    place.generate(&[]);
    let tool = place.read("tool/BUILD.bazel");
    assert!(!tool.contains("deps"), "{tool}");
    has(&tool, "load(\"@rules_go_wasm//rules:defs.bzl\", \"go_wasm_binary\", \"go_wasm_test\")\n");
    has(
        &tool,
        "    name = \"tool_test\",\n    srcs = [\"main_test.go\"],\n    embed = [\":tool\"],\n",
    );
    assert_eq!(place.read("plugin/BUILD.bazel"), "");
    let (before, _) = WORDS.split_once("\ngo_wasm_test(").unwrap();
    assert_eq!(place.read("words/BUILD.bazel"), before.replace(", \"go_wasm_test\"", ""));
}

#[test]
fn rules_and_files_are_left_alone_on_request() {
    let place = Place::new();
    let kept = "load(\"@rules_go_wasm//rules:defs.bzl\", \"go_wasm_binary\")\n\n# keep\n\
        go_wasm_binary(\n    name = \"tool\",\n    srcs = [\"gone.go\"],\n    importpath = \"example.com/app/tool\",\n)\n";
    place.write("tool/BUILD.bazel", kept);
    let ignored = "# gowasm:ignore\n";
    place.write("plugin/BUILD.bazel", ignored);
    place.write("plugin/other.go", "package other\n");
    let own = "load(\"@rules_go_wasm//rules:defs.bzl\", \"go_wasm_package\")\n\ngo_wasm_package(\n    name = \"page\",\n    \
        srcs = glob([\"*.go\"]),\n    importpath = \"example.com/app/internal/page\",\n    lang = LANG,\n    deps = DEPS,\n)\n";
    place.write("internal/page/page.go", "package page\n\nimport _ \"example.com/far/deep\"\n");
    place.write("internal/page/BUILD.bazel", own);
    let warnings = place.generate(&[]).warnings;
    assert_eq!(place.read("tool/BUILD.bazel"), kept);
    assert_eq!(place.read("plugin/BUILD.bazel"), ignored);
    let own = own.replace("lang = LANG,\n", "lang = LANG,\n    std = [],\n");
    assert_eq!(place.read("internal/page/BUILD.bazel"), own);
    let said: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    let warning =
        "internal/page/BUILD.bazel:8:5: warning: `deps` of go_wasm_package `page` is an expression";
    has(&said[0], warning);
    has(&said[0], "@third//example.com/far/deep");
}

#[test]
fn import_paths_have_the_targets_that_the_user_names() {
    let place = Place::new();
    place.write(
        "BUILD.bazel",
        "# gowasm:resolve example.com/app/made //proto:made_go\n# gowasm:resolve example.com/far/deep @far//:deep\n",
    );
    place.write(
        "tool/main.go",
        "package main\n\nimport _ \"example.com/app/made\"\n\nfunc main() {}\n",
    );
    place.generate(&[]);
    has(&place.read("tool/BUILD.bazel"), "deps = [\"//proto:made_go\"]");
    has(&place.read("plugin/BUILD.bazel"), "\"@far//:deep\"");
}

#[test]
fn packages_that_rules_make_are_found_by_their_import_paths() {
    let place = Place::new();
    let made = "load(\"@rules_go_wasm//rules:defs.bzl\", \"go_wasm_package\")\nload(\"//:defs.bzl\", \"words_from\")\n\n\
        genrule(\n    name = \"make\",\n    outs = [\"made.go\"],\n)\n\n\
        go_wasm_package(\n    name = \"made_lib\",\n    srcs = [\"made.go\"],\n    importpath = \"example.com/app/made\",\n)\n\n\
        words_from(\n    name = \"macro\",\n    importpath = \"example.com/app/by/macro\",\n)\n";
    place.write("made/BUILD.bazel", made);
    place.write(
        "tool/main.go",
        "package main\n\nimport (\n\t_ \"example.com/app/by/macro\"\n\t_ \"example.com/app/made\"\n)\n\nfunc main() {}\n",
    );
    place.generate(&[]);
    assert_eq!(place.read("made/BUILD.bazel"), made);
    let tool = place.read("tool/BUILD.bazel");
    has(&tool, "        \"//made:macro\",\n        \"//made:made_lib\",\n");
    // What rules_go compiles is none of ours.
    let of_rules_go = made
        .replace("go_wasm_package", "go_library")
        .replace("rules_go_wasm//rules:", "rules_go//go:");
    place.write("made/BUILD.bazel", &of_rules_go);
    let said = place.refused();
    has(&said, "tool/main.go:5:2: error: ");
    has(&said, "hint: the rule in tool/BUILD.bazel cannot be written");
}

#[test]
fn a_renamed_folder_keeps_its_rules() {
    let place = Place::new();
    place.generate(&[]);
    fs::rename(place.path("words"), place.path("phrases")).unwrap();
    place.write(
        "phrases/words_test.go",
        "package words_test\n\nimport (\n\t_ \"example.com/app/phrases\"\n\t_ \"example.com/far/deep\"\n\t_ \"testing\"\n)\n",
    );
    // Who imports it by its old name is told so.
    let said = place.refused();
    let rule = "plugin/BUILD.bazel: go_wasm_library `plugin`";
    has(&said, &format!("{rule}: example.com/app/plugin imports example.com/app/words"));
    place.write("plugin/main.go", "package main\n\nimport (\n\t_ \"example.com/app/phrases\"\n\t_ \"example.com/far/deep\"\n)\n\nfunc main() {}\n");
    place.generate(&[]);
    let phrases = WORDS.replace("example.com/app/words", "example.com/app/phrases");
    assert_eq!(place.read("phrases/BUILD.bazel"), phrases);
    has(&place.read("plugin/BUILD.bazel"), "\"//phrases:words\"");
}

#[test]
fn kinds_of_rules_are_mapped_to_the_users_own() {
    let place = Place::new();
    place.write(
        "BUILD.bazel",
        "# gazelle:map_kind go_wasm_package my_package //tools:defs.bzl\n# gowasm:map_kind go_wasm_test my_test //tools:tests.bzl\n",
    );
    place.generate(&[]);
    let words = WORDS
        .replace(
            "load(\"@rules_go_wasm//rules:defs.bzl\", \"go_wasm_package\", \"go_wasm_test\")",
            "load(\"//tools:defs.bzl\", \"my_package\")\nload(\"//tools:tests.bzl\", \"my_test\")",
        )
        .replace("go_wasm_package", "my_package")
        .replace("go_wasm_test", "my_test");
    assert_eq!(place.read("words/BUILD.bazel"), words);
    has(&place.read("plugin/BUILD.bazel"), "        \"//words\",\n");
    // A rule whose kind is not mapped any more is known by its import path all the same.
    fs::remove_file(place.path("words/words_test.go")).unwrap();
    place.generate(&[]);
    let words = place.read("words/BUILD.bazel");
    assert!(!words.contains("my_test") && words.contains("my_package("), "{words}");
}

#[test]
fn a_plan_that_is_added_later_gets_into_its_rule() {
    let place = Place::new();
    place.generate(&[]);
    place.write("tool/tool.plan.toml", "");
    place.generate(&[]);
    has(&place.read("tool/BUILD.bazel"), "    plan = \"tool.plan.toml\",\n");
    // Whoever wants no verification has no plan.
    let without = place
        .read("tool/BUILD.bazel")
        .replace("    plan = \"tool.plan.toml\",\n", "    verify = False,\n");
    place.write("tool/BUILD.bazel", &without);
    place.generate(&[]);
    assert_eq!(place.read("tool/BUILD.bazel"), without);
}

#[test]
fn comments_for_gazelle_name_import_paths_and_targets() {
    let place = Place::new();
    place.write("words/BUILD.bazel", "# gazelle:prefix words.org\n");
    place.write("plugin/BUILD.bazel", "# gazelle:resolve go example.com/far/deep //far:deep\n");
    place.write(
        "tool/main.go",
        "package main\n\nimport (\n\t_ \"example.com/far/deep\"\n\t_ \"words.org\"\n)\n\nfunc main() {}\n",
    );
    place.generate(&[]);
    has(&place.read("words/BUILD.bazel"), "    importpath = \"words.org\",\n");
    has(&place.read("plugin/BUILD.bazel"), "        \"//far:deep\",\n        \"//words\",\n");
    // A comment is for its folder and those below.
    let tool = place.read("tool/BUILD.bazel");
    has(&tool, "        \"//words\",\n        \"@third//example.com/far/deep\",\n");
}

#[test]
fn a_name_that_is_taken_gets_a_suffix() {
    let place = Place::new();
    place.write("words/BUILD.bazel", "go_library(name = \"words\")\n");
    place.generate(&[]);
    let words = place.read("words/BUILD.bazel");
    has(&words, "go_library(name = \"words\")\n\ngo_wasm_package(\n    name = \"words_wasm\",\n");
    has(&words, "    name = \"words_wasm_test\",\n");
    has(&place.read("plugin/BUILD.bazel"), "\"//words:words_wasm\"");
}

#[test]
fn what_cannot_be_done_is_told_with_its_place() {
    let place = Place::new();
    place.write(
        "tool/main.go",
        "package main\n\nimport _ \"example.com/nobody/x\"\n\nfunc main() {}\n",
    );
    has(&place.refused(), "tool/main.go:3:8: error: ");
    place.write("tool/main.go", "package main\n\nimport (\n");
    has(&place.refused(), "tool/main.go:");

    let place = Place::new();
    place.write("tool/BUILD.bazel", "go_wasm_binary(\n    name = \"x\",\n");
    has(&place.refused(), "tool/BUILD.bazel:1:1: error: this is no Starlark");

    let place = Place::new();
    place.write("MODULE.bazel", "module(name = \"app\")\n");
    let said = place.refused();
    let rule = "plugin/BUILD.bazel: go_wasm_library `plugin`";
    has(&said, &format!("{rule}: example.com/app/plugin imports example.com/far/deep"));
    has(&said, "hint: add `go_wasm.modules(go_mod = \"//:go.mod\"");
    fs::remove_file(place.path("MODULE.bazel")).unwrap();
    has(&place.refused(), "has a MODULE.bazel");
}
