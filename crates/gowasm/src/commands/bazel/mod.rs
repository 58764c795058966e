//! `gowasm bazel`: BUILD files, and the actions that the Bazel rules run, one file an action.

mod compile;
mod generate;
mod image;
mod link;
mod run_test;
mod size;
mod tags;
mod test;
mod verify;
mod vet;
mod worker;

use crate::context::Context;
use crate::failure::Failure;
use gowasm_bazel::{Dependency, Source};
use gowasm_diagnostic::Diagnostic;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

pub(crate) use worker::run as worker;

/// BUILD files for Go packages, and the actions that the Bazel rules run (docs/bazel.md)
///
/// Of the actions an argument --flagfile=FILE stands for the file's lines, and --persistent_worker as the last
/// argument starts a worker of Bazel's for what comes on stdin.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Generate(generate::Args),
    Image(image::Args),
    Tags(tags::Args),
    Compile(compile::Args),
    Link(link::Args),
    RunTest(run_test::Args),
    Size(size::Args),
    Test(test::Args),
    Verify(verify::Args),
    Vet(vet::Args),
}

pub(crate) fn run(args: Args, context: &Context) -> Result<ExitCode, Failure> {
    let warnings = match args.action {
        Action::Generate(args) => return generate::run(args, context),
        Action::RunTest(args) => return run_test::run(args, context),
        Action::Size(args) => size::run(args, context),
        Action::Image(args) => image::run(args),
        Action::Vet(args) => vet::run(args),
        action => perform(action, &context.cancel),
    }?;
    warnings.iter().for_each(|warning| context.report(warning));
    Ok(ExitCode::SUCCESS)
}

/// What workers do too: it reads and writes nothing but files.
fn perform(action: Action, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    match action {
        Action::Tags(args) => tags::run(args, cancel),
        Action::Compile(args) => compile::run(args, cancel),
        Action::Link(args) => link::run(args, cancel),
        Action::Test(args) => test::run(args, cancel),
        Action::Verify(args) => verify::run(args, cancel),
        Action::Generate(_)
        | Action::Image(_)
        | Action::RunTest(_)
        | Action::Size(_)
        | Action::Vet(_) => {
            Err(Failure::Usage(Diagnostic::error("this is nothing that a worker does")))
        }
    }
}

/// What `--dep IMPORTPATH LABEL FILE` gave, as often as it is there.
fn dependencies(words: Vec<String>) -> Vec<Dependency> {
    let mut words = words.into_iter();
    std::iter::from_fn(|| {
        let (import_path, label) = (words.next()?, words.next()?);
        Some(Dependency { import_path, label, archive: words.next()?.into() })
    })
    .collect()
}

/// `NAME=FILE`
fn source(text: &str) -> Result<Source, String> {
    let (name, path) = text.split_once('=').ok_or("write NAME=FILE")?;
    Ok(Source { name: name.to_owned(), path: path.into() })
}
