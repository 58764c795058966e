//! A build's servers: connecting, stopping, Go's own results in the same store, and actions that run
//! on the cluster.

use crate::build::{Session, environment};
use crate::{Failure, Progress, Request};
use gowasm_diagnostic::Diagnostic;
use gowasm_store::{ActionResult, Blobs, EncodedAction, Store};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How soon an interruption reaches what waits for a server.
const WATCH: Duration = Duration::from_millis(50);

/// Runs a build whose waiting for servers ends when the user wants to stop.
pub(crate) fn watched<T>(
    request: &Request,
    cancel: &AtomicBool,
    build: impl FnOnce(&Arc<AtomicBool>) -> T,
) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    if request.remote.cache_url().is_none() {
        return build(&stop);
    }
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                if cancel.load(Ordering::SeqCst) {
                    stop.store(true, Ordering::SeqCst);
                }
                thread::park_timeout(WATCH);
            }
        });
        let built = build(&stop);
        done.store(true, Ordering::SeqCst);
        watch.thread().unpark();
        built
    })
}

pub(crate) fn connect(
    store: &mut Store,
    request: &Request,
    progress: &dyn Progress,
    stop: &Arc<AtomicBool>,
) -> Result<(), Failure> {
    let connected = store.connect(&request.remote, stop);
    if stop.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted);
    }
    connected.map_err(|error| environment(&error))?;
    for warning in store.take_warnings() {
        progress.diagnostic(&Diagnostic::warning(warning.to_string()));
    }
    Ok(())
}

/// What Go is started with so that its results are kept where ours are. Whoever has a GOCACHEPROG of
/// their own keeps it.
pub(crate) fn go_environment(session: &Session<'_>) -> Vec<(&'static str, String)> {
    let own = std::env::var_os("GOCACHEPROG").is_some_and(|value| !value.is_empty());
    let program = session.request.gowasm.as_ref().filter(|_| !own);
    let Some(program) = program.filter(|_| session.store.remote_use().is_some()) else {
        return Vec::new();
    };
    let mut environment = session.request.remote.cache_environment();
    environment.push(("GOWASM_STORE", session.store.dir().display().to_string()));
    // Go splits the value as a shell would; a path has no business with both kinds of quotes.
    let path = program.display().to_string();
    let quote = if path.contains('\'') { '"' } else { '\'' };
    environment.push(("GOCACHEPROG", format!("{quote}{path}{quote} cacheprog")));
    environment
}

/// Has the cluster run an action. `None`: it is to be done here, because no executor was named, or
/// because it failed and `--remote-local-fallback` is given.
pub(crate) fn execute(
    session: &Session<'_>,
    action: &EncodedAction,
    inputs: impl FnOnce() -> Result<Blobs, Failure>,
) -> Result<Option<ActionResult>, Failure> {
    if !session.store.executes_remotely() {
        return Ok(None);
    }
    let result = session.store.execute(action, inputs()?);
    session.stop_if_asked()?;
    match result {
        Ok(result) => Ok(Some(result)),
        Err(error) if session.request.remote.local_fallback => {
            session.progress.diagnostic(&Diagnostic::warning(format!("{error}; it is done here")));
            Ok(None)
        }
        Err(error) => Err(environment(&error)),
    }
}
