//! `gowasm toolexec`: our linker, and a cluster's compilers, inside of an ordinary `go build`.

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::remote::RemoteArgs;
use gowasm_build::{Servers, ToolRun};
use gowasm_diagnostic::Diagnostic;
use gowasm_link::{ToolEnd, ToolError};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Example:
  GOOS=wasip1 GOARCH=wasm go build -toolexec='gowasm toolexec' -o module.wasm ./plugin";

/// Run a tool for `go build -toolexec`: our linker for wasm, the compiler on a cluster if
/// GOWASM_REMOTE_EXECUTOR names one, every other tool untouched
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The tool that Go wants to run, and its arguments
    #[arg(
        value_name = "TOOL",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

impl Args {
    pub(crate) fn new(command: Vec<OsString>) -> Self {
        Args { command }
    }
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let Some((tool, arguments)) = args.command.split_first() else {
        let hint = "use it as `go build -toolexec='gowasm toolexec'`";
        return Err(Failure::Usage(Diagnostic::error("toolexec needs a tool to run").hint(hint)));
    };
    if gowasm_build::is_compile(Path::new(tool), arguments)
        && let Some(code) = compile(Path::new(tool), arguments, context)?
    {
        return Ok(ExitCode::from(code));
    }
    match gowasm_link::toolexec(Path::new(tool), arguments, &context.cancel) {
        Ok(ToolEnd::Ran(status)) => {
            Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
        }
        Ok(ToolEnd::Linked(warnings)) => {
            warnings.iter().for_each(|warning| context.report(warning));
            Ok(ExitCode::SUCCESS)
        }
        Ok(ToolEnd::Version(line)) => {
            output::exact(format!("{line}\n").as_bytes()).map(|()| ExitCode::SUCCESS)
        }
        Err(ToolError::Link(error)) => Err(error.into()),
        Err(error) => Err(Failure::Environment(Diagnostic::error(error.to_string()))),
    }
}

/// On the cluster, where variables name one. A gowasm.toml does not count: Go runs its tools in any folder.
fn compile(tool: &Path, arguments: &[OsString], context: &Context) -> Result<Option<u8>, Failure> {
    let options = RemoteArgs::from_variables(&context.started_in)?;
    if options.executor_url().is_none() {
        return Ok(None);
    }
    let servers = Servers::new(options, &context.cancel);
    let started_in = &context.started_in;
    gowasm_build::compile(&ToolRun { tool, arguments, started_in, servers: &servers })
}
