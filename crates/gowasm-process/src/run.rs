//! A command run to its end: its stdout collected, its stderr watched, and an end made of it and of
//! everything it started once the user wants to stop, or its time is over.

use crate::child::{Group, spawn};
use std::io::{self, BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command may take to clean up after itself once it was told to stop.
const GRACE: Duration = Duration::from_secs(2);
const WATCH: Duration = Duration::from_millis(20);

pub struct Finished {
    pub status: ExitStatus,
    pub stdout: Vec<u8>,
    /// Without the lines that `on_line` took.
    pub stderr: String,
    /// It was ended because its time was over.
    pub timed_out: bool,
}

#[derive(Debug)]
pub enum Error {
    Start(io::Error),
    /// It was started, and then something went wrong with its streams.
    Lost(io::Error),
    Interrupted,
}

/// Runs the command, which may take so long and no longer. `on_line` sees every line of stderr as it
/// comes, and keeps it out of the collected text by returning true.
pub fn run(
    command: &mut Command,
    cancel: &AtomicBool,
    time: Option<Duration>,
    on_line: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Finished, Error> {
    if cancel.load(Ordering::SeqCst) {
        return Err(Error::Interrupted);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, group) = spawn(command).map_err(Error::Start)?;
    let group = &group;
    let (ended, is_over) = channel::<()>();
    let finished = thread::scope(|scope| {
        let mut out = child.stdout.take();
        let err = child.stderr.take();
        let errors =
            scope.spawn(move || err.map(|pipe| read_lines(pipe, on_line)).unwrap_or_default());
        let watch = scope.spawn(move || end_when(group, cancel, time, &is_over));
        let mut stdout = Vec::new();
        let read = out.as_mut().map_or(Ok(0), |pipe| pipe.read_to_end(&mut stdout));
        let status = group.wait(&mut child);
        drop(ended);
        let stderr = errors.join().unwrap_or_default();
        let timed_out = watch.join().unwrap_or_default();
        read.and(status).map(|status| Finished { status, stdout, stderr, timed_out })
    });
    if cancel.load(Ordering::SeqCst) {
        return Err(Error::Interrupted);
    }
    finished.map_err(Error::Lost)
}

/// Says whether time was the reason for the end.
fn end_when(
    group: &Group,
    cancel: &AtomicBool,
    time: Option<Duration>,
    is_over: &Receiver<()>,
) -> bool {
    let started = Instant::now();
    let mut told: Option<Instant> = None;
    while is_over.recv_timeout(WATCH) == Err(RecvTimeoutError::Timeout) {
        let late = time.is_some_and(|time| started.elapsed() > time);
        if late || cancel.load(Ordering::SeqCst) {
            match told {
                None => {
                    group.stop();
                    told = Some(Instant::now());
                }
                Some(moment) if moment.elapsed() > GRACE => group.kill(),
                Some(_) => {}
            }
        }
    }
    told.is_some() && !cancel.load(Ordering::SeqCst)
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
        let download = |line: &str| line.starts_with("go: downloading");
        let Ok(finished) = run(&mut shell(script), &never, None, &download) else {
            panic!("sh did not run")
        };
        assert_eq!(finished.status.code(), Some(3));
        assert_eq!(finished.stdout, b"result\n");
        assert_eq!(finished.stderr, "wrong\n");
    }

    #[test]
    fn ends_what_takes_too_long() {
        let never = AtomicBool::new(false);
        let within = |script, time| run(&mut shell(script), &never, Some(time), &|_| false);
        let finished = within("sleep 60", Duration::from_millis(50));
        assert!(finished.is_ok_and(|finished| finished.timed_out && !finished.status.success()));
        let finished = within("true", Duration::from_secs(60));
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
            run(&mut shell("sleep 60 & wait"), &cancel, None, &|_| false)
        });
        assert!(matches!(result, Err(Error::Interrupted)));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
