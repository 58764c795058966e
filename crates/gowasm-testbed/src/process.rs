//! A server process that cannot outlive the test that started it.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    child: Child,
    signal: libc::c_int,
    log: PathBuf,
}

impl Server {
    /// Starts it in a process group of its own; what it says goes to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let out = File::create(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            })
        };
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        Ok(Server { child, signal: libc::SIGKILL, log: log.to_owned() })
    }

    /// Stops it with this signal rather than at once.
    pub(crate) fn stopped_by(mut self, signal: libc::c_int) -> Self {
        self.signal = signal;
        self
    }

    /// Waits until somebody listens on the port.
    pub(crate) fn wait_for(&mut self, port: u16) -> Result<()> {
        self.wait_until(&format!("listen on port {port}"), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
    }

    pub(crate) fn wait_until(&mut self, what: &str, ready: impl Fn() -> bool) -> Result<()> {
        let started = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}):\n{}", self.said());
            }
            if started.elapsed() > PATIENCE {
                bail!("the server does not {what}:\n{}", self.said());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Whether it has started processes that are still there.
    pub(crate) fn has_children(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id()));
        let mut children = threads
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        children.any(|children| !children.is_empty())
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait()
            && let Ok(group) = i32::try_from(self.child.id())
        {
            // SAFETY: kill takes two numbers; the child has not been waited for, so the number
            // still names the group that we made.
            unsafe { libc::kill(-group, self.signal) };
        }
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
