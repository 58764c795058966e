//! Binaryen's wasm-opt as an archive, out of the machine's own Debian package.

use crate::{project, tools};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const ARCHIVE: &str = "binaryen.tar";

/// The folder that it lies in.
pub(super) fn folder() -> Result<PathBuf> {
    tools::once("binaryen-debian", |folder| {
        let mut download = Command::new("apt-get");
        project::output(download.args(["-q", "download", "binaryen"]).current_dir(folder))?;
        let package = only_file(folder)?;
        let archive = File::create(folder.join(ARCHIVE))?;
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("--fsys-tarfile").arg(&package).stdout(archive);
        project::run(&mut unpack)?;
        Ok(fs::remove_file(package)?)
    })
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let Some(entry) = fs::read_dir(folder)?.next() else {
        bail!("apt-get downloaded no package");
    };
    Ok(entry.context("the download")?.path())
}
