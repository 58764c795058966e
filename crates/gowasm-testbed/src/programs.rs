//! Where the servers' programs are.

use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The variable that names a root file system with Debian's package `buildbox` in it.
pub const BUILDBOX: &str = "GOWASM_TEST_BUILDBOX";
/// The variable that names a folder into which pip installed `buildgrid` and `psycopg2-binary`.
pub const BUILDGRID: &str = "GOWASM_TEST_BUILDGRID";

#[derive(Debug, Clone)]
pub struct Programs {
    /// A root file system that has buildbox. Its libraries are newer than most machines', so its
    /// programs are started through its own dynamic loader; nothing is mounted.
    pub buildbox: PathBuf,
    pub buildgrid: PathBuf,
}

impl Programs {
    /// What `cargo xtask test` has set up; the error says why there is nothing to test with.
    pub fn from_env() -> Result<Self> {
        let named = |variable: &str| {
            env::var_os(variable)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
                .with_context(|| format!("{variable} is not set; `cargo xtask test` sets it"))
        };
        Ok(Programs { buildbox: named(BUILDBOX)?, buildgrid: named(BUILDGRID)? })
    }

    /// A script in `folder` that runs one of buildbox's programs.
    pub(crate) fn buildbox(&self, folder: &Path, name: &str) -> Result<PathBuf> {
        let root = self.buildbox.display();
        let machine = env::consts::ARCH;
        let loader = match machine {
            "x86_64" => "ld-linux-x86-64.so.2",
            "aarch64" => "ld-linux-aarch64.so.1",
            other => bail!("buildbox is not packaged for {other}"),
        };
        let libraries = format!("{root}/usr/lib/{machine}-linux-gnu");
        if !self.buildbox.join("usr/bin").join(name).is_file() {
            bail!("there is no usr/bin/{name} in {root}");
        }
        let script = folder.join(name);
        let text = format!(
            "#!/bin/sh\nexec '{libraries}/{loader}' --library-path '{libraries}' '{root}/usr/bin/{name}' \"$@\"\n"
        );
        fs::write(&script, text)?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        Ok(script)
    }
}

pub fn has_postgres() -> bool {
    postgres().is_ok()
}

/// PostgreSQL's programs: on the path, or where Debian puts them.
pub(crate) fn postgres() -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    folders.sort();
    let mut folders = env::split_paths(&path).chain(folders.into_iter().rev());
    let all = ["initdb", "postgres", "pg_isready", "psql"];
    folders
        .find(|folder| all.iter().all(|program| folder.join(program).is_file()))
        .context("PostgreSQL is not installed (Debian's package `postgresql`)")
}
