//! Directives of packages, judged with nothing compiled.
//!
//! Asking Go which files and packages a package is made of takes far longer than judging them. So its
//! answer is kept in a note, with everything that it depends on. Of the user's Go files that is only what
//! stands before the declarations: whoever edits a function need not wait for Go.

use crate::build::environment;
use crate::fingerprint::{self, Content, Reading, Watched, key};
use crate::overlay::Overlay;
use crate::packages::{self, FIELDS, Question};
use crate::request::check_target;
use crate::stamp::Moment;
use crate::toolchain::{self, Asking, Toolchain};
use crate::{Failure, Progress, check_passed, manifest};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{Deny, GoPackage, Shown, Target};
use gowasm_store::Store;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

#[derive(Debug, Clone)]
pub struct CheckRequest {
    /// Where relative paths begin and where Go is run. Absolute.
    pub started_in: PathBuf,
    /// Folders, import paths or patterns, as `go list` takes them.
    pub packages: Vec<String>,
    pub target: Target,
    pub tags: Vec<String>,
    /// Further flags of `go build`, as for a build.
    pub go_flags: Vec<String>,
    /// A Go to use instead of the one in `GOWASM_GO` or on the path.
    pub go: Option<PathBuf>,
    /// Which warnings are errors.
    pub deny: Deny,
    /// Go may load no modules from the network.
    pub offline: bool,
    /// Where notes are kept instead of the user's cache folder.
    pub store: Option<PathBuf>,
}

/// Everything that is wrong with the packages and all they are made of.
pub fn check(
    request: &CheckRequest,
    shown: Shown<'_>,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Vec<Diagnostic>, Failure> {
    check_target(request.target)?;
    request.go_flags.iter().try_for_each(|flag| check_passed(flag))?;
    let go = toolchain::find(request.go.as_deref(), &request.started_in)?;
    let store = Store::open(request.store.as_deref()).map_err(|error| environment(&error))?;
    let mut found = Vec::new();
    for (dir, packages) in by_folder(request) {
        let check = Check { request, dir, packages, go: &go, store: &store, progress, cancel };
        found.extend(check.run(shown)?);
    }
    Ok(request.deny.apply(found))
}

/// The packages that one run of Go lists.
struct Check<'a> {
    request: &'a CheckRequest,
    dir: PathBuf,
    packages: Vec<String>,
    go: &'a Path,
    store: &'a Store,
    progress: &'a dyn Progress,
    cancel: &'a AtomicBool,
}

/// What Go answered.
#[derive(Clone, Serialize, Deserialize)]
struct Listing {
    /// Dependencies first.
    packages: Vec<GoPackage>,
    /// For each package that was asked for the import paths of all it is made of, its own too.
    closures: Vec<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct Note {
    reading: Reading,
    listing: Listing,
    /// Nothing was wrong with what was read.
    clean: bool,
}

const KIND: &str = "check";

impl Check<'_> {
    fn run(&self, shown: Shown<'_>) -> Result<Vec<Diagnostic>, Failure> {
        // 1. What is as it was needs no second look.
        let known = match self.known() {
            Ok((note, false)) if note.clean => return Ok(Vec::new()),
            Ok((note, _)) => Some(note),
            Err(why) => {
                self.progress.detail(&format!("asking Go because {why}"));
                None
            }
        };
        // 2. Changes from here on are seen now or the next time.
        let moment = fingerprint::moment(self.store, &[]).ok();
        // 3. Go says which files the packages have.
        let (listing, reading) = match known {
            Some(note) => {
                let refreshed = moment.as_ref().and_then(|moment| note.reading.refreshed(moment));
                (note.listing, refreshed)
            }
            None => self.answer(moment)?,
        };
        // 4. Their directives are judged.
        let found = judge(&listing, self.request.target, shown)?;
        if let Some(reading) = reading {
            self.keep(&Note { reading, listing, clean: found.is_empty() });
        }
        Ok(found)
    }

    /// What Go says, and what that depends on where all of it can be known.
    fn answer(&self, moment: Option<Moment>) -> Result<(Listing, Option<Reading>), Failure> {
        let (listing, toolchain, watched) = self.ask()?;
        let Some((watched, moment)) = watched.zip(moment) else { return Ok((listing, None)) };
        let reading = Reading::take(&watched, &toolchain, &moment, Content::Header);
        let mod_cache = &toolchain.mod_cache;
        if reading.is_some() || !watched.was_fetched_after(&moment, mod_cache) {
            return Ok((listing, reading));
        }
        // As for a build: what Go has fetched just now is younger than the moment.
        let moment = fingerprint::moment(self.store, &[mod_cache]).ok();
        let (listing, toolchain, watched) = self.ask()?;
        let reading = watched.zip(moment).and_then(|(watched, moment)| {
            Reading::take(&watched, &toolchain, &moment, Content::Header)
        });
        Ok((listing, reading))
    }

