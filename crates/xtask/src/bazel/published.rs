//! A release as users get it: the module out of a registry, everything else that it names over HTTP, and neither a
//! Go nor a gowasm on the PATH. Registry and archives are what `cargo xtask release` makes of this checkout.

use super::e2e::{KEPT, LOCAL, case, edit};
use super::{Kit, Machine};
use crate::go_releases;
use crate::release::{Release, VERSION};
use crate::test::Count;
use crate::{project, tools};
use anyhow::{Context, Result, ensure};
use gowasm_testbed::FileServer;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

const WORKSPACE: &str = "test_workspace_bcr";
/// Nobody's: the files are on a mirror.
const REPOSITORY: &str = "owner.invalid/gowasm";

pub(super) fn run(count: &mut Count, kit: &Kit) {
    let Some((machine, _mirror, flags)) =
        case(count, "a release out of a registry, with nothing on the PATH", || {
            let machine = Machine::start(kit, "published")?;
            let (mirror, flags) = publish(&machine)?;
            let workspace = machine.file(WORKSPACE);
            let file = workspace.join("MODULE.bazel");
            edit(&file, OVERRIDE, "")?;
            machine.forget_programs()?;
            let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
            let all = [&[LOCAL, KEPT, "--build_tests_only=false"], &flags[..], &["//..."]].concat();
            let run = machine.run_in(WORKSPACE, "test", &all)?;
            ensure!(run.succeeded, "{}", run.said);
            for mnemonic in ["GoWasmStd", "GoWasmVerify", "TestRunner"] {
                ensure!(run.has(mnemonic), "no {mnemonic} ran");
            }
            let served = mirror.served();
            for part in [
                format!("rules_go_wasm-{VERSION}"),
                format!("gowasm-{VERSION}"),
                tools::NEWEST_GO.to_owned(),
            ] {
                ensure!(
                    served.iter().any(|path| path.contains(&part)),
                    "{part}: not in {served:?}"
                );
            }
            Ok((machine, mirror, flags.into_iter().map(str::to_owned).collect::<Vec<_>>()))
        })
    else {
        return;
    };
    case(count, "a version that the release has no digest of is an error", || {
        let file = machine.file(WORKSPACE).join("MODULE.bazel");
        edit(&file, "go_wasm.modules(", "go_wasm.sdk(version = \"1.23.0\")\ngo_wasm.modules(")?;
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let run = machine.run_in(WORKSPACE, "build", &[&flags[..], &["//..."]].concat())?;
        let said = format!("knows no digest of Go 1.23.0 for {}", go_releases::host());
        ensure!(!run.succeeded && run.said.contains(&said), "{}", run.said);
        ensure!(run.said.contains(tools::NEWEST_GO), "{}", run.said);
        Ok(())
    });
}

const OVERRIDE: &str =
    "local_path_override(\n    module_name = \"rules_go_wasm\",\n    path = \"..\",\n)\n";

/// Makes a release of what is in the checkout, committed or not, and a mirror of its files and of the SDK. Returns
/// the flags that have Bazel use them.
fn publish(machine: &Machine) -> Result<(FileServer, Vec<String>)> {
    let home = machine.home();
    let release = home.join("mirror/github.com").join(REPOSITORY).join("releases/download");
    let release = release.join(format!("v{VERSION}"));
    Release { folder: release.clone(), repository: REPOSITORY.to_owned(), commit: commit()? }
        .make()?;
    fs::rename(release.join("registry"), home.join("registry"))?;

    let sdk = go_releases::archive(tools::NEWEST_GO, &go_releases::host(), None)?;
    let toolchains = home.join("mirror/proxy.golang.org/golang.org/toolchain/@v");
    fs::create_dir_all(&toolchains)?;
    symlink(&sdk, toolchains.join(sdk.file_name().context("an archive has a name")?))?;

    let mirror = FileServer::start(&home.join("mirror"))?;
    let rewrite = format!("rewrite (github.com|proxy.golang.org)/(.*) {}/$1/$2\n", mirror.url());
    fs::write(home.join("downloader.cfg"), rewrite)?;
    let flags = vec![
        "--registry=file:///mnt/home/registry".to_owned(),
        "--experimental_downloader_config=/mnt/home/downloader.cfg".to_owned(),
    ];
    Ok((mirror, flags))
}

/// What git has, with the changes of files that it knows.
fn commit() -> Result<String> {
    // Files that were touched and are the same are no changes, and `stash create` fails over them. It exits
    // with 1 when there are changes.
    let mut refresh = Command::new("git");
    refresh.args(["update-index", "-q", "--refresh"]).current_dir(project::root());
    refresh.output().context("cannot start git")?;
    let mut stash = Command::new("git");
    stash.args(["-c", "user.name=xtask", "-c", "user.email=xtask@localhost", "stash", "create"]);
    let made = project::output(stash.current_dir(project::root()))?;
    Ok(if made.trim().is_empty() { "HEAD".to_owned() } else { made.trim().to_owned() })
}
