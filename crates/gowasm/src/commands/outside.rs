//! What engines in processes of their own need: a node, and a Go.

use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use gowasm_verify::{Engine, Outside};
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct OutsideArgs {
    /// The go command whose wasm_exec.js runs modules of GOOS=js, and which builds the program around
    /// wazero [default: `go` on the PATH]
    #[arg(long, value_name = "PATH", env = "GOWASM_GO")]
    go: Option<PathBuf>,
    /// The root of a Go SDK, in place of asking the go command
    #[arg(long, value_name = "DIR")]
    goroot: Option<PathBuf>,
    /// The node to run
    #[arg(long, value_name = "PATH", env = "GOWASM_NODE", default_value = "node")]
    node: PathBuf,
}

impl OutsideArgs {
    /// As the environment says it, where there is no command line.
    pub(crate) fn of_environment() -> Self {
        let of = |name| std::env::var_os(name).map(PathBuf::from);
        let node = of("GOWASM_NODE").unwrap_or_else(|| "node".into());
        OutsideArgs { go: of("GOWASM_GO"), goroot: None, node }
    }

    pub(crate) fn outside(&self, goroot: Option<PathBuf>) -> Outside {
        Outside { node: self.node.clone(), ..Outside::new(goroot) }
    }

    /// Asks Go where it lives.
    pub(crate) fn goroot(&self) -> Result<PathBuf, Failure> {
        if let Some(goroot) = &self.goroot {
            return Ok(goroot.clone());
        }
        let go = self.go.as_deref().unwrap_or(Path::new("go"));
        let environment = |why: String| {
            let message = format!("cannot ask {} for its GOROOT: {why}", go.display());
            let hint = "modules of GOOS=js run with Go's own wasm_exec.js, and Go builds the program around wazero: name a Go with --go";
            Failure::Environment(Diagnostic::error(message).hint(hint))
        };
        let output = gowasm_process::output(Command::new(go).args(["env", "GOROOT"]));
        let output = output.map_err(|error| environment(error.to_string()))?;
        let goroot = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if !output.status.success() || goroot.is_empty() {
            return Err(environment(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
        }
        Ok(PathBuf::from(goroot))
    }
}

/// To name an engine that is not built in is wrong usage, and told before anything is read.
pub(crate) fn is_built_in(engine: Engine) -> Result<(), Failure> {
    if matches!(engine, Engine::Wasmtime | Engine::Winch) && !cfg!(feature = "wasmtime") {
        let message = format!("the engine {} is not built into this gowasm", engine.name());
        let hint = "use --engine wasmi, or a gowasm that was built with `--features wasmtime`";
        return Err(Failure::Usage(Diagnostic::error(message).hint(hint)));
    }
    Ok(())
}
