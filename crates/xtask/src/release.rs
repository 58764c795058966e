//! A release: the gowasm program, the Bazel module that knows its digest, and the module's entry for a Bazel
//! registry, made of the templates in `.bcr/`.

use crate::project;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MODULE: &str = "rules_go_wasm";
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What the Bazel module knows of programs.
const RELEASES: &str = "rules/private/gowasm_releases.bzl";

#[derive(Args)]
pub(crate) struct Release {
    /// Where its files go; archives of gowasm for other platforms that are there already become part of it
    pub(crate) folder: PathBuf,
    /// The repository on GitHub whose releases are to have the files
    #[arg(long, value_name = "OWNER/NAME")]
    pub(crate) repository: String,
    /// What is released
    #[arg(long, default_value = "HEAD")]
    pub(crate) commit: String,
}

impl Release {
    pub(crate) fn make(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        self.program()?;
        let (archive, module) = self.module()?;
        self.registry(&archive, &module)
    }

    /// Packs the gowasm of this machine.
    fn program(&self) -> Result<()> {
        let place = tempfile::tempdir()?;
        fs::copy(project::release("gowasm")?, place.path().join("gowasm"))?;
        let archive = format!("gowasm-{VERSION}-{}.tar.gz", crate::go_releases::host());
        self.pack(place.path(), "gowasm", &self.folder.join(archive))
    }

    /// Packs the checkout, with its version and the digests of the programs. Returns the archive, and its
    /// MODULE.bazel.
    fn module(&self) -> Result<(PathBuf, String)> {
        let place = tempfile::tempdir()?;
        let name = format!("{MODULE}-{VERSION}");
        let exported = place.path().join("exported.tar");
        let mut export = git(&["archive", "--format=tar", &format!("--prefix={name}/"), "-o"]);
        project::run(export.arg(&exported).arg(&self.commit))?;
        let mut unpack = Command::new("tar");
        project::run(unpack.arg("-xf").arg(&exported).arg("-C").arg(place.path()))?;
        let root = place.path().join(&name);

        let file = root.join("MODULE.bazel");
        let head = format!("module(\n    name = \"{MODULE}\",\n");
        let text = fs::read_to_string(&file)?;
        if !text.contains(&head) {
            bail!("MODULE.bazel does not begin as expected: there is no\n{head}");
        }
        let text = text.replace(&head, &format!("{head}    version = \"{VERSION}\",\n"));
        fs::write(&file, &text)?;
        fs::write(root.join(RELEASES), self.programs()?)?;

        let archive = self.folder.join(format!("{name}.tar.gz"));
        self.pack(place.path(), &name, &archive)?;
        Ok((archive, text))
    }

    /// What the Bazel module knows of the programs: where they will be, and the digests of those in the folder.
    fn programs(&self) -> Result<String> {
        let mut digests = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let platform = name
                .strip_prefix(&format!("gowasm-{VERSION}-"))
                .and_then(|rest| rest.strip_suffix(".tar.gz"));
            if let Some(platform) = platform {
                let digest = sha256(&path)?;
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                digests.push(format!("        \"{platform}\": \"{hex}\",\n"));
            }
        }
        digests.sort();
        Ok(format!(
            "\"\"\"The release of gowasm that belongs to this module.\"\"\"\n\n\
             GOWASM_URL = \"https://github.com/{}/releases/download/v{{version}}/gowasm-{{version}}-{{os}}-{{arch}}.tar.gz\"\n\n\
             GOWASM_SHA256 = {{\n    \"{VERSION}\": {{\n{}    }},\n}}\n",
            self.repository,
            digests.concat()
        ))
    }

    /// The files that a registry such as Bazel's central one has of this version.
    fn registry(&self, archive: &Path, module: &str) -> Result<()> {
        let entry = self.folder.join("registry/modules").join(MODULE);
        let version = entry.join(VERSION);
        fs::create_dir_all(&version)?;
        fs::write(version.join("MODULE.bazel"), module)?;
        let integrity = format!("sha256-{}", STANDARD.encode(sha256(archive)?));
        let source = self.template("source.template.json")?;
        let empty = "\"integrity\": \"\"";
        if !source.contains(empty) {
            bail!(".bcr/source.template.json has no {empty}");
        }
        let source = source.replace(empty, &format!("\"integrity\": \"{integrity}\""));
        fs::write(version.join("source.json"), source)?;
        fs::write(version.join("presubmit.yml"), self.template("presubmit.yml")?)?;
        let versions = format!("\"versions\": [\n    \"{VERSION}\"\n  ]");
        let metadata = self.template("metadata.template.json")?;
        let metadata = metadata.replace("\"versions\": []", &versions);
        Ok(fs::write(entry.join("metadata.json"), metadata)?)
    }

    /// A file of `.bcr/` as it is in the commit.
    fn template(&self, name: &str) -> Result<String> {
        let (owner, repository) =
            self.repository.split_once('/').context("the repository is not OWNER/NAME")?;
        let text = project::output(&mut git(&["show", &format!("{}:.bcr/{name}", self.commit)]))?;
        Ok(text
            .replace("{OWNER}", owner)
            .replace("{REPO}", repository)
            .replace("{VERSION}", VERSION)
            .replace("{TAG}", &format!("v{VERSION}")))
    }

    /// An archive that depends on nothing but the files and the commit's date.
    fn pack(&self, folder: &Path, name: &str, archive: &Path) -> Result<()> {
        let time = project::output(&mut git(&["log", "-1", "--format=%ct", &self.commit]))?;
        let mut tar = Command::new("tar");
        tar.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go=rX"]);
        tar.args([&format!("--mtime=@{}", time.trim()), "--use-compress-program=gzip -n"]);
        tar.arg("-cf").arg(archive).arg("-C").arg(folder).arg(name);
        project::run(&mut tar).context("archives need GNU tar")
    }
}

fn git(arguments: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.args(arguments).current_dir(project::root());
    git
}

pub(crate) fn sha256(file: &Path) -> Result<[u8; 32]> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Sha256::digest(bytes).into())
}
