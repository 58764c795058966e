//! Child processes are this test binary once more, running the test that started them; it asks
//! [`job`] first whether it is such a child.
#![allow(dead_code, reason = "each test binary uses its part")]

use gowasm_store::Store;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The bytes of the blob `seed`: some small, some larger than any buffer.
pub(crate) fn blob(seed: u64) -> Vec<u8> {
    let length = if seed.is_multiple_of(5) { 400_000 } else { 1000 + seed as usize * 37 };
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

pub(crate) fn open(dir: &Path) -> Store {
    Store::open(Some(dir)).unwrap()
}

pub(crate) fn command(exe: &Path, test: &str, job: &str, store: &Path) -> Command {
    let mut command = Command::new(exe);
    command
        .args(["--exact", test, "--nocapture"])
        .env("GOWASM_STORE_TEST_JOB", job)
        .env("GOWASM_STORE_TEST_DIR", store)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

pub(crate) fn spawn(test: &str, job: &str, store: &Path) -> Child {
    command(&std::env::current_exe().unwrap(), test, job, store).spawn().unwrap()
}

/// The job and the store of a child process; `None` in a process that is none.
pub(crate) fn job() -> Option<(String, PathBuf)> {
    let job = std::env::var("GOWASM_STORE_TEST_JOB").ok()?;
    Some((job, std::env::var_os("GOWASM_STORE_TEST_DIR")?.into()))
}

pub(crate) fn wait(child: Child) {
    let output = child.wait_with_output().unwrap();
    let ran = String::from_utf8_lossy(&output.stdout).contains("1 passed");
    assert!(
        ran && output.status.success(),
        "{}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every regular file below a folder.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// A disk of one megabyte. Where nothing can be mounted, the skip says so.
pub(crate) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    pub(crate) fn mount(at: &'a Path) -> Option<Self> {
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(at).output();
        if mount.is_ok_and(|output| output.status.success()) {
            return Some(SmallDisk(at));
        }
        // Past the test harness, which shows what a failed test printed and hides the rest.
        let said = b"skipped: mounting a small file system is not permitted here\n";
        let _ = std::io::stderr().write_all(said);
        None
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}
