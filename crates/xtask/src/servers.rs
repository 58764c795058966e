//! The remote execution servers that tests and benchmarks run against: buildbox out of Debian's
//! packages, BuildGrid with pip, PostgreSQL with apt.

use crate::{project, tools};
use anyhow::{Context, Result, bail};
use gowasm_testbed::{BuildGrid, Programs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const BUILDGRID_VERSION: &str = "0.4.4";
/// The first release with buildbox 1.4.
const DEBIAN: &str = "forky";

/// Sets up what is missing.
pub(crate) fn fetch() -> Result<Programs> {
    if !gowasm_testbed::has_postgres() {
        tools::apt_install("postgresql")?;
    }
    let buildgrid = tools::pip_packages("buildgrid", BUILDGRID_VERSION, &["psycopg2-binary"])?;
    Ok(Programs { buildbox: debian_packages("buildbox")?, buildgrid })
}

/// The programs, tried. A server that cannot be started here, whatever the reason, is one that the tests do without.
pub(crate) fn programs() -> Result<Programs> {
    let programs = fetch()?;
    BuildGrid::start(&programs, 1).context("BuildGrid does not start here")?;
    Ok(programs)
}

/// The files of a Debian package and of all it needs, unpacked into a folder. Nothing is installed,
/// so this needs neither Debian's newest release nor root.
fn debian_packages(package: &str) -> Result<PathBuf> {
    tools::once(&format!("{package}-{DEBIAN}"), |folder| {
        let apt = folder.join("apt");
        for part in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(apt.join(part))?;
        }
        fs::write(apt.join("status"), "")?;
        let mirror = tools::debian_mirror()?;
        fs::write(apt.join("sources.list"), format!("deb {mirror} {DEBIAN} main\n"))?;
        project::output(apt_get(&apt).arg("update"))?;
        let install = ["install", "-y", "--no-install-recommends", "--download-only", package];
        project::output(apt_get(&apt).args(install))?;
        let mut unpacked = 0;
        for archive in fs::read_dir(apt.join("cache/archives"))? {
            let archive = archive?.path();
            if archive.extension().is_some_and(|extension| extension == "deb") {
                project::output(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(folder))?;
                unpacked += 1;
            }
        }
        if unpacked == 0 {
            bail!("apt downloaded no package for {package}");
        }
        fs::remove_dir_all(&apt)?;
        Ok(())
    })
}

/// An apt that knows nothing of what this machine has installed.
fn apt_get(state: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let state = state.display();
    for option in [
        format!("Dir::State={state}"),
        format!("Dir::State::status={state}/status"),
        format!("Dir::Cache={state}/cache"),
        format!("Dir::Etc::sourcelist={state}/sources.list"),
        "Dir::Etc::sourceparts=/nonexistent".to_owned(),
        "Acquire::Check-Valid-Until=false".to_owned(),
        "APT::Sandbox::User=".to_owned(),
        "Debug::NoLocking=true".to_owned(),
    ] {
        command.args(["-o", &option]);
    }
    command.arg("-q");
    command
}
