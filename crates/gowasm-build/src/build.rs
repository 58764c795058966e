//! A build from request to published files, as a list of steps.

use crate::link::{self, LinkInputs};
use crate::memo::Memo;
use crate::outcome::{Outcome, Timing};
use crate::publish::{self, Files, Places};
use crate::stamp::Moment;
use crate::{Failure, Linker, Progress, Request, manifest, packages, toolchain};
use gowasm_diagnostic::Diagnostic;
use gowasm_store::{Digest, Store, StoreError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What every step of one build shares.
pub(crate) struct Session<'a> {
    pub(crate) request: &'a Request,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) store: Store,
    pub(crate) linker: Linker,
    /// Nothing of the inputs had been read before this.
    pub(crate) moment: Moment,
    pub(crate) memo: Memo,
    used: Vec<PathBuf>,
}

/// Builds what is asked for. Nothing is published unless every step went well.
pub fn build(
    request: &Request,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let mut timing = Timing::default();
    request.check()?;
    let mut session = Session::open(request, progress, cancel)?;

    // 1. Go, as it is set up where the package is.
    let go = toolchain::find(request.go.as_deref(), &request.started_in)?;
    let dir = packages::working_dir(&request.started_in, &request.package);
    let goos = request.target.goos.as_str();
    let toolchain = toolchain::ask(go, &dir, goos, progress, cancel)?;
    progress.detail(&format!("using {} at {}", toolchain.version, toolchain.go.display()));

    // 2. Every package of the module, compiled.
    progress.phase(&format!("compiling {}", request.package));
    let compiling = Instant::now();
    let packages = packages::list(request, &dir, &toolchain, progress, cancel)?;
    timing.compile = compiling.elapsed();
    let places = Places::new(request, &packages.main().import_path);
    places.check()?;

    // 3. The directives are read while the linker runs; a bad one is what gets reported first.
    progress.phase(&format!("linking {}", packages.main().import_path));
    let linking = Instant::now();
    let inputs = LinkInputs::new(&mut session, &toolchain, &packages)?;
    let (directives, linked) = rayon::join(
        || manifest::directives(&session, &packages),
        || link::link(&session, &toolchain, &inputs),
    );
    session.stop_if_asked()?;
    let (directives, linked) = (directives?, linked?);
    timing.link = linking.elapsed();

    // 4. What the directives say is what the module has.
    let manifest =
        manifest::of_module(&session, &toolchain, &packages, &directives, &linked.bytes)?;
    let manifest = manifest.to_json();

    // 5. Everything is as it should be: the files get their names.
    session.stop_if_asked()?;
    let files = Files { module: &linked.bytes, manifest: manifest.as_bytes(), verdict: None };
    publish::publish(&places, &files)?;
    session.save_memo();
    timing.total = started.elapsed();
    Ok(Outcome {
        package: packages.main().import_path.clone(),
        target: request.target,
        go_version: toolchain.version.clone(),
        linker: session.linker.as_str(),
        module: publish::published(&places.module, &linked.bytes),
        manifest: publish::published(&places.manifest, manifest.as_bytes()),
        verdict: None,
        up_to_date: false,
        link_from_store: linked.from_store,
        verify_from_store: false,
        timing,
    })
}

impl<'a> Session<'a> {
    fn open(
        request: &'a Request,
        progress: &'a dyn Progress,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let store = Store::open(request.store.as_deref()).map_err(|error| environment(&error))?;
        let moment = Moment::now(&std::env::temp_dir()).map_err(|error| {
            Failure::io("write to the temporary folder", &std::env::temp_dir(), &error)
        })?;
        let memo = Memo::load(&store, &memo_key(request));
        let linker = request.linker;
        Ok(Session { request, progress, cancel, store, linker, moment, memo, used: Vec::new() })
    }

    /// A path as messages name it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.request.started_in).unwrap_or(path).display().to_string()
    }

    pub(crate) fn stop_if_asked(&self) -> Result<(), Failure> {
        if self.cancel.load(Ordering::SeqCst) { Err(Failure::Interrupted) } else { Ok(()) }
    }

    pub(crate) fn store_failure(&self, error: &StoreError) -> Failure {
        environment(error)
    }

    /// Writes to the store. That it cannot be written costs time later and nothing now.
    pub(crate) fn keep(&self, write: impl FnOnce(&Store) -> Result<(), StoreError>) {
        if let Err(error) = write(&self.store) {
            let mut warning = Diagnostic::warning(format!("the result is not kept: {error}"));
            if let Some(hint) = error.hint() {
                warning = warning.hint(hint);
            }
            self.progress.diagnostic(&warning);
        }
        for warning in self.store.take_warnings() {
            self.progress.diagnostic(&Diagnostic::warning(warning.to_string()));
        }
    }

    pub(crate) fn remember(&mut self, paths: &[&Path]) {
        self.used.extend(paths.iter().map(|path| path.to_path_buf()));
    }

    fn save_memo(&self) {
        let used: Vec<&Path> = self.used.iter().map(PathBuf::as_path).collect();
        self.keep(|store| self.memo.save(store, &memo_key(self.request), &used));
    }
}

fn environment(error: &StoreError) -> Failure {
    let diagnostic = Diagnostic::error(error.to_string());
    Failure::Environment(match error.hint() {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    })
}

/// Builds of one package in one folder share what they know of digests.
fn memo_key(request: &Request) -> [u8; 32] {
    let text = format!("{}\0{}", request.started_in.display(), request.package);
    Digest::of(text.as_bytes()).hash
}
