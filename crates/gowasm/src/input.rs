//! Reading a file that the user named: a regular one, of a size that it can have.

use crate::context::Context;
use crate::failure::Failure;
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::Manifest;
use gowasm_store::show_size;
use gowasm_verify::Plan;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Engines take no larger module, and no other file is as large.
const LARGEST: u64 = 1 << 30;

/// The file's bytes, and how messages name it.
pub(crate) fn read(path: &Path, context: &Context) -> Result<(Vec<u8>, String), Failure> {
    let place = context.started_in.join(path);
    let shown = context.shown(&place);
    match bounded(&place) {
        Ok(Ok(bytes)) => Ok((bytes, shown)),
        Ok(Err((what, hint))) => {
            Err(Diagnostic::error(format!("cannot read {shown}: {what}")).hint(hint).into())
        }
        Err(error) => {
            let diagnostic = Diagnostic::error(format!("cannot read {shown}: {error}"));
            Err(match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::IsADirectory => {
                    Failure::Input(vec![diagnostic.hint("name a file that is there")])
                }
                _ => Failure::Environment(diagnostic.hint("make the file readable")),
            })
        }
    }
}

type Refused = (String, &'static str);

fn bounded(place: &Path) -> io::Result<Result<Vec<u8>, Refused>> {
    // Before it is opened: opening a pipe waits for whoever writes into it.
    let metadata = place.metadata()?;
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        let what = "it is a device or a pipe, which may never end".to_owned();
        return Ok(Err((what, "write it into a file first")));
    }
    let mut bytes = Vec::new();
    if metadata.len() <= LARGEST {
        File::open(place)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
    }
    if metadata.len().max(bytes.len() as u64) > LARGEST {
        let what = format!("it has {}", show_size(metadata.len().max(bytes.len() as u64)));
        return Ok(Err((what, "wasm modules have 1 GiB at most")));
    }
    Ok(Ok(bytes))
}

pub(crate) fn plan(path: &Path, context: &Context) -> Result<Plan, Failure> {
    let (bytes, shown) = read(path, context)?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error(format!("{shown} is not UTF-8 from byte {at} on"))
            .hint("--plan takes a TOML file")
    })?;
    Plan::parse(&text, &shown).map_err(Failure::Input)
}

pub(crate) fn manifest(path: &Path, context: &Context) -> Result<Manifest, Failure> {
    let (bytes, shown) = read(path, context)?;
    Manifest::parse(&bytes).map_err(|why| {
        Diagnostic::error(format!("{shown} is no manifest: {why}"))
            .hint("name the NAME.manifest.json that `gowasm build` writes")
            .into()
    })
}
