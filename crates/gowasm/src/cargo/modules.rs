//! Which modules are meant: Cargo says which packages there are, their Cargo.toml which modules.

use crate::context::Context;
use crate::failure::Failure;
use cargo_metadata::{Metadata, MetadataCommand, Package};
use gowasm_build::Settings;
use gowasm_diagnostic::Diagnostic;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
#[command(next_help_heading = "Package selection")]
pub(super) struct Selection {
    /// The package whose modules are meant; may be given several times
    #[arg(short, long = "package", global = true, value_name = "NAME")]
    package: Vec<String>,
    /// The modules of all packages, and of the workspace
    #[arg(long, global = true, visible_alias = "all", conflicts_with = "package")]
    workspace: bool,
    /// The Cargo.toml to begin with
    #[arg(long, global = true, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// Where Cargo puts what it makes; modules go to gowasm/ in there
    #[arg(long, global = true, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Insist on Cargo.lock as it is. Go never changes go.sum by itself
    #[arg(long, global = true)]
    locked: bool,
    /// Neither Cargo nor Go may use the network
    #[arg(long, global = true)]
    offline: bool,
    /// Both --locked and --offline
    #[arg(long, global = true)]
    frozen: bool,
}

pub(super) struct Found {
    pub(super) modules: Vec<Settings>,
    /// `target/gowasm`
    pub(super) output: PathBuf,
    pub(super) offline: bool,
}

impl Found {
    pub(super) fn place(&self, module: &Settings) -> PathBuf {
        self.output.join(format!("{}.wasm", module.name))
    }
}

pub(super) fn find(selection: &Selection, context: &Context) -> Result<Found, Failure> {
    let metadata = metadata(selection, context)?;
    let packages = selected(selection, &metadata, context)?;
    let mut modules = Vec::new();
    let mut faults = Vec::new();
    let mut read = |manifest: &Path, section: &str| match Settings::read(
        manifest,
        &context.shown(manifest),
        section,
    ) {
        Ok(found) => modules.extend(found),
        Err(found) => faults.extend(found),
    };
    for package in &packages {
        read(package.manifest_path.as_std_path(), "package");
    }
    if selection.package.is_empty() {
        read(&metadata.workspace_root.as_std_path().join("Cargo.toml"), "workspace");
    }
    if !faults.is_empty() {
        return Err(Failure::Input(faults));
    }
    reject_twice(&modules, context)?;
    if modules.is_empty() {
        let message = "no Cargo.toml among those that are meant names a Go plugin";
        let hint = "add `[package.metadata.gowasm.NAME]` with `package = \"folder\"`";
        return Err(Diagnostic::error(message).hint(hint).into());
    }
    let target = match &selection.target_dir {
        Some(dir) => context.started_in.join(dir),
        None => metadata.target_directory.into_std_path_buf(),
    };
    let offline = selection.offline || selection.frozen;
    Ok(Found { modules, output: target.join("gowasm"), offline })
}

fn metadata(selection: &Selection, context: &Context) -> Result<Metadata, Failure> {
    let mut command = MetadataCommand::new();
    command.current_dir(&context.started_in);
    if let Some(path) = &selection.manifest_path {
        command.manifest_path(path);
    }
    let flags = [
        (selection.locked, "--locked"),
        (selection.offline, "--offline"),
        (selection.frozen, "--frozen"),
    ];
    let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    command.other_options(flags.collect::<Vec<_>>());
    // Only with dependencies does Cargo hold Cargo.lock against the manifests.
    if !selection.locked && !selection.frozen {
        command.no_deps();
    }
    let output = gowasm_process::output(&mut command.cargo_command())
        .map_err(|error| refused(error.into()))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if !output.status.success() {
        return Err(Failure::Tool(text(&output.stderr)));
    }
    MetadataCommand::parse(text(&output.stdout)).map_err(refused)
}

/// Cargo's own words.
fn refused(error: cargo_metadata::Error) -> Failure {
    match error {
        cargo_metadata::Error::CargoMetadata { stderr } => Failure::Tool(stderr),
        cargo_metadata::Error::Io(error) => Failure::Environment(
            Diagnostic::error(format!("cannot start cargo: {error}"))
                .hint("start this as `cargo gowasm`"),
        ),
        other => Failure::Environment(Diagnostic::error(format!("cargo metadata: {other}"))),
    }
}

/// As Cargo chooses: the named packages, all of them, or the one that the folder is in.
fn selected<'m>(
    selection: &Selection,
    metadata: &'m Metadata,
    context: &Context,
) -> Result<Vec<&'m Package>, Failure> {
    let members = metadata.workspace_packages();
    if !selection.package.is_empty() {
        return selection.package.iter().map(|name| named(name, &members)).collect();
    }
    if selection.workspace {
        return Ok(members);
    }
    let manifest = match &selection.manifest_path {
        Some(path) => context.started_in.join(path),
        None => {
            let mut folders = context.started_in.ancestors().map(|dir| dir.join("Cargo.toml"));
            folders.find(|file| file.is_file()).unwrap_or_default()
        }
    };
    let manifest = manifest.canonicalize().unwrap_or(manifest);
    match members.iter().find(|package| package.manifest_path.as_std_path() == manifest) {
        Some(package) => Ok(vec![*package]),
        None => Ok(metadata.workspace_default_packages()),
    }
}

fn named<'m>(name: &str, members: &[&'m Package]) -> Result<&'m Package, Failure> {
    members.iter().find(|package| package.name.as_str() == name).copied().ok_or_else(|| {
        let diagnostic = Diagnostic::error(format!("the workspace has no package `{name}`"));
        let names = members.iter().map(|package| package.name.as_str());
        Failure::Usage(match gowasm_verify::nearest(name, names) {
            Some(nearest) => diagnostic.hint(format!("did you mean `{nearest}`?")),
            None => diagnostic.hint("`cargo metadata` lists them"),
        })
    })
}

/// All modules go to one folder.
fn reject_twice(modules: &[Settings], context: &Context) -> Result<(), Failure> {
    for (index, module) in modules.iter().enumerate() {
        if let Some(other) = modules[..index].iter().find(|other| other.name == module.name) {
            let places = [other, module].map(|one| context.shown(&one.folder.join("Cargo.toml")));
            let message =
                format!("{} and {} both name a module `{}`", places[0], places[1], module.name);
            return Err(Diagnostic::error(message).hint("give one of them another name").into());
        }
    }
    Ok(())
}
