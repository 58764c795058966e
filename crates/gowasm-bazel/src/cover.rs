//! Go's cover tool: sources that count how often each of their blocks runs.

use crate::compile::Work;
use crate::sdk;
use crate::sources::{self, Unit};
use crate::{Failure, files};
use serde::Serialize;
use std::path::PathBuf;

/// Blocks are counted; there are no threads for which counting would have to be atomic.
pub(crate) const MODE: &str = "count";

/// What the compiler is given instead of the sources.
pub(crate) struct Instrumented {
    pub(crate) go_files: Vec<String>,
    /// For its flag `-coveragecfg`.
    pub(crate) config: PathBuf,
}

/// `cmd/internal/cov/covcmd.CoverPkgConfig`
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PackageConfig<'a> {
    out_config: PathBuf,
    /// Profiles name files by this and their own name. It is the folder, so that they name files of the workspace.
    pkg_path: &'a str,
    pkg_name: &'a str,
    granularity: &'static str,
}

impl Work<'_> {
    /// Has the package count, if it is to; tests do not count themselves.
    pub(crate) fn instrument(&self, unit: &Unit) -> Result<Option<Instrumented>, Failure> {
        let Some(folder) = &self.request.cover else { return Ok(None) };
        let (tests, counted): (Vec<_>, Vec<_>) =
            unit.files.go.iter().partition(|name| name.ends_with("_test.go"));
        if counted.is_empty() {
            return Ok(None);
        }
        let scratch = self.scratch.join("cover");
        let config = scratch.join("coveragecfg");
        let package = PackageConfig {
            out_config: config.clone(),
            pkg_path: if folder.is_empty() { "." } else { folder },
            pkg_name: &unit.name,
            granularity: "perblock",
        };
        let (package_config, list) = (scratch.join("pkgcfg"), scratch.join("outfilelist"));
        files::write_json(&package_config, &package)?;
        // The first one is for the variables.
        let outputs: Vec<String> = std::iter::once("_cover_vars.go")
            .chain(counted.iter().map(|name| name.as_str()))
            .map(|name| scratch.join(name).display().to_string())
            .collect();
        files::write(&list, (outputs.join("\n") + "\n").as_bytes())?;
        let mut cover = self.sdk.tool("cover", self.request.goos)?;
        cover.current_dir(&self.stage).args(["-mode", MODE, "-var", "goCover_"]);
        cover.arg("-pkgcfg").arg(package_config).arg("-outfilelist").arg(list);
        // Absolute, as what the compiler says of files in another folder begins with this one's.
        cover.args(counted.iter().map(|name| self.stage.join(name)));
        sdk::run(cover, self.cancel, |said| sources::rename(&self.request.sources, &said))?;
        let tests = tests.into_iter().map(|name| format!("./{name}"));
        Ok(Some(Instrumented { go_files: outputs.into_iter().chain(tests).collect(), config }))
    }
}
