//! Tells without starting Go that a build would make what it made before.
//!
//! After a build, a note in the store holds everything that it depended on: files and folders with
//! their stamps, places where nothing was, the environment. The problem is to miss no change that is
//! made while Go reads, or so soon after that the clock of the file system does not tell the two apart.
//! So every build takes a `Moment` before it starts Go, and makes a note only if all stamps are from
//! before: a later change gives a later stamp. Change times are what counts there, since nobody can
//! set them, unlike modification times.

mod environment;
mod folder;
mod gomod;
mod note;
mod reading;
mod watch;

pub(crate) use note::{Made, Note, Output};
pub(crate) use reading::{Content, Reading};
pub(crate) use watch::Watched;

use crate::Request;
use crate::stamp::Moment;
use gowasm_store::{Digest, Store};
use std::path::Path;

/// Under which note a request finds what it made before: the place and everything that was asked for.
pub(crate) fn key(request: &Request) -> [u8; 32] {
    Digest::of(format!("{request:?}").as_bytes()).hash
}

/// The moment before a build reads its sources, by the clock of the file system that has them, if a
/// place to ask it can be found.
pub(crate) fn moment(started_in: &Path, store: &Store) -> std::io::Result<Moment> {
    let temporary = std::env::temp_dir();
    let sources = folder::device(started_in);
    let candidates: [&Path; 2] = [store.dir(), &temporary];
    let same =
        candidates.into_iter().find(|dir| sources.is_some() && folder::device(dir) == sources);
    match same.map(Moment::now) {
        Some(Ok(moment)) => Ok(moment),
        _ => Moment::now(&temporary),
    }
}
