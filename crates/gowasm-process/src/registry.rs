//! What must not outlive this process: groups of child processes, and temporary files and folders.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub(crate) struct Registry {
    /// Children that have not been waited for: the system gives numbers out again.
    pub(crate) children: BTreeSet<Target>,
    pub(crate) paths: BTreeSet<PathBuf>,
    /// Nothing is started any more.
    pub(crate) closed: bool,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { children: BTreeSet::new(), paths: BTreeSet::new(), closed: false });

pub(crate) fn lock() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whom a signal goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// The group that this process leads.
    Group(u32),
    Process(u32),
}

#[derive(Clone, Copy)]
pub(crate) enum Signal {
    /// Go removes its temporary folders on this one.
    Stop,
    Kill,
}

impl Registry {
    pub(crate) fn check_open(&self) -> io::Result<()> {
        match self.closed {
            true => Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted")),
            false => Ok(()),
        }
    }

    pub(crate) fn signal_all(&self, signal: Signal) {
        self.children.iter().for_each(|&child| send(child, signal));
    }

    pub(crate) fn signal(&self, child: Target, signal: Signal) {
        if self.children.contains(&child) {
            send(child, signal);
        }
    }
}

#[cfg(unix)]
fn send(child: Target, signal: Signal) {
    let number = match signal {
        Signal::Stop => libc::SIGINT,
        Signal::Kill => libc::SIGKILL,
    };
    let target = match child {
        Target::Group(leader) => i32::try_from(leader).map(|leader| -leader),
        Target::Process(id) => i32::try_from(id),
    };
    if let Ok(target) = target {
        // SAFETY: kill takes two numbers and touches no memory of ours; the child has not been waited
        // for, so the number still names it or the group that it leads.
        unsafe { libc::kill(target, number) };
    }
}

/// On a console Ctrl-C reaches the children by itself.
#[cfg(not(unix))]
fn send(_child: Target, _signal: Signal) {}
