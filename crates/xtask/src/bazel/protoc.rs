//! Protobuf's compiler out of Maven's registry, in place of building it: what `@protobuf//:protoc` is.

use crate::{project, tools};
use anyhow::{Context, Result};
use std::env::consts::{ARCH, OS};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

const VERSION: &str = "4.29.3";

/// The program; an error says why there is none here.
pub(super) fn program() -> Result<PathBuf> {
    let folder = tools::once(&format!("protoc-{VERSION}"), |folder| {
        let machine = if ARCH == "aarch64" { "aarch_64" } else { ARCH };
        let platform = format!("{OS}-{machine}");
        let mut maven = Command::new("mvn");
        maven.args(["-q", "-B", "dependency:copy", "-Dmdep.stripVersion=true"]);
        maven.arg(format!("-Dartifact=com.google.protobuf:protoc:{VERSION}:exe:{platform}"));
        maven.arg(format!("-DoutputDirectory={}", folder.display()));
        project::output(maven.current_dir(folder)).context("Maven cannot fetch protoc")?;
        let program = folder.join("protoc");
        fs::rename(folder.join(format!("protoc-{platform}.exe")), &program)?;
        Ok(fs::set_permissions(program, fs::Permissions::from_mode(0o755))?)
    })?;
    Ok(folder.join("protoc"))
}
