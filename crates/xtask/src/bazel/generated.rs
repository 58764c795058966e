//! BUILD files as `gowasm bazel generate` writes them.

use super::e2e::{KEPT, LOCAL, MODULE, case, edit, not_run};
use super::{Buildifier, Kit, Machine};
use crate::test::Count;
use anyhow::ensure;
use std::fs;

/// The workspace with most of its BUILD files written anew, and one where something is amiss.
pub(super) fn run(count: &mut Count, kit: &Kit, buildifier: &Buildifier) {
    let files = ["filter", "js", "plugin", "plugin/greeting", "shared/words", "tool"]
        .map(|folder| format!("test_workspace/{folder}/BUILD.bazel"));
    let Some(machine) = case(count, "BUILD files from imports, built and tested", || {
        let machine = Machine::start(kit, "generated")?;
        // The Go and the gowasm of other machines here, from other places.
        let file = machine.file(MODULE);
        edit(&file, "go_wasm.sdk(program = \"go\")", "go_wasm.sdk(path = \"/mnt/sdk/go\")")?;
        let archive = machine.archive("gowasm.tar", &machine.program())?;
        edit(&file, "program = \"gowasm\"", &archive)?;
        let written_by_hand = ["plugin/BUILD", "tool/BUILD"];
        for file in files.iter().filter(|file| !written_by_hand.iter().any(|it| file.contains(it)))
        {
            fs::remove_file(machine.file(file))?;
        }
        edit(&machine.file(&files[2]), "    deps = [\"//plugin/greeting\"],\n", "")?;
        edit(&machine.file(&files[5]), "    deps = [\"//shared/words\"],\n", "")?;
        let (succeeded, written) = machine.gowasm(&["bazel", "generate"])?;
        let names = files.iter().map(|file| file.trim_start_matches("test_workspace/"));
        ensure!(succeeded && written.lines().eq(names), "it wrote {written}");
        let written: Vec<_> = files.iter().map(|file| machine.file(file)).collect();
        ensure!(buildifier.accepts(&written)?, "buildifier would write them otherwise");
        let run = machine.run("test", &[LOCAL, KEPT, "--build_tests_only=false", "//..."])?;
        ensure!(run.succeeded, "{}", run.said);
        ensure!(run.has("TestRunner"), "no test ran");
        Ok(machine)
    }) else {
        return not_run(count, "changes of BUILD files from imports");
    };
    case(count, "an import more: the check tells, and the new file builds", || {
        let file = machine.file("test_workspace/tool/main.go");
        edit(
            &file,
            "\"example.com/test/shared/words\"",
            "\"example.com/test/plugin/greeting\"\n\t\"example.com/test/shared/words\"",
        )?;
        edit(&file, "words.System)", "words.System+greeting.Text()[:0])")?;
        let check = || machine.gowasm(&["bazel", "generate", "--check"]);
        let (succeeded, diff) = check()?;
        let added = "+        \"//plugin/greeting\",\n";
        ensure!(!succeeded && diff.contains(added), "the check said {diff}");
        let (succeeded, written) = machine.gowasm(&["bazel", "generate"])?;
        ensure!(succeeded && written == "tool/BUILD.bazel\n", "it wrote {written}");
        ensure!(check()? == (true, String::new()), "the check still finds something");
        machine.succeed("build", &[LOCAL, KEPT, "//tool"]).map(drop)
    });
}
