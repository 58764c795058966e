//! The standard library for one target: an archive a package, the import configuration that names them,
//! and the directives in their sources. Done once an SDK and target, by Go's own build.

use crate::sdk::{self, Sdk};
use crate::{Failure, archive, files, importcfg};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{GoPackage, Goos};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

pub(crate) const DIRECTIVES: &str = "directives.json";
/// The build tags that Go's release and its experiments set.
const TAGS: &str = "tags.json";

pub struct Std {
    pub sdk: PathBuf,
    pub goos: Goos,
    /// The folder that is filled, for links.
    pub output: PathBuf,
    /// Another one, for compilations: of each archive what importers need.
    pub export: PathBuf,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    import_path: String,
    dir: PathBuf,
    #[serde(default)]
    go_files: Vec<PathBuf>,
    #[serde(default)]
    export: Option<PathBuf>,
}

pub fn std(request: &Std) -> Result<(), Failure> {
    let folder = files::scratch()?;
    let goroot = folder.path().join("goroot");
    // 1. The sources as regular files: Go embeds no symbolic links.
    copy_sdk(&files::absolute(&request.sdk)?, &goroot)?;
    let sdk = Sdk::open(&goroot)?;
    // 2. Go compiles all of it.
    let listed = build(&sdk, request.goos, folder.path())?;
    // 3. The archives move out of Go's cache.
    let mut entries = Vec::new();
    for package in &listed {
        let Some(export) = &package.export else { continue };
        let relative = PathBuf::from(format!("{}.a", package.import_path));
        files::copy(export, &request.output.join(&relative))?;
        let bytes = archive::export(&files::read(export)?)?;
        files::write(&request.export.join(&relative), &bytes)?;
        entries.push((package.import_path.clone(), relative));
    }
    for folder in [&request.output, &request.export] {
        files::write(&folder.join(importcfg::FILE), importcfg::text(&entries).as_bytes())?;
    }
    files::write_json(
        &request.export.join(TAGS),
        &toolchain_tags(&sdk, request.goos, folder.path())?,
    )?;
    // 4. The directives, for the manifests of modules.
    let packages: Vec<GoPackage> = listed.into_iter().map(go_package).collect();
    let shown = |path: &Path| {
        let below = path.strip_prefix(&goroot).unwrap_or(path);
        format!("$GOROOT/{}", below.display())
    };
    let mut directives = gowasm_directive::scan(&packages, &shown).map_err(Failure::Input)?;
    directives.take_findings();
    files::write_json(&request.output.join(DIRECTIVES), &directives)
}

fn build(sdk: &Sdk, goos: Goos, scratch: &Path) -> Result<Vec<Listed>, Failure> {
    let mut go = sdk.go(goos, scratch);
    let fields = "-json=ImportPath,Dir,GoFiles,Export";
    go.current_dir(scratch).args(["list", "-export", "-trimpath", fields, "std"]);
    let text = sdk::run(go, |said| said)?;
    let listed: Result<Vec<Listed>, _> =
        serde_json::Deserializer::from_slice(&text).into_iter().collect();
    listed.map_err(|error| {
        Failure::Environment(Diagnostic::error(format!("`go list` answers no JSON: {error}")))
    })
}

/// Asked of Go itself: they differ between releases.
fn toolchain_tags(sdk: &Sdk, goos: Goos, scratch: &Path) -> Result<Vec<String>, Failure> {
    let mut go = sdk.go(goos, scratch);
    let form = "{{join context.ReleaseTags \" \"}} {{join context.ToolTags \" \"}}";
    go.current_dir(scratch).args(["list", "-f", form, "unsafe"]);
    let text = sdk::run(go, |said| said)?;
    Ok(String::from_utf8_lossy(&text).split_whitespace().map(str::to_owned).collect())
}

/// The tags of a standard library's `export` folder.
pub(crate) fn tags(export: &Path) -> Result<Vec<String>, Failure> {
    let place = export.join(TAGS);
    serde_json::from_slice(&files::read(&place)?).map_err(|error| {
        let message = format!("{} holds no tags: {error}", place.display());
        Failure::input(Diagnostic::error(message).hint("build the standard library again"))
    })
}

/// What the build of the standard library reads.
fn copy_sdk(from: &Path, to: &Path) -> Result<(), Failure> {
    let walk = WalkDir::new(from).follow_links(true).sort_by_file_name();
    let wanted = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        let below = entry.path().strip_prefix(from).unwrap_or(entry.path());
        let top = below.iter().next().map(|part| part.to_string_lossy());
        let is_of_use =
            top.is_none_or(|top| ["VERSION", "bin", "pkg", "src", "go.env"].contains(&&*top));
        is_of_use && name != "testdata" && !name.ends_with("_test.go")
    };
    for entry in walk.into_iter().filter_entry(wanted) {
        let entry = entry.map_err(|error| Failure::io("read", from, &error.into()))?;
        if entry.file_type().is_file() {
            let below = entry.path().strip_prefix(from).unwrap_or(entry.path());
            files::copy(entry.path(), &to.join(below))?;
        }
    }
    Ok(())
}

fn go_package(listed: Listed) -> GoPackage {
    GoPackage {
        import_path: listed.import_path,
        dir: listed.dir,
        go_files: listed.go_files,
        module: None,
        standard: true,
    }
}
