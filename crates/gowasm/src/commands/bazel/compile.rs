//! `gowasm bazel compile`

use super::{dependencies, source};
use crate::failure::Failure;
use gowasm_bazel::{Compile, Source};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Goos;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Compile one Go package to a package archive and the directives in it
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The root of the Go SDK
    #[arg(long, value_name = "DIR")]
    sdk: PathBuf,
    /// What `gowasm bazel tags` wrote of it
    #[arg(long, value_name = "FILE")]
    toolchain_tags: PathBuf,
    /// A package of the standard library that this one may import, and what it exports
    #[arg(long, num_args = 2, value_names = ["IMPORTPATH", "FILE"])]
    std: Vec<String>,
    /// The package is one of the standard library
    #[arg(long)]
    standard: bool,
    #[arg(long, value_name = "GOOS")]
    goos: Goos,
    #[arg(long, value_name = "IMPORTPATH")]
    importpath: String,
    /// The target, for the user to find it
    #[arg(long, value_name = "LABEL")]
    label: String,
    /// The Go module of somebody else's package
    #[arg(long, value_name = "PATH@VERSION")]
    module: Option<String>,
    /// The version of the language, such as go1.24 [default: the SDK's]
    #[arg(long, value_name = "VERSION")]
    lang: Option<String>,
    /// A build tag
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A file of the package, for Go to choose from: its path below the package's folder, and where it is
    #[arg(long = "src", value_name = "NAME=FILE", value_parser = source)]
    sources: Vec<Source>,
    /// A package that this one may import: its target, and its archive or what it exports
    #[arg(long = "dep", num_args = 3, value_names = ["IMPORTPATH", "LABEL", "FILE"])]
    deps: Vec<String>,
    /// What sources import under another path than that of its --dep
    #[arg(long = "import-map", value_name = "IMPORTPATH=IMPORTPATH", value_parser = pair)]
    import_map: Vec<(String, String)>,
    /// A further flag of `go tool compile`
    #[arg(long = "flag", value_name = "FLAG", allow_hyphen_values = true)]
    flags: Vec<String>,
    /// Count what runs, for coverage; profiles name files as if they were in this folder
    #[arg(long, value_name = "FOLDER")]
    cover: Option<String>,
    /// Compile the tests that are part of the package with it
    #[arg(long)]
    with_tests: bool,
    /// A package that tests may import and that imports this one
    #[arg(long = "importer", value_name = "IMPORTPATH")]
    importers: Vec<String>,
    /// The package archive
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// The part of it that importers need, without which the archive has both
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// The directives, as JSON
    #[arg(long, value_name = "FILE")]
    directives: PathBuf,
}

impl Args {
    pub(super) fn into_request(self) -> Compile {
        Compile {
            sdk: self.sdk,
            toolchain_tags: self.toolchain_tags,
            std: standard(self.std),
            standard: self.standard,
            goos: self.goos,
            import_path: self.importpath,
            label: self.label,
            module: self.module,
            language: self.lang,
            tags: self.tags,
            sources: self.sources,
            import_map: self.import_map,
            flags: self.flags,
            cover: self.cover,
            with_tests: self.with_tests,
            importers: self.importers,
            deps: dependencies(self.deps),
            output: self.output,
            export: self.export,
            directives: self.directives,
        }
    }
}

/// What `--std IMPORTPATH FILE` gave, as often as it is there.
fn standard(words: Vec<String>) -> Vec<(String, PathBuf)> {
    let mut words = words.into_iter();
    std::iter::from_fn(|| Some((words.next()?, words.next()?.into()))).collect()
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (from, to) = text.split_once('=').ok_or("write IMPORTPATH=IMPORTPATH")?;
    Ok((from.to_owned(), to.to_owned()))
}

pub(crate) fn run(args: Args, cancel: &AtomicBool) -> Result<Vec<Diagnostic>, Failure> {
    gowasm_bazel::compile(&args.into_request(), cancel)
}
