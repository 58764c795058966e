//! Directives of all packages in a build, and the manifest that comes of them.

use crate::Failure;
use crate::build::Session;
use crate::overlay::Overlay;
use crate::packages::{self, Listed, Packages};
use crate::toolchain::Toolchain;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Directives, GoModule, GoPackage, Manifest, Target};
use std::path::Path;

/// Reads the directives of every package, dependencies' too, and judges them.
pub(crate) fn directives(
    session: &Session<'_>,
    toolchain: &Toolchain,
    packages: &Packages,
) -> Result<Directives, Failure> {
    let request = session.request;
    let dir = packages::working_dir(&request.started_in, &request.package);
    let overlay = Overlay::of(&toolchain.goflags, &dir);
    let go_package = |listed| go_package(listed, &overlay);
    let packages: Vec<GoPackage> = packages.all().iter().filter_map(go_package).collect();
    let shown = |path: &Path| session.shown(path);
    let directives = gowasm_directive::scan(&packages, &shown).map_err(Failure::Input)?;
    let found = request.deny.apply(directives.check(request.target));
    let (found, folded) = gowasm_diagnostic::fold(found);
    folded.iter().for_each(|warning| session.progress.detail(&warning.to_string()));
    let (errors, warnings): (Vec<Diagnostic>, Vec<Diagnostic>) =
        found.into_iter().partition(Diagnostic::is_error);
    warnings.iter().for_each(|warning| session.progress.diagnostic(warning));
    if errors.is_empty() { Ok(directives) } else { Err(Failure::Input(errors)) }
}

/// Holds the directives against the module that came out of them.
pub(crate) fn of_module(
    target: Target,
    toolchain: &Toolchain,
    packages: &Packages,
    directives: &Directives,
    module: &[u8],
) -> Result<Manifest, Failure> {
    let package = &packages.main().import_path;
    Manifest::build(directives, target, package, &toolchain.version, module).map_err(Failure::Input)
}

pub(crate) fn go_package(listed: &Listed, overlay: &Overlay) -> Option<GoPackage> {
    let dir = listed.dir.clone()?;
    Some(GoPackage {
        import_path: listed.import_path.clone(),
        go_files: listed.go_files.iter().map(|file| overlay.place(&dir, file)).collect(),
        dir,
        module: listed.module.as_ref().map(go_module),
        standard: listed.standard,
    })
}

fn go_module(module: &packages::GoModule) -> GoModule {
    GoModule {
        path: module.path.clone(),
        version: module.effective().version.clone(),
        main: module.main,
    }
}
