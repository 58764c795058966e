//! What everything was that somebody read, and the comparison with what is there now.

use super::environment;
use super::folder::{self, Names};
use super::watch::Watched;
use crate::stamp::{Moment, Stamp};
use crate::toolchain::{Asking, Toolchain};
use gowasm_store::Digest;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// What the inputs were when a build had read them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reading {
    /// The go command and the file that the name led to.
    go: (PathBuf, PathBuf),
    /// What a command that chooses a Go said of it.
    chosen: Option<[u8; 32]>,
    environment: [u8; 32],
    /// gowasm itself.
    program: (PathBuf, Stamp),
    content: Content,
    files: Vec<File>,
    folders: Vec<Folder>,
}

/// How much of the user's own files counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Content {
    Whole,
    /// Of Go files, what `go list` goes by.
    Header,
}

impl Content {
    fn digest(self, path: &Path) -> io::Result<[u8; 32]> {
        let is_go = path.extension().is_some_and(|extension| extension == "go");
        if self == Content::Header && is_go {
            let text = std::fs::read(path)?;
            return Ok(Digest::of(gowasm_directive::header(&text)).hash);
        }
        Ok(Digest::of_file(path)?.hash)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct File {
    path: PathBuf,
    /// `None` where nothing may be.
    stamp: Option<Stamp>,
    /// Of the content, where another stamp alone does not make it another file.
    hash: Option<[u8; 32]>,
    /// Go embeds no links.
    is_link: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Folder {
    path: PathBuf,
    stamp: Stamp,
    which: Names,
    names: [u8; 32],
}

/// How something that was watched compares with what it was.
enum Change {
    None,
    /// Another stamp, the same content.
    Touched,
    Changed,
}

impl Reading {
    /// Reads the stamps of all that is watched. `None` if anything was changed after `moment`: Go may
    /// have seen it before or after the change.
    pub(crate) fn take(
        watched: &Watched,
        toolchain: &Toolchain,
        moment: &Moment,
        content: Content,
    ) -> Option<Self> {
        let files: Vec<Option<File>> = watched
            .files
            .par_iter()
            .map(|(path, own)| File::read(path, *own, moment, content))
            .collect();
        let folders: Vec<Option<Folder>> = watched
            .folders
            .par_iter()
            .map(|(path, which)| Folder::read(path, *which, moment))
            .collect();
        let program = std::env::current_exe().ok()?;
        Some(Reading {
            go: named(&toolchain.go)?,
            chosen: toolchain.chosen,
            environment: environment::digest(),
            program: (program.clone(), Stamp::of(&program).ok()?),
            content,
            files: files.into_iter().collect::<Option<_>>()?,
            folders: folders.into_iter().collect::<Option<_>>()?,
        })
    }

    /// The user's own files, the folders that they are in, and the go command.
    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        let present = self.files.iter().filter(|file| file.stamp.is_some());
        let own = present.filter(|file| file.hash.is_some()).map(|file| file.path.clone());
        let mut inputs: BTreeSet<PathBuf> = own.collect();
        let folders = self.folders.iter().map(|folder| &folder.path);
        let of_own: Vec<PathBuf> = folders
            .filter(|folder| inputs.iter().any(|file| file.parent() == Some(folder)))
            .cloned()
            .collect();
        inputs.extend(of_own);
        inputs.insert(self.go.1.clone());
        inputs.into_iter().collect()
    }

    /// The folders that publishing changed get their new stamps, provided that the names in them are
    /// still the ones that Go saw.
    pub(crate) fn after_publishing(mut self, moment: &Moment) -> Option<Self> {
        for old in &mut self.folders {
            if Stamp::of(&old.path).ok()? != old.stamp {
                let new = Folder::read(&old.path, old.which, moment)?;
                if new.names != old.names {
                    return None;
                }
                *old = new;
            }
        }
        Some(self)
    }

    /// The first thing that is not as it was; otherwise whether anything was merely touched.
    pub(crate) fn compare(&self, asking: &Asking<'_>) -> Result<bool, String> {
        let go = asking.go;
        if named(go).as_ref() != Some(&self.go) {
            return Err(format!("the go command is another: {}", go.display()));
        }
        if environment::digest() != self.environment {
            return Err("the environment changed".to_owned());
        }
        let (program, stamp) = &self.program;
        let same_program = std::env::current_exe().ok().as_ref() == Some(program);
        if !same_program || Stamp::of(program).ok() != Some(*stamp) {
            return Err("gowasm itself changed".to_owned());
        }
        let files: Vec<Change> =
            self.files.par_iter().with_min_len(64).map(|file| file.compare(self.content)).collect();
        let folders: Vec<Change> =
            self.folders.par_iter().with_min_len(32).map(Folder::compare).collect();
        let mut touched = false;
        let paths = self.files.iter().map(|file| &file.path);
        let paths = paths.chain(self.folders.iter().map(|folder| &folder.path));
        for (path, change) in paths.zip(files.into_iter().chain(folders)) {
            match change {
                Change::None => {}
                Change::Touched => touched = true,
                Change::Changed => return Err(format!("{} changed", path.display())),
            }
        }
        if self.chosen.is_some() && asking.chosen() != self.chosen {
            return Err(format!(
                "{} chooses another Go, or sets it up in another way",
                go.display()
            ));
        }
        Ok(touched)
    }

    /// The same reading with today's stamps, so that the next comparison need not read what was
    /// touched. `None` if anything is being changed right now.
    pub(crate) fn refreshed(&self, moment: &Moment) -> Option<Self> {
        let mut new = self.clone();
        for file in &mut new.files {
            if let Some(hash) = file.hash
                && Stamp::of(&file.path).ok() != file.stamp
            {
                let read = File::read(&file.path, true, moment, self.content)?;
                (read.hash == Some(hash)).then_some(())?;
                *file = read;
            }
        }
        new.after_publishing(moment)
    }
}

impl File {
    fn read(path: &Path, own: bool, moment: &Moment, content: Content) -> Option<Self> {
        let read = || -> io::Result<(Stamp, Option<[u8; 32]>)> {
            let stamp = Stamp::of(path)?;
            let hash = if own && !stamp.is_folder() { Some(content.digest(path)?) } else { None };
            Ok((stamp, hash))
        };
        let path_owned = path.to_owned();
        match read() {
            // A change between the stamp and the hash is later than the moment, and the next stamp
            // tells.
            Ok((stamp, hash)) => moment.is_after(&stamp).then(|| File {
                path: path_owned,
                stamp: Some(stamp),
                hash,
                is_link: own && path.is_symlink(),
            }),
            Err(error) if is_absence(&error) => {
                Some(File { path: path_owned, stamp: None, hash: None, is_link: false })
            }
            Err(_) => None,
        }
    }

    fn compare(&self, content: Content) -> Change {
        match (Stamp::of(&self.path), self.stamp) {
            (Ok(now), Some(then)) if now == then => Change::None,
            (Ok(now), Some(then)) if now.same_kind(&then) => {
                let same = |hash| {
                    let is_same = content.digest(&self.path).is_ok_and(|digest| digest == hash);
                    is_same && self.path.is_symlink() == self.is_link
                };
                if self.hash.is_some_and(same) { Change::Touched } else { Change::Changed }
            }
            (Err(error), None) if is_absence(&error) => Change::None,
            _ => Change::Changed,
        }
    }
}

impl Folder {
    fn read(path: &Path, which: Names, moment: &Moment) -> Option<Self> {
        let stamp = Stamp::of(path).ok().filter(|stamp| moment.is_after(stamp))?;
        let names = folder::names(path, which).ok()?;
        Some(Folder { path: path.to_owned(), stamp, which, names })
    }

    fn compare(&self) -> Change {
        match Stamp::of(&self.path) {
            Ok(now) if now == self.stamp => Change::None,
            _ => match folder::names(&self.path, self.which) {
                Ok(names) if names == self.names => Change::Touched,
                _ => Change::Changed,
            },
        }
    }
}

/// Two copies of one Go may share their files, as hard links: only the names tell them apart.
fn named(go: &Path) -> Option<(PathBuf, PathBuf)> {
    Some((go.to_owned(), go.canonicalize().ok()?))
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