    /// What the check before this one left, and whether anything was touched since; otherwise why Go has
    /// to be asked.
    fn known(&self) -> Result<(Note, bool), String> {
        let text = self.store.get_note(KIND, &self.key()).ok_or("nobody checked it here before")?;
        let note: Note = postcard::from_bytes(&text).map_err(|_| "another gowasm checked it")?;
        let touched = note.reading.compare(&self.asking())?;
        Ok((note, touched))
    }

    fn key(&self) -> [u8; 32] {
        key::of_check(self.request, &self.dir, &self.packages)
    }

    fn asking(&self) -> Asking<'_> {
        let CheckRequest { target, offline, .. } = self.request;
        let (go, dir, progress, cancel) = (self.go, &self.dir, self.progress, self.cancel);
        Asking { go, dir, goos: target.goos, offline: *offline, progress, cancel }
    }

    /// The packages and, where all of it can be known, what the answer depends on.
    fn ask(&self) -> Result<(Listing, Toolchain, Option<Watched>), Failure> {
        let CheckRequest { target, tags, go_flags, .. } = self.request;
        let goos = target.goos;
        let (progress, cancel) = (self.progress, self.cancel);
        let mut toolchain = self.asking().toolchain()?;
        progress.detail(&format!("using {} at {}", toolchain.version, toolchain.go.display()));
        toolchain.goflags.extend(go_flags.iter().cloned());
        let fields = format!("{FIELDS},Deps");
        let flags: Vec<&str> =
            ["-deps", &fields].into_iter().chain(go_flags.iter().map(String::as_str)).collect();
        let question = Question {
            dir: &self.dir,
            goos,
            tags,
            flags: &flags,
            packages: &self.packages,
            environment: &[],
        };
        let listed = question.ask(&toolchain, progress, cancel)?;
        // What a pattern matches depends on folders that are not in the answer.
        let pattern = self.packages.iter().any(|package| package.contains("..."));
        let started_in = &self.request.started_in;
        let watched = match pattern {
            true => None,
            false => Watched::collect(started_in, None, &self.dir, &toolchain, &listed),
        };
        let overlay = Overlay::of(&toolchain.goflags, &self.dir);
        let go_package = |listed| manifest::go_package(listed, &overlay);
        let packages = listed.iter().filter_map(go_package).collect();
        let roots = listed.into_iter().filter(|package| !package.dep_only);
        let closures = roots.map(|root| {
            let mut closure = root.deps;
            closure.push(root.import_path);
            closure
        });
        Ok((Listing { packages, closures: closures.collect() }, toolchain, watched))
    }

    /// That it cannot be kept costs time later and nothing now.
    fn keep(&self, note: &Note) {
        let Ok(text) = postcard::to_stdvec(note) else { return };
        if let Err(error) = self.store.put_note(KIND, &self.key(), &text) {
            let warning = Diagnostic::warning(format!("the result is not kept: {error}"));
            self.progress.diagnostic(&warning);
        }
    }
}

/// Two packages that are never linked into one module may use a name twice, so each is judged with
/// its own dependencies only.
fn judge(listing: &Listing, target: Target, shown: Shown<'_>) -> Result<Vec<Diagnostic>, Failure> {
    let directives = gowasm_directive::scan(&listing.packages, shown).map_err(Failure::Input)?;
    let mut found = Vec::new();
    for closure in &listing.closures {
        let closure: HashSet<&str> = closure.iter().map(String::as_str).collect();
        found.extend(directives.of_packages(&closure).check(target));
    }
    Ok(found)
}

/// The arguments by the folder that they have to be asked in, in the order given.
pub(crate) fn by_folder(request: &CheckRequest) -> Vec<(PathBuf, Vec<String>)> {
    let mut folders: Vec<(PathBuf, Vec<String>)> = Vec::new();
    for package in &request.packages {
        let dir = packages::working_dir(&request.started_in, package);
        let argument = packages::argument(&request.started_in, package, &dir);
        match folders.iter_mut().find(|(known, _)| *known == dir) {
            Some((_, arguments)) => arguments.push(argument),
            None => folders.push((dir, vec![argument])),
        }
    }
    folders
}
