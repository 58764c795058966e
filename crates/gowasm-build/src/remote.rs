//! A build's servers: connecting, Go's own results in the same store, and actions that run
//! on the cluster.

use crate::build::{Session, environment};
use crate::compile::{self, Report};
use crate::toolchain::Toolchain;
use crate::{Failure, Progress, Request, flags};
use gowasm_diagnostic::Diagnostic;
use gowasm_scratch::Folder;
use gowasm_store::{ActionResult, Blobs, EncodedAction, Judge, Store};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) fn connect(
    store: &mut Store,
    request: &Request,
    progress: &dyn Progress,
    cancel: &AtomicBool,
) -> Result<(), Failure> {
    let connected = store.connect(&request.servers);
    if cancel.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted);
    }
    connected.map_err(|error| environment(&error))?;
    for warning in store.take_warnings() {
        progress.diagnostic(&Diagnostic::warning(warning.to_string()));
    }
    Ok(())
}

/// How Go is started so that its results are kept where ours are, and its compiler runs on the cluster.
/// Whoever has a GOCACHEPROG or a `-toolexec` of their own keeps it.
pub(crate) struct AroundGo {
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) flags: Vec<String>,
    report: Option<Folder>,
}

/// The file of what was said, in its folder.
const REPORT: &str = "report";

/// How many packages Go gives an executor at once, at least: it has more processors than this machine.
const PACKAGES_AT_ONCE: usize = 16;

impl AroundGo {
    pub(crate) fn new(session: &Session<'_>, toolchain: &Toolchain) -> Result<Self, Failure> {
        let mut around = AroundGo { environment: Vec::new(), flags: Vec::new(), report: None };
        let Some(program) = session.request.gowasm.as_deref() else { return Ok(around) };
        let caches = session.store.remote_use().is_some()
            && std::env::var_os("GOCACHEPROG").is_none_or(|value| value.is_empty());
        let compiles = session.store.executes_remotely()
            && flags::of_goflags(&toolchain.goflags, "toolexec").is_none();
        if caches || compiles {
            around.environment = session.request.servers.options().environment();
            around.environment.push(("GOWASM_STORE", session.store.dir().display().to_string()));
        }
        if caches {
            around.environment.push(("GOCACHEPROG", own_command(program, "cacheprog")));
        }
        if compiles {
            let place = std::env::temp_dir();
            let folder = Folder::within(&place, "compile");
            let folder = folder.and_then(|folder| {
                std::fs::write(folder.path().join(REPORT), "")?;
                Ok(folder)
            });
            let folder = folder.map_err(|error| Failure::io("make a file in", &place, &error))?;
            let report = folder.path().join(REPORT);
            around.environment.push((compile::REPORT, report.display().to_string()));
            around.report = Some(folder);
            around.flags.push(format!("-toolexec={}", own_command(program, "toolexec")));
            if flags::of_goflags(&toolchain.goflags, "p").is_none() {
                let here = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
                around.flags.push(format!("-p={}", here.max(PACKAGES_AT_ONCE)));
            }
        }
        Ok(around)
    }

    /// Tells the user what was said beside Go; how many packages the cluster compiled comes back.
    pub(crate) fn finish(self, session: &Session<'_>) -> Result<u64, Failure> {
        let Some(folder) = self.report else { return Ok(0) };
        let report = Report::read(&folder.path().join(REPORT));
        for (package, why) in &report.here {
            session.progress.detail(&format!("compiled {package} here: {why}"));
        }
        for warning in &report.warnings {
            session.progress.diagnostic(&Diagnostic::warning(warning));
        }
        match report.failure {
            Some(failure) => Err(Failure::Environment(failure)),
            None => Ok(report.executed),
        }
    }
}

/// One of our own commands for Go, which splits the text as a shell would; a path has no business with
/// both kinds of quotes.
fn own_command(program: &Path, command: &str) -> String {
    let path = program.display().to_string();
    let quote = if path.contains('\'') { '"' } else { '\'' };
    format!("{quote}{path}{quote} {command}")
}

/// Has the cluster run an action. `None`: it is to be done here, because no executor was named, or
/// because it failed and `--remote-local-fallback` is given.
pub(crate) fn execute(
    session: &Session<'_>,
    action: &EncodedAction,
    inputs: impl FnOnce() -> Result<Blobs, Failure>,
    judge: &Judge<'_>,
) -> Result<Option<ActionResult>, Failure> {
    if !session.store.executes_remotely() {
        return Ok(None);
    }
    let result = session.store.execute_if(action, inputs()?, judge);
    session.stop_if_asked()?;
    match result {
        Ok(result) => Ok(Some(result)),
        Err(error) if session.request.servers.options().local_fallback => {
            session.progress.diagnostic(&Diagnostic::warning(format!("{error}; it is done here")));
            Ok(None)
        }
        Err(error) => Err(environment(&error)),
    }
}
