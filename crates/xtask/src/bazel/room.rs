//! A long-lived mount and PID namespace with the other root file system. Commands are started into it one
//! after another; whatever they leave running, a Bazel server above all, ends with the room, and the room
//! ends with this process, however that ends.

use super::forky;
use anyhow::{Context, Result, bail};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

pub(super) struct Room {
    keeper: Child,
    /// The first process inside, by its number outside.
    first: u32,
}

impl Room {
    pub(super) fn open<S: AsRef<OsStr>>(root: &Path, folders: &[(S, &Path)]) -> Result<Self> {
        let mut command = forky::enter(root, folders);
        // A shell, because the first process has to wait for orphans.
        command.args(["sh", "-c", "echo open; cat >/dev/null; exit"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        // SAFETY: prctl is async-signal-safe and touches no memory of ours.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            })
        };
        let mut keeper = command.spawn().context("cannot start unshare")?;
        let output = keeper.stdout.take().context("unshare has no stdout")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let outside = keeper.id();
        let room = Room { keeper, first: first_child(outside).unwrap_or_default() };
        if line != "open\n" || room.first == 0 {
            bail!("cannot enter {}: unshare and pivot_root need root's rights", root.display());
        }
        Ok(room)
    }

    /// A command inside, with nothing in its environment.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--mount", "--pid", &format!("--target={}", self.first)]);
        command.args(["--", "/usr/bin/env", "-i"]).stdin(Stdio::null());
        command
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        // The last mounts go with the last process, which dies of the first one's death but not at once.
        let inside = format!("/proc/{}", self.first);
        while Path::new(&inside).exists() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn first_child(process: u32) -> Result<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    children.split_whitespace().next().context("unshare has no child")?.parse().context("no number")
}
