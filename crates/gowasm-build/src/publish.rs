//! Gives a module, its manifest and its verdict their names: each written whole beside its place, on
//! disk for good, and then renamed, so that nobody ever sees half of one.

use crate::{Failure, Published, Request};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::BuildMode;
use gowasm_store::Digest;
use std::borrow::Cow;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Where the three files go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) module: PathBuf,
    pub(crate) manifest: PathBuf,
    pub(crate) verdict: PathBuf,
}

impl Places {
    pub(crate) fn new(request: &Request, import_path: &str) -> Self {
        let module = module_place(request, import_path);
        let manifest = match &request.manifest {
            Some(path) => request.started_in.join(path),
            None => beside(&module, "manifest.json"),
        };
        Places::beside(module, manifest)
    }

    pub(crate) fn beside(module: PathBuf, manifest: PathBuf) -> Self {
        Places { manifest, verdict: beside(&module, "verdict.json"), module }
    }

    /// Of the module's file.
    pub(crate) fn name(&self) -> String {
        file_name(&self.module).into_owned()
    }

    /// Refuses a place that cannot be written before anything is compiled.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        for place in [&self.module, &self.manifest, &self.verdict] {
            if place.is_dir() {
                let error = io::Error::from(io::ErrorKind::IsADirectory);
                return Err(Failure::io("write", place, &error));
            }
            let folder = folder_of(place);
            fs::create_dir_all(folder)
                .map_err(|error| Failure::io("make the folder", folder, &error))?;
        }
        // Writing is the only test that no kind of permission, quota or mount gets around.
        temporary(&self.module, 0o666)
            .map_err(|error| Failure::io("write", &self.module, &error))?;
        if self.manifest == self.module || self.manifest == self.verdict {
            let message = format!("{} cannot be two of a build's files", self.manifest.display());
            return Err(Failure::Usage(
                Diagnostic::error(message).hint("give --manifest a name of its own"),
            ));
        }
        Ok(())
    }
}

fn file_name(module: &Path) -> Cow<'_, str> {
    module.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
}

fn beside(module: &Path, extension: &str) -> PathBuf {
    let name = file_name(module);
    let stem = name.strip_suffix(".wasm").unwrap_or(&name);
    module.with_file_name(format!("{stem}.{extension}"))
}

/// As `go build` names a program: after the last element of the import path that is not a major
/// version.
pub(crate) fn name_of(package: &str, import_path: &str) -> String {
    if package.ends_with(".go") {
        let stem = Path::new(package).file_stem().map(|stem| stem.to_string_lossy().into_owned());
        return stem.unwrap_or_else(|| "main".to_owned());
    }
    let mut elements = import_path.rsplit('/');
    let last = elements.next().unwrap_or(import_path);
    match elements.next() {
        Some(before) if is_major_version(last) => before.to_owned(),
        _ => last.to_owned(),
    }
}

fn is_major_version(element: &str) -> bool {
    let Some(number) = element.strip_prefix('v') else { return false };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    digits && !number.starts_with('0') && number != "1"
}

fn module_place(request: &Request, import_path: &str) -> PathBuf {
    let file = format!("{}.wasm", name_of(&request.package, import_path));
    match &request.output {
        None => request.started_in.join(file),
        Some(output) => {
            let place = request.started_in.join(output);
            let text = output.to_string_lossy();
            let is_folder =
                text.ends_with('/') || text.ends_with(std::path::MAIN_SEPARATOR) || place.is_dir();
            if is_folder { place.join(file) } else { place }
        }
    }
}

/// What is to be published. Without a verdict, none may stay that speaks of another module.
pub(crate) struct Files<'a> {
    pub(crate) module: &'a [u8],
    pub(crate) manifest: &'a [u8],
    pub(crate) verdict: Option<&'a [u8]>,
}

pub(crate) fn publish(places: &Places, files: &Files<'_>, mode: BuildMode) -> Result<(), Failure> {
    let _all_of_them = gowasm_process::publishing();
    let mut ready = Vec::new();
    if let Some(verdict) = files.verdict {
        ready.push((&places.verdict, write(&places.verdict, verdict, 0o666)?));
    }
    ready.push((&places.manifest, write(&places.manifest, files.manifest, 0o666)?));
    // Executable if `go build` makes it so. It gets its name last: a module is never without its
    // manifest.
    let permissions = if mode == BuildMode::Exe { 0o777 } else { 0o666 };
    ready.push((&places.module, write(&places.module, files.module, permissions)?));
    if files.verdict.is_none() {
        remove(&places.verdict)?;
    }
    for (place, temporary) in ready {
        temporary.persist(place).map_err(|error| Failure::io("write", place, &error.error))?;
    }
    Ok(())
}

pub(crate) fn published(path: &Path, digest: Digest) -> Published {
    Published { path: path.to_owned(), sha256: digest.hex(), size: digest.size }
}

fn write(place: &Path, bytes: &[u8], mode: u32) -> Result<NamedTempFile, Failure> {
    let written = temporary(place, mode).and_then(|mut file| {
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    });
    written.map_err(|error| Failure::io("write", place, &error))
}

fn remove(place: &Path) -> Result<(), Failure> {
    match fs::remove_file(place) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::io("remove", place, &error)),
    }
}

fn temporary(place: &Path, mode: u32) -> io::Result<NamedTempFile> {
    gowasm_scratch::file_in(folder_of(place), mode)
}

fn folder_of(place: &Path) -> &Path {
    place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
