//! One compilation as an action: its input tree, and where the bytes come from.

use super::invocation::{Folder, Invocation};
use gowasm_store::{Action, Blob, Blobs, Digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub(super) const ARCHIVE: &str = "_pkg_.a";
pub(super) const ASSEMBLY_HEADER: &str = "go_asm.h";
/// On Linux, the folder that a process was started in: that of the inputs.
pub(super) const INPUTS: &str = "/proc/self/cwd";

/// The files of an input tree, by their places in it.
#[derive(Default)]
pub(super) struct Inputs {
    files: BTreeMap<String, (Digest, Blob)>,
}

impl Inputs {
    pub(super) fn add_file(&mut self, place: String, path: &Path) -> Result<(), String> {
        let digest = Digest::of_file(path).map_err(|error| unreadable(path, &error))?;
        self.add_known(place, path, digest);
        Ok(())
    }

    pub(super) fn add_known(&mut self, place: String, path: &Path, digest: Digest) {
        self.files.insert(place, (digest, Blob::File(path.to_owned())));
    }

    fn add_bytes(&mut self, place: String, bytes: Vec<u8>) {
        self.files.insert(place, (Digest::of(&bytes), Blob::Bytes(bytes)));
    }

    pub(super) fn blobs(self) -> Blobs {
        self.files.into_values().collect()
    }
}

/// The place of the sources of one folder, as the compiler is told it and names it in what it says.
pub(super) fn place_of(number: usize) -> String {
    format!("{INPUTS}/src/{number}")
}

/// The action, and its inputs into `inputs`, where the compiler is already. An error says what it cannot
/// tell.
pub(super) fn action(
    compiler: &str,
    invocation: &Invocation,
    inputs: &mut Inputs,
) -> Result<Action, String> {
    let mut arguments = vec![compiler.to_owned(), "-o".to_owned(), ARCHIVE.to_owned()];
    let rules = invocation.folders.iter().enumerate();
    let rules: Vec<String> = rules
        .map(|(number, folder)| format!("{}=>{}", place_of(number), folder.recorded))
        .collect();
    arguments.extend(["-trimpath".to_owned(), rules.join(";")]);
    arguments.extend(["-p".to_owned(), invocation.import_path.clone()]);
    arguments.extend(invocation.flags.iter().cloned());
    for (flag, path) in [("symabis", &invocation.symabis), ("pgoprofile", &invocation.profile)] {
        if let Some(path) = path {
            inputs.add_file(flag.to_owned(), path)?;
            arguments.extend([format!("-{flag}"), flag.to_owned()]);
        }
    }
    if let Some(path) = &invocation.importcfg {
        let text = importcfg(path, inputs)?;
        inputs.add_bytes("importcfg".to_owned(), text.into_bytes());
        arguments.extend(["-importcfg".to_owned(), "importcfg".to_owned()]);
    }
    if let Some(path) = &invocation.embedcfg {
        let text = embedcfg(path, inputs)?;
        inputs.add_bytes("embedcfg".to_owned(), text);
        arguments.extend(["-embedcfg".to_owned(), "embedcfg".to_owned()]);
    }
    if invocation.assembly_header.is_some() {
        arguments.extend(["-asmhdr".to_owned(), ASSEMBLY_HEADER.to_owned()]);
    }
    for (number, folder) in invocation.folders.iter().enumerate() {
        for name in &folder.files {
            let path = Path::new(&folder.spelled).join(name);
            inputs.add_file(format!("src/{number}/{name}"), &path)?;
            arguments.push(format!("{}/{name}", place_of(number)));
        }
    }
    let mut action = Action::new(arguments).output(ARCHIVE);
    if invocation.assembly_header.is_some() {
        action = action.output(ASSEMBLY_HEADER);
    }
    for (place, (digest, _)) in &inputs.files {
        action = action.input_digest(place, *digest, place == compiler);
    }
    Ok(action)
}

/// The lines of an import configuration, with the archives at their places in the input tree.
fn importcfg(path: &Path, inputs: &mut Inputs) -> Result<String, String> {
    let text = read(path)?;
    let mut rewritten = String::with_capacity(text.len());
    for line in text.lines() {
        let archive = line.strip_prefix("packagefile ").and_then(|rest| rest.split_once('='));
        match archive {
            Some((import_path, file)) => {
                let place = format!("archives/{import_path}.a");
                inputs.add_file(place.clone(), Path::new(file))?;
                rewritten += &format!("packagefile {import_path}={place}\n");
            }
            None => rewritten += &format!("{line}\n"),
        }
    }
    Ok(rewritten)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EmbedConfig {
    patterns: BTreeMap<String, Vec<String>>,
    files: BTreeMap<String, PathBuf>,
}

fn embedcfg(path: &Path, inputs: &mut Inputs) -> Result<Vec<u8>, String> {
    let odd = |error: serde_json::Error| format!("{} is not understood: {error}", path.display());
    let mut config: EmbedConfig = serde_json::from_str(&read(path)?).map_err(odd)?;
    for (name, file) in &mut config.files {
        let place = format!("embed/{name}");
        inputs.add_file(place.clone(), file)?;
        *file = place.into();
    }
    serde_json::to_vec(&config).map_err(odd)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("{} cannot be read: {error}", path.display())
}

/// The compiler's words with the names that the files have here.
pub(super) fn as_spelled(said: &[u8], folders: &[Folder]) -> String {
    let said = String::from_utf8_lossy(said).into_owned();
    folders.iter().enumerate().fold(said, |said, (number, folder)| {
        said.replace(&format!("{}/", place_of(number)), &folder.spelled)
    })
}
