//! A build from request to published files, as a list of steps.

use crate::fingerprint::{self, Made, Note, Reading};
use crate::inputs::{self, Inputs};
use crate::link::{self, Expected, LinkInputs, Linked};
use crate::memo::Memo;
use crate::outcome::{Outcome, Timing};
use crate::publish::{self, Files, Places};
use crate::stamp::Moment;
use crate::toolchain::{self, Asking};
use crate::{Failure, Linker, Progress, Request, manifest, packages, remote, verify, wasm_opt};
use gowasm_diagnostic::Diagnostic;
use gowasm_directive::{BuildMode, Directives};
use gowasm_store::{Digest, RemoteUse, Store, StoreError};
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
    let mut store = Store::open(request.store.as_deref()).map_err(|error| environment(&error))?;
    let go = toolchain::find(request.go.as_deref(), &request.started_in)?;
    let dir = packages::working_dir(&request.started_in, &request.package);
    let (goos, offline) = (request.target.goos, request.offline);
    let asking = Asking { go: &go, dir: &dir, goos, offline, progress, cancel };

    // 1. Nothing to do? Then no package is looked at.
    let note_key = fingerprint::key::of_build(request);
    match Note::still_true(request, &store, &note_key, &asking) {
        Ok(note) => return Ok(up_to_date(request, note, started)),
        Err(why) => progress.detail(&format!("building because {why}")),
    }

    remote::connect(&mut store, request, progress, cancel)?;

    // 2. The plan, Go as it is set up where the package is, and every package of the module, compiled.
    // From here on, changes to the sources are too late.
    let mut session = Session::open(request, store, progress, cancel)?;
    let Inputs { plan, toolchain, packages, reading, time } =
        inputs::gather(&mut session, &asking)?;
    timing.compile = time;
    session.linker = link::choose(request, &toolchain, progress);
    let places = Places::new(request, &packages.main().import_path);
    places.check()?;

    // 3. The directives are read while the linker runs; a bad one is what gets reported first.
    progress.phase(&format!("linking {}", packages.main().import_path));
    let linking = Instant::now();
    let inputs = LinkInputs::new(&mut session, &toolchain, &packages)?;
    let of_module = |directives: &Directives, module: &[u8]| {
        manifest::of_module(request.target, &toolchain, &packages, directives, module)
    };
    let (directives, linked) = if session.store.remote_use().is_some() {
        // What a server gives is held against them before it is kept.
        let directives = manifest::directives(&session, &toolchain, &packages)?;
        let fits = |module: &[u8]| of_module(&directives, module).map(drop);
        let expected = Expected::new(&session, Some(&inputs), &fits);
        let linked = link::link(&session, &toolchain, &inputs, &expected);
        (directives, linked)
    } else {
        // Nothing comes from a server.
        let fits = |_: &[u8]| Ok(());
        let expected = Expected::new(&session, Some(&inputs), &fits);
        let (directives, linked) = rayon::join(
            || manifest::directives(&session, &toolchain, &packages),
            || link::link(&session, &toolchain, &inputs, &expected),
        );
        session.stop_if_asked()?;
        (directives?, linked)
    };
    session.stop_if_asked()?;
    let linked = linked?;
    timing.link = linking.elapsed();

    // 4. Binaryen, where it is asked for.
    let linked = match &request.wasm_opt {
        Some(wanted) => {
            progress.phase(&format!("optimizing with wasm-opt -{}", wanted.level));
            let optimizing = Instant::now();
            let fits = |module: &[u8]| of_module(&directives, module).map(drop);
            let optimized = wasm_opt::optimize(&mut session, wanted, &linked, &fits)?;
            timing.wasm_opt = optimizing.elapsed();
            optimized
        }
        None => linked,
    };

    // 5. What the directives say is what the module has.
    let manifest = of_module(&directives, &linked.bytes)?;
    let (manifest, linked) = match request.embed_manifest {
        true => {
            let (manifest, bytes) = manifest.embed(&linked.bytes);
            (manifest, Linked { digest: Digest::of(&bytes), bytes, ..linked })
        }
        false => (manifest, linked),
    };
    let manifest_text = manifest.to_json();

    // 6. It does what it should.
    let verifying = Instant::now();
    let verified = if request.verify {
        progress.phase(&format!("verifying {}", packages.main().import_path));
        // A reactor is told no name: the same module needs one verdict, whatever its file is called.
        let name = match request.target.build_mode {
            BuildMode::Exe => places.name(),
            BuildMode::CShared => "module.wasm".to_owned(),
        };
        let plan = plan.as_ref();
        let verified = verify::verify(&mut session, &toolchain, &linked, &manifest, plan, &name)?;
        verified.remarks().iter().for_each(|remark| progress.diagnostic(remark));
        Some(verified)
    } else {
        None
    };
    timing.verify = verifying.elapsed();

    // 7. Everything is as it should be: the files get their names.
    session.stop_if_asked()?;
    let files = Files {
        module: &linked.bytes,
        manifest: manifest_text.as_bytes(),
        verdict: verified.as_ref().map(|verified| verified.text.as_bytes()),
    };
    publish::publish(&places, &files, request.target.build_mode)?;
    let outcome = Outcome {
        package: packages.main().import_path.clone(),
        target: request.target,
        go_version: toolchain.version.clone(),
        linker: session.linker.as_str().to_owned(),
        module: publish::published(&places.module, linked.digest),
        manifest: publish::published(&places.manifest, Digest::of(files.manifest)),
        verdict: files.verdict.map(|text| publish::published(&places.verdict, Digest::of(text))),
        up_to_date: false,
        link_from_store: linked.from_store,
        verify_from_store: verified.as_ref().is_some_and(|verified| verified.from_store),
        remote: session.store.remote_use().map(|remote| RemoteUse {
            executions: remote.executions + packages.compiled_remotely,
            ..remote
        }),
        timing: Timing { total: started.elapsed(), ..timing },
        inputs: reading.as_ref().map(Reading::inputs),
    };

    // 8. The next build is to see that there is nothing to do.
    session.leave_note(&note_key, reading, &outcome, &files);
    Ok(outcome)
}

