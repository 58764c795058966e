//! One process, measured as the operating system accounts for it.

use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) wall: f64,
    pub(crate) user: f64,
    /// The most memory it held at once, in MB.
    pub(crate) peak: f64,
}

/// Runs the command to its end. It must succeed; what it says is shown when it does not.
pub(crate) fn measure(command: &mut Command) -> Result<Sample> {
    measure_exit(command, 0)
}

/// The same for a command that must end with this exit code.
pub(crate) fn measure_exit(command: &mut Command, exit: i32) -> Result<Sample> {
    let said = tempfile::tempfile()?;
    let stderr: File = said.try_clone()?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let started = Instant::now();
    let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let (status, usage) = wait(child.id())?;
    let wall = started.elapsed().as_secs_f64();
    if ExitStatus::from_raw(status).code() != Some(exit) {
        use std::io::{Read, Seek};
        let (mut said, mut text) = (said, String::new());
        said.rewind()?;
        said.read_to_string(&mut text)?;
        bail!("{command:?} failed (wait status {status}):\n{text}");
    }
    let user = usage.ru_utime.tv_sec as f64 + usage.ru_utime.tv_usec as f64 / 1e6;
    Ok(Sample { wall, user, peak: usage.ru_maxrss as f64 * 1024.0 / 1e6 })
}

fn wait(process: u32) -> Result<(i32, libc::rusage)> {
    let mut status = 0;
    // SAFETY: an all-zero `rusage` is a valid value of that plain struct of numbers.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live values of the types that wait4 writes.
        let done = unsafe { libc::wait4(process as libc::pid_t, &mut status, 0, &mut usage) };
        if done > 0 {
            return Ok((status, usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error).context("wait4");
        }
    }
}

/// A and B in turn, after one run of each that does not count.
pub(crate) fn in_turn(
    runs: usize,
    mut a: impl FnMut() -> Result<Sample>,
    mut b: impl FnMut() -> Result<Sample>,
) -> Result<(Series, Series)> {
    a()?;
    b()?;
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        of_a.push(a()?);
        of_b.push(b()?);
    }
    Ok((Series(of_a), Series(of_b)))
}

pub(crate) struct Series(pub(crate) Vec<Sample>);

impl Series {
    pub(crate) fn wall(&self) -> f64 {
        median(self.0.iter().map(|sample| sample.wall))
    }

    pub(crate) fn user(&self) -> f64 {
        median(self.0.iter().map(|sample| sample.user))
    }

    pub(crate) fn peak(&self) -> f64 {
        median(self.0.iter().map(|sample| sample.peak))
    }
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn seconds(value: f64) -> String {
    if value < 1.0 { format!("{:.1} ms", value * 1e3) } else { format!("{value:.2} s") }
}
