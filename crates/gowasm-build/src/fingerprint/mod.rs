//! Tells without starting Go that a build would make what it made before.
//!
//! After a build, a note in the store holds everything that it depended on: files and folders with
//! their stamps, places where nothing was, the environment. The problem is to miss no change that is
//! made while Go reads, or so soon after that the clock of the file system does not tell the two apart.
//! So every build takes a `Moment` before it starts Go, and makes a note only if all stamps are from
//! before: a later change gives a later stamp. Change times are what counts there, since nobody can
//! set them, unlike modification times.
//!
//! A go command that is no Go itself but chooses one may go by anything. So that one is started: it
//! tells which Go it would start now.

mod environment;
mod folder;
mod gomod;
pub(crate) mod key;
mod note;
mod reading;
mod watch;

pub(crate) use note::{Made, Note, Output};
pub(crate) use reading::{Content, Reading};
pub(crate) use watch::Watched;

use crate::stamp::Moment;
use gowasm_store::Store;
use std::path::Path;

/// The moment before something is read, by the clocks of the file systems where something can be
/// written: the store's, that of temporary files, and those of `folders`.
pub(crate) fn moment(store: &Store, folders: &[&Path]) -> std::io::Result<Moment> {
    let temporary = std::env::temp_dir();
    let mut all = vec![store.dir(), &temporary];
    all.extend(folders);
    Moment::now(&all)
}
