//! The note that a build leaves: what it read and what it published.

use super::reading::Reading;
use crate::publish::Places;
use crate::stamp::{Moment, Stamp};
use crate::toolchain::Asking;
use crate::{Outcome, Request, fingerprint};
use gowasm_store::{Digest, Store};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const KIND: &str = "build";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Note {
    reading: Reading,
    pub(crate) package: String,
    pub(crate) go_version: String,
    pub(crate) linker: String,
    pub(crate) module: Output,
    pub(crate) manifest: Output,
    pub(crate) verdict: Option<Output>,
}

/// One of the files that a build published.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) path: PathBuf,
    stamp: Stamp,
    hash: [u8; 32],
    size: u64,
    executable: bool,
}

impl Output {
    pub(crate) fn digest(&self) -> Digest {
        Digest { hash: self.hash, size: self.size }
    }

    fn read(path: &Path, bytes: &[u8], moment: &Moment) -> Option<Self> {
        let stamp = Stamp::of(path).ok().filter(|stamp| moment.is_after(stamp))?;
        let digest = Digest::of(bytes);
        let executable = stamp.is_executable();
        Some(Output {
            path: path.to_owned(),
            stamp,
            hash: digest.hash,
            size: digest.size,
            executable,
        })
    }

    /// Whether the file is in its place as it was published; what is not is brought back out of the
    /// store.
    fn restore(&self, store: &Store) -> bool {
        self.in_place()
            || self.same_content()
            || store.materialize(&self.digest(), &self.path, self.executable).unwrap_or(false)
    }

    fn in_place(&self) -> bool {
        Stamp::of(&self.path).is_ok_and(|now| now == self.stamp)
    }

    fn same_content(&self) -> bool {
        Digest::of_file(&self.path).is_ok_and(|digest| digest == self.digest())
    }

    fn refresh(&mut self, moment: &Moment) -> Option<()> {
        let stamp = Stamp::of(&self.path).ok().filter(|stamp| moment.is_after(stamp))?;
        self.same_content().then_some(())?;
        self.stamp = stamp;
        Some(())
    }
}

/// One of the files of a build and its bytes.
pub(crate) struct Made<'a> {
    path: &'a Path,
    bytes: &'a [u8],
}

impl<'a> Made<'a> {
    pub(crate) fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        Made { path, bytes }
    }
}

impl Note {
    /// The note of a build that has just published its files. `None` where something was changed in
    /// the meantime.
    pub(crate) fn new(
        reading: Reading,
        moment: &Moment,
        outcome: &Outcome,
        files: [Option<Made<'_>>; 3],
    ) -> Option<Self> {
        let read = |made: &Made<'_>| Output::read(made.path, made.bytes, moment);
        let [module, manifest, verdict] = files;
        Some(Note {
            reading: reading.after_publishing(moment)?,
            package: outcome.package.clone(),
            go_version: outcome.go_version.clone(),
            linker: outcome.linker.clone(),
            module: read(&module?)?,
            manifest: read(&manifest?)?,
            verdict: match verdict {
                Some(made) => Some(read(&made)?),
                None => None,
            },
        })
    }

    pub(crate) fn save(
        &self,
        store: &Store,
        key: &[u8; 32],
    ) -> Result<(), gowasm_store::StoreError> {
        // Plain data in memory: this cannot fail.
        let Ok(text) = postcard::to_stdvec(self) else { return Ok(()) };
        store.put_note(KIND, key, &text)
    }

    /// The note under the key, if all is as it was and the outputs are in their places. `Err` says what
    /// is not, for those who want to know.
    pub(crate) fn still_true(
        request: &Request,
        store: &Store,
        key: &[u8; 32],
        asking: &Asking<'_>,
    ) -> Result<Self, String> {
        let text = store.get_note(KIND, key).ok_or("nothing like it was built here before")?;
        let mut note: Note = postcard::from_bytes(&text).map_err(|_| "another gowasm built it")?;
        let mut touched = note.reading.compare(asking)?;
        // A folder that came or went decides what `--output` names.
        if Places::new(request, &note.package) != note.places() {
            return Err("the files are to go elsewhere".to_owned());
        }
        for output in note.outputs() {
            touched |= !output.in_place();
            if !output.restore(store) {
                return Err(format!("{} is gone, from the store as well", output.path.display()));
            }
        }
        if touched {
            // Only saves time the next time, so it may fail.
            let moment = fingerprint::moment(store, &note.folders());
            if let Some(refreshed) = moment.ok().and_then(|moment| note.refreshed(&moment)) {
                let _ = refreshed.save(store, key);
                note = refreshed;
            }
        }
        Ok(note)
    }

    pub(crate) fn inputs(&self) -> Vec<PathBuf> {
        self.reading.inputs()
    }

    /// Where the files went; that of a verdict is fixed by the module's.
    fn places(&self) -> Places {
        Places::beside(self.module.path.clone(), self.manifest.path.clone())
    }

    fn folders(&self) -> Vec<&Path> {
        self.module.path.parent().into_iter().collect()
    }

    fn outputs(&mut self) -> impl Iterator<Item = &mut Output> {
        [Some(&mut self.module), Some(&mut self.manifest), self.verdict.as_mut()]
            .into_iter()
            .flatten()
    }

    /// With today's stamps. `None` if anything is being changed right now.
    fn refreshed(&self, moment: &Moment) -> Option<Self> {
        let mut new = self.clone();
        new.reading = self.reading.refreshed(moment)?;
        for output in new.outputs().filter(|output| !output.in_place()) {
            output.refresh(moment)?;
        }
        Some(new)
    }
}