fn up_to_date(request: &Request, note: Note, started: Instant) -> Outcome {
    let published =
        |output: &fingerprint::Output| publish::published(&output.path, output.digest());
    Outcome {
        inputs: Some(note.inputs()),
        target: request.target,
        module: published(&note.module),
        manifest: published(&note.manifest),
        verdict: note.verdict.as_ref().map(published),
        package: note.package,
        go_version: note.go_version,
        linker: note.linker,
        up_to_date: true,
        link_from_store: true,
        verify_from_store: request.verify,
        remote: None,
        timing: Timing { total: started.elapsed(), ..Timing::default() },
    }
}

impl<'a> Session<'a> {
    fn open(
        request: &'a Request,
        store: Store,
        progress: &'a dyn Progress,
        cancel: &'a AtomicBool,
    ) -> Result<Self, Failure> {
        let moment = fingerprint::moment(&store, &[]).map_err(|error| {
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
        self.show_warnings();
    }

    pub(crate) fn show_warnings(&self) {
        for warning in self.store.take_warnings() {
            self.progress.diagnostic(&Diagnostic::warning(warning.to_string()));
        }
    }

    /// What a tool said that did its work nevertheless, now or when the result was made.
    pub(crate) fn show_tool_warnings(&self, said: &str) {
        if !said.trim().is_empty() {
            self.progress.warn(said.trim_end());
        }
    }

    /// The digest of a file that a result depends on.
    pub(crate) fn digest(&mut self, path: &Path) -> Result<Digest, Failure> {
        Ok(self.digests(&[path])?[0])
    }

    pub(crate) fn digests(&mut self, paths: &[&Path]) -> Result<Vec<Digest>, Failure> {
        self.used.extend(paths.iter().map(|path| path.to_path_buf()));
        self.memo.digests(paths, &self.moment)
    }

    /// Keeps what lets the next build see that nothing changed, unless something did in the meantime.
    fn leave_note(
        &self,
        key: &[u8; 32],
        reading: Option<Reading>,
        outcome: &Outcome,
        files: &Files<'_>,
    ) {
        self.save_memo();
        let Some(reading) = reading else { return };
        // After this, whoever changes one of the files gives it another stamp than the note has.
        let folder = outcome.module.path.parent().unwrap_or(&self.request.started_in);
        let Ok(moment) = fingerprint::moment(&self.store, &[folder]) else { return };
        let verdict = outcome.verdict.as_ref().zip(files.verdict);
        let outputs = [
            Some(Made::new(&outcome.module.path, files.module)),
            Some(Made::new(&outcome.manifest.path, files.manifest)),
            verdict.map(|(published, bytes)| Made::new(&published.path, bytes)),
        ];
        let Some(note) = Note::new(reading, &moment, outcome, outputs) else { return };
        self.keep(|store| {
            store.put_bytes(files.manifest)?;
            files.verdict.map_or(Ok(()), |verdict| store.put_bytes(verdict).map(drop))?;
            note.save(store, key)
        });
    }

    fn save_memo(&self) {
        let used: Vec<&Path> = self.used.iter().map(PathBuf::as_path).collect();
        self.keep(|store| self.memo.save(store, &memo_key(self.request), &used));
    }
}

pub(crate) fn environment(error: &StoreError) -> Failure {
    let mut diagnostic = Diagnostic::error(error.to_string());
    if let Some(hint) = error.hint() {
        diagnostic = diagnostic.hint(hint);
    }
    if error.is_usage() { Failure::Usage(diagnostic) } else { Failure::Environment(diagnostic) }
}

/// Builds of one package in one folder share what they know of digests.
fn memo_key(request: &Request) -> [u8; 32] {
    let text = format!("{}\0{}", request.started_in.display(), request.package);
    Digest::of(text.as_bytes()).hash
}
