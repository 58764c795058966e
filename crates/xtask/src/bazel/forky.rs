//! A root file system of Debian forky in the tools folder, with Bazel and buildbox, which the machine's
//! own release may not have. Made once with debootstrap from the mirror that the machine itself uses.

use crate::tools;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PACKAGES: &str = "bazel-bootstrap,buildbox,ca-certificates,bazel-stardoc";
const ENTER: &str = include_str!("enter.sh");

/// Where it is; an error says why this machine cannot have one.
pub(crate) fn root() -> Result<PathBuf> {
    tools::once("debian-forky", install)
}

/// debootstrap does not resolve virtual packages and fails for the want of one; apt then does the rest.
fn install(place: &Path) -> Result<()> {
    let mirror = tools::debian_mirror()?;
    tools::debootstrap()?;
    let bootstrapped = Command::new("debootstrap")
        .args(["--variant=minbase", &format!("--include={PACKAGES}"), "forky"])
        .args([place, Path::new(&mirror), Path::new("/usr/share/debootstrap/scripts/sid")])
        .output()
        .context("cannot start debootstrap (Debian's package `debootstrap`)")?;
    if !place.join("usr/bin/apt-get").is_file() {
        bail!("debootstrap failed:\n{}", String::from_utf8_lossy(&bootstrapped.stdout));
    }
    fs::copy("/etc/resolv.conf", place.join("etc/resolv.conf")).context("no /etc/resolv.conf")?;
    let finish = "apt-get -q -o Acquire::Check-Valid-Until=false update \
         && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -f install \
         && bazel --version && buildbox-casd --version \
         && rm -rf /var/cache/apt/archives/*.deb /var/lib/apt/lists/*";
    let finished = enter::<&str>(place, &[]).args(["/bin/sh", "-c", finish]).output()?;
    if !finished.status.success() {
        let said = [finished.stdout, finished.stderr].concat();
        bail!("apt cannot finish the installation:\n{}", String::from_utf8_lossy(&said));
    }
    Ok(())
}

/// A command in that root file system, which sees each of `folders` as `/mnt/NAME`. All that it starts
/// ends with it: it is the first process of a PID namespace.
pub(crate) fn enter<S: AsRef<OsStr>>(root: &Path, folders: &[(S, &Path)]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"]);
    command.args(["sh", "-c", ENTER, "enter.sh"]).arg(root);
    for (name, folder) in folders {
        command.arg(name).arg(folder);
    }
    command.args(["--", "/usr/bin/env", "-i", "PATH=/usr/bin:/usr/sbin:/bin", "USER=root"]);
    command
}
