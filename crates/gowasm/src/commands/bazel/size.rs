//! `gowasm bazel size`

use crate::commands::size;
use crate::context::Context;
use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

/// Report where the bytes of a module go, as a page and as JSON
#[derive(clap::Args)]
pub(crate) struct Args {
    module: PathBuf,
    /// The page
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
    /// The report for programs
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

pub(crate) fn run(args: Args, context: &Context) -> Result<Vec<Diagnostic>, Failure> {
    let report = size::measured(&args.module, context)?;
    let title = args.module.file_name().unwrap_or_default().to_string_lossy();
    write(&args.html, gowasm_size::html(&report, &title))?;
    let text = serde_json::to_string_pretty(&size::whole(&report)).map_err(std::io::Error::from);
    write(&args.json, text.map_err(|error| Failure::io("write", &args.json, &error))? + "\n")?;
    Ok(Vec::new())
}

fn write(place: &Path, text: String) -> Result<(), Failure> {
    std::fs::write(place, text).map_err(|error| Failure::io("write", place, &error))
}
