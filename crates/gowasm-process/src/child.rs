//! Child processes that can be ended, with what they started.

use crate::registry::{self, Signal, Target};
use std::io;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

/// A child process and all that it started, for as long as it was not waited for.
#[derive(Debug)]
pub struct Group(Target);

/// Starts a process in a group of its own.
pub fn spawn(command: &mut Command) -> io::Result<(Child, Group)> {
    lead_own_group(command);
    start(command, Target::Group)
}

/// Starts a process that may read from our terminal, which only processes of our group can. What it
/// starts is ended by the terminal, or by itself.
pub fn spawn_on_terminal(command: &mut Command) -> io::Result<(Child, Group)> {
    start(command, Target::Process)
}

fn start(command: &mut Command, target: fn(u32) -> Target) -> io::Result<(Child, Group)> {
    // Locked meanwhile: there is no child that a signal would miss.
    let mut registry = registry::lock();
    registry.check_open()?;
    let child = command.spawn()?;
    let group = Group(target(child.id()));
    registry.children.insert(group.0);
    Ok((child, group))
}

/// Runs a command to its end, as `Command::output` does: without anything to read.
pub fn output(command: &mut Command) -> io::Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, group) = spawn(command)?;
    let err = child.stderr.take();
    std::thread::scope(|scope| {
        let stderr = scope.spawn(move || read_all(err));
        let stdout = read_all(child.stdout.take());
        let status = group.wait(&mut child)?;
        let stderr = stderr.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok(Output { status, stdout: stdout?, stderr })
    })
}

fn read_all(pipe: Option<impl io::Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

impl Group {
    /// Asks all of them to end.
    pub fn stop(&self) {
        registry::lock().signal(self.0, Signal::Stop);
    }

    pub fn kill(&self) {
        registry::lock().signal(self.0, Signal::Kill);
    }

    /// As `Child::try_wait` of the leader.
    pub fn try_wait(&self, child: &mut Child) -> io::Result<Option<ExitStatus>> {
        let mut registry = registry::lock();
        let state = child.try_wait();
        if !matches!(state, Ok(None)) {
            registry.children.remove(&self.0);
        }
        state
    }

    /// As `Child::wait` of the leader.
    pub fn wait(&self, child: &mut Child) -> io::Result<ExitStatus> {
        // Mostly its streams are closed, and it is about to end.
        let mut pause = Duration::from_micros(500);
        loop {
            if let Some(status) = self.try_wait(child)? {
                return Ok(status);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(20));
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        registry::lock().children.remove(&self.0);
    }
}

#[cfg(unix)]
fn lead_own_group(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn lead_own_group(_command: &mut Command) {}
