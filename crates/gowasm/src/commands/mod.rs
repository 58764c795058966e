//! One file a subcommand. Each has `Args`, which clap fills, and `run`.

pub(crate) mod bazel;
mod bindings;
pub(crate) mod build;
mod cacheprog;
pub(crate) mod check;
mod diff;
mod inspect;
mod link;
mod outside;
mod run;
mod size;
mod store;
mod test;
mod toolexec;
pub(crate) mod verify;
pub(crate) mod wasm_opt;

use crate::context::Context;
use crate::failure::Failure;
use clap::Subcommand;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

#[derive(Subcommand)]
pub(crate) enum Command {
    Bazel(bazel::Args),
    Bindings(bindings::Args),
    Build(Box<build::Args>),
    Cacheprog(cacheprog::Args),
    Check(check::Args),
    Diff(diff::Args),
    Inspect(inspect::Args),
    Link(link::Args),
    Run(run::Args),
    Size(size::Args),
    Store(store::Args),
    Test(test::Args),
    Toolexec(toolexec::Args),
    Verify(verify::Args),
    WasmOpt(wasm_opt::Args),
}

impl Command {
    /// The folder to change to before anything else.
    pub(crate) fn folder(&self) -> Option<&Path> {
        match self {
            Command::Build(args) => args.folder(),
            Command::Check(args) => args.folder(),
            _ => None,
        }
    }

    /// The commands whose arguments are another tool's: `-v` and `-V` are not ours there.
    pub(crate) fn of_foreign_arguments(command: Vec<OsString>) -> Option<Self> {
        let mut arguments = command;
        let command = (!arguments.is_empty()).then(|| arguments.remove(0))?;
        if matches!(arguments.as_slice(), [only] if only == "--help" || only == "-h") {
            return None;
        }
        match command.to_str()? {
            "link" => Some(Command::Link(link::Args::new(arguments))),
            "test" => Some(Command::Test(test::Args::new(arguments))),
            "toolexec" => Some(Command::Toolexec(toolexec::Args::new(arguments))),
            _ => None,
        }
    }
}

pub(crate) fn run(command: Command, context: &Context) -> Result<ExitCode, Failure> {
    match command {
        Command::Bazel(args) => bazel::run(args, context),
        Command::Bindings(args) => bindings::run(args, context),
        Command::Build(args) => build::run(*args, context),
        Command::Cacheprog(args) => cacheprog::run(args, context),
        Command::Check(args) => check::run(args, context),
        Command::Diff(args) => diff::run(args, context),
        Command::Inspect(args) => inspect::run(args, context),
        Command::Link(args) => link::run(args, context),
        Command::Run(args) => run::run(args, context),
        Command::Size(args) => size::run(args, context),
        Command::Store(args) => store::run(args, context),
        Command::Test(args) => test::run(args, context),
        Command::Toolexec(args) => toolexec::run(args, context),
        Command::Verify(args) => verify::run(args, context),
        Command::WasmOpt(args) => wasm_opt::run(args, context),
    }
}
