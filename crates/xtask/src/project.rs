//! This checkout: where it is, and its programs, built.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The checkout's root.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest)
}

pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Builds the release binary of a package and returns its path.
pub(crate) fn release(package: &str) -> Result<PathBuf> {
    release_with(package, &[])
}

pub(crate) fn release_with(package: &str, features: &[&str]) -> Result<PathBuf> {
    eprintln!("building {package} (release)");
    let mut build = cargo();
    build.args(["build", "--release", "--quiet", "--package", package, "--bin", package]);
    run(build.args(["--features", &features.join(",")]))?;
    let program = target_dir().join("release").join(package);
    if !program.is_file() {
        bail!("cargo built no {}", program.display());
    }
    Ok(program)
}

pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// Runs a command that speaks for itself.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}

/// Runs a command for what it prints on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}):\n{said}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} prints no text"))
}

pub(crate) fn link_diff(arguments: &[String]) -> Result<ExitCode> {
    let program = release("gowasm-linkdiff")?;
    let go = crate::tools::machine_go().unwrap_or_else(|| PathBuf::from("go"));
    let status = Command::new(&program).arg(go).args(arguments).status();
    let status = status.with_context(|| format!("cannot start {}", program.display()))?;
    Ok(ExitCode::from(status.code().unwrap_or(1) as u8))
}
