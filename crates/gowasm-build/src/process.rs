//! Runs Go's tools: their stdout collected, their stderr watched, and an end made of them and of
//! everything they started once the user wants to stop.

use crate::Failure;
use gowasm_diagnostic::Diagnostic;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long Go may take to clean up after itself once it was told to stop.
const GRACE: Duration = Duration::from_secs(2);

pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// Without the lines that `on_line` took.
    pub(crate) stderr: String,
    /// It was ended because its time was over.
    pub(crate) timed_out: bool,
}

/// Runs the command to its end. `on_line` sees every line of stderr as it comes, and keeps it out of
/// the collected text by returning true.
pub(crate) fn run(
    command: Command,
    cancel: &AtomicBool,
    on_line: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Finished, Failure> {
    run_within(command, cancel, None, on_line)
}

/// The same for a command that may take so long and no longer.
pub(crate) fn run_within(
    mut command: Command,
    cancel: &AtomicBool,
    time: Option<Duration>,
    on_line: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Finished, Failure> {
    if cancel.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    lead_own_group(&mut command);
    let mut child = command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        Failure::Environment(
            Diagnostic::error(format!("cannot start {program}: {error}"))
                .hint("check that it is a program that this machine can run"),
        )
    })?;
    let group = Group::of(&child);
    let finished = thread::scope(|scope| {
        let mut out = child.stdout.take();
        let err = child.stderr.take();
        let errors =
            scope.spawn(move || err.map(|pipe| read_lines(pipe, on_line)).unwrap_or_default());
        let watch = scope.spawn(|| group.end_when(cancel, time));
        let mut stdout = Vec::new();
        let read = out.as_mut().map_or(Ok(0), |pipe| pipe.read_to_end(&mut stdout));
        let status = group.wait(&mut child);
        let stderr = errors.join().unwrap_or_default();
        let timed_out = watch.join().unwrap_or_default();
        read.and(status).map(|status| Finished { status, stdout, stderr, timed_out })
    });
    if cancel.load(Ordering::SeqCst) {
        return Err(Failure::Interrupted);
    }
    finished.map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        Failure::Environment(Diagnostic::error(format!("lost touch with {program}: {error}")))
    })
}

/// The program of that name on the path.
pub(crate) fn on_path(name: &Path) -> Option<PathBuf> {
    places_on_path(name).into_iter().find(|candidate| candidate.is_file())
}

/// Where a program of that name is looked for.
pub(crate) fn places_on_path(name: &Path) -> Vec<PathBuf> {
    let file = format!("{}{}", name.display(), std::env::consts::EXE_SUFFIX);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(&file)).collect()
}

/// Whether a file is a program for an interpreter, such as a shell script: what it does depends on more
/// than its own bytes.
pub(crate) fn is_script(file: &Path) -> bool {
    let mut start = [0; 2];
    let read = std::fs::File::open(file).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *b"#!"
}

fn read_lines(pipe: impl Read, on_line: &(dyn Fn(&str) -> bool + Sync)) -> String {
    let mut kept = String::new();
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        let text = String::from_utf8_lossy(&line);
        if !on_line(text.trim_end()) {
            kept.push_str(&text);
        }
        line.clear();
    }
    kept
}

/// The process and all it starts. A number is only signalled while the process is known not to have
/// been waited for, because the system gives numbers out again.
struct Group {
    alive: Mutex<Option<u32>>,
    ended: Condvar,
}

impl Group {
    fn of(child: &Child) -> Self {
        Group { alive: Mutex::new(Some(child.id())), ended: Condvar::new() }
    }

    fn wait(&self, child: &mut Child) -> std::io::Result<ExitStatus> {
        loop {
            {
                let mut alive = self.alive.lock().unwrap_or_else(|e| e.into_inner());
                let state = child.try_wait();
                if !matches!(state, Ok(None)) {
                    *alive = None;
                    self.ended.notify_all();
                    return state.transpose().unwrap_or_else(|| child.wait());
                }
            }
            // Its stdout is closed, so it is about to end.
            thread::sleep(Duration::from_micros(500));
        }
    }

    /// Says whether time was the reason for the end.
    fn end_when(&self, cancel: &AtomicBool, time: Option<Duration>) -> bool {
        let started = Instant::now();
        let mut alive = self.alive.lock().unwrap_or_else(|e| e.into_inner());
        let mut told: Option<Instant> = None;
        while let Some(id) = *alive {
            let late = time.is_some_and(|time| started.elapsed() > time);
            if late || cancel.load(Ordering::SeqCst) {
                match told {
                    None => {
                        signal(id, Signal::Stop);
                        told = Some(Instant::now());
                    }
                    Some(moment) if moment.elapsed() > GRACE => signal(id, Signal::Kill),
                    Some(_) => {}
                }
            }
            let pause = Duration::from_millis(20);
            alive = self.ended.wait_timeout(alive, pause).unwrap_or_else(|e| e.into_inner()).0;
        }
        told.is_some() && !cancel.load(Ordering::SeqCst)
    }
}

enum Signal {
    Stop,
    Kill,
}

/// In a group of its own, so that what it started can be ended with it.
#[cfg(unix)]
fn lead_own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(unix)]
fn signal(group: u32, signal: Signal) {
    let number = match signal {
        // Go removes its temporary folders on this one.
        Signal::Stop => libc::SIGINT,
        Signal::Kill => libc::SIGKILL,
    };
    if let Ok(group) = i32::try_from(group) {
        // SAFETY: kill takes two numbers and touches no memory of ours; the leader of the group has
        // not been waited for, so the number still names the group that we made.
        unsafe { libc::kill(-group, number) };
    }
}

#[cfg(not(unix))]
fn lead_own_group(_command: &mut Command) {}

/// On a console Ctrl-C reaches the children by itself.
#[cfg(not(unix))]
fn signal(_group: u32, _signal: Signal) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn collects_both_streams_and_lets_lines_through() {
        let never = AtomicBool::new(false);
        let script = "echo result; echo go: downloading x >&2; echo wrong >&2; exit 3";
        let Ok(finished) = run(shell(script), &never, &|line| line.starts_with("go: downloading"))
        else {
            panic!("sh did not run")
        };
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.stdout, b"result\n");
        assert_eq!(finished.stderr, "wrong\n");
    }

    #[test]
    fn ends_what_takes_too_long() {
        let never = AtomicBool::new(false);
        let finished =
            run_within(shell("sleep 60"), &never, Some(Duration::from_millis(50)), &|_| false);
        assert!(finished.is_ok_and(|finished| finished.timed_out && !finished.status.success()));
        let finished = run_within(shell("true"), &never, Some(Duration::from_secs(60)), &|_| false);
        assert!(finished.is_ok_and(|finished| !finished.timed_out && finished.status.success()));
    }

    #[test]
    fn ends_grandchildren_too() {
        let cancel = AtomicBool::new(false);
        let started = Instant::now();
        let result = thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(200));
                cancel.store(true, Ordering::SeqCst);
            });
            // The grandchild holds the pipe: were it to live, reading would take 60 s.
            run(shell("sleep 60 & wait"), &cancel, &|_| false)
        });
        assert!(matches!(result, Err(Failure::Interrupted)));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
