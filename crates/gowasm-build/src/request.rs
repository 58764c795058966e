//! What a build is asked for.

use crate::{Failure, WasmOpt, check_passed};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Deny, Goos, Target};
use gowasm_guard::Guard;
use gowasm_link::Size;
use gowasm_store::Servers;
use gowasm_verify::{Limits, MissingImports};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub struct Request {
    /// Where relative paths begin and where Go is run. Absolute.
    pub started_in: PathBuf,
    /// A folder, an import path, or a `.go` file, as `go build` takes it.
    pub package: String,
    /// A file, or a folder in which the package's name names the file.
    pub output: Option<PathBuf>,
    /// Where the manifest goes instead of beside the module.
    pub manifest: Option<PathBuf>,
    pub target: Target,
    pub tags: Vec<String>,
    /// As for `go build -ldflags`.
    pub ldflags: Option<String>,
    /// Further flags of `go build`, each with its dash and value, as [`crate::check_passed`] takes them.
    pub go_flags: Vec<String>,
    /// A Go to use instead of the one in `GOWASM_GO` or on the path.
    pub go: Option<PathBuf>,
    pub plan: Option<PathBuf>,
    pub verify: bool,
    pub linker: Linker,
    /// How small the module is made; by our own linker only.
    pub size: Size,
    /// What wasm-opt does to the linked module.
    pub wasm_opt: Option<WasmOpt>,
    /// Which calls at a wrong time the exports refuse; wasip1 only.
    pub guard: Guard,
    /// Whether the manifest goes into a custom section of the module as well.
    pub embed_manifest: bool,
    /// Which warnings about directives are errors.
    pub deny: Deny,
    /// What the module may use while it is verified.
    pub limits: Limits,
    /// What becomes of imports that nothing supplies, in place of what the plan says.
    pub missing_imports: Option<MissingImports>,
    /// Go may load no modules from the network.
    pub offline: bool,
    /// The store's folder, where it is not the usual one.
    pub store: Option<PathBuf>,
    /// The servers behind the store, for all builds that are to share a connection.
    pub servers: Arc<Servers>,
    /// The command `gowasm`, for what other processes do with it: Go's cache, a remote executor.
    pub gowasm: Option<PathBuf>,
}

/// Who links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Linker {
    Gowasm,
    Go,
}

impl Linker {
    pub fn as_str(self) -> &'static str {
        match self {
            Linker::Gowasm => "gowasm",
            Linker::Go => "go",
        }
    }
}

impl Request {
    /// What can be told to be wrong before anything is run.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        check_target(self.target)?;
        self.go_flags.iter().try_for_each(|flag| check_passed(flag))?;
        if let Some(wasm_opt) = &self.wasm_opt {
            wasm_opt.check(self.gowasm.as_deref())?;
        }
        if self.plan.is_some() && !self.verify {
            return Err(Failure::Usage(
                Diagnostic::error("--plan names a plan and --no-verify forbids to run it")
                    .hint("leave out one of the two"),
            ));
        }
        Ok(())
    }
}

/// Go's linker has not every build mode for every operating system.
pub(crate) fn check_target(target: Target) -> Result<(), Failure> {
    if target.goos == Goos::Js && target.build_mode == BuildMode::CShared {
        return Err(Failure::Usage(
            Diagnostic::error("Go has no build mode `c-shared` for js").hint(
                "use --buildmode exe with --goos js, or --goos wasip1 with --buildmode c-shared",
            ),
        ));
    }
    Ok(())
}
