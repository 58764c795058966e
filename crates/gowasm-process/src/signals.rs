//! What SIGINT, SIGTERM and SIGHUP do: the first ends whatever the process is doing, the second the
//! process, at once.
//!
//! After the first one the process has a moment to end by itself: a flag is set that loops look at, and
//! children are told to end. Whoever waits where no flag is looked at is not waited for: children are
//! killed, temporary files removed, and the process ends. A file that is being published is published.

use crate::registry::{self, Signal};
use crate::temporary;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const INTERRUPTED: i32 = 130;
/// How long the process may take to end by itself, from when it has no children any more.
const OWN_GRACE: Duration = Duration::from_millis(300);
/// How long children may take to clean up.
const CHILD_GRACE: Duration = Duration::from_secs(2);
/// How long files that are just given their names may take.
const PUBLISHING_GRACE: Duration = Duration::from_secs(10);
/// How long the rest may take: a temporary folder on a slow disk, a reader of stderr that does not read.
const LAST_GRACE: Duration = Duration::from_secs(1);
const WATCH: Duration = Duration::from_millis(10);

static PUBLISHING: RwLock<()> = RwLock::new(());

/// While this is there, the first signal does not end the process.
pub struct Publishing(#[expect(dead_code)] RwLockReadGuard<'static, ()>);

/// Around giving files their names that belong together.
pub fn publishing() -> Publishing {
    Publishing(PUBLISHING.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
}

/// From now on signals set `cancel`, and end the process where it does not end by itself. `tell` says
/// to the user that it was interrupted.
pub fn on_signals(
    cancel: Arc<AtomicBool>,
    tell: impl Fn() + Send + Sync + 'static,
) -> Result<(), ctrlc::Error> {
    let tell: Arc<dyn Fn() + Send + Sync> = Arc::new(tell);
    ctrlc::set_handler(move || {
        let first = !cancel.swap(true, Ordering::SeqCst);
        let tell = tell.clone();
        if !first {
            end(tell, Duration::ZERO);
        }
        let wait = move || {
            let_it_end();
            end(tell, PUBLISHING_GRACE);
        };
        if thread::Builder::new().name("gowasm-end".to_owned()).spawn(wait).is_err() {
            exit();
        }
    })
}

/// Returns when the process has not ended by itself.
fn let_it_end() {
    registry::lock().signal_all(Signal::Stop);
    let told = Instant::now();
    let mut alone_since = Instant::now();
    while alone_since.elapsed() < OWN_GRACE {
        thread::sleep(WATCH);
        let registry = registry::lock();
        if !registry.children.is_empty() {
            alone_since = Instant::now();
            if told.elapsed() >= CHILD_GRACE {
                return;
            }
        }
    }
}

/// Ends all children and removes all temporary files, for a process that is about to end.
pub fn end_all() {
    kill_children();
    remove_files();
}

fn kill_children() {
    let mut registry = registry::lock();
    registry.closed = true;
    registry.signal_all(Signal::Kill);
}

fn remove_files() {
    let paths = registry::lock().paths.clone();
    paths.iter().for_each(|path| temporary::remove(path));
}

fn end(tell: Arc<dyn Fn() + Send + Sync>, publishing: Duration) -> ! {
    kill_children();
    let begun = Instant::now();
    let published = loop {
        match PUBLISHING.try_write() {
            Ok(all) => break Some(all),
            Err(_) if begun.elapsed() >= publishing => break None,
            Err(_) => thread::sleep(WATCH),
        }
    };
    let (done, finished) = mpsc::channel::<()>();
    let clean = move || {
        remove_files();
        tell();
        drop(done);
    };
    if thread::Builder::new().spawn(clean).is_ok() {
        // It ends in an error, which is the end of the thread.
        let _ = finished.recv_timeout(LAST_GRACE);
    }
    // Nothing is published any more.
    std::mem::forget(published);
    exit()
}

/// Without destructors: other threads are in the midst of things.
#[cfg(unix)]
fn exit() -> ! {
    // SAFETY: _exit ends the process and touches nothing of ours.
    unsafe { libc::_exit(INTERRUPTED) }
}

#[cfg(not(unix))]
fn exit() -> ! {
    std::process::exit(INTERRUPTED)
}
