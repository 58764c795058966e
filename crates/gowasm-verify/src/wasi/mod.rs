//! The WASI preview 1 host.
//!
//! In a verification time is virtual: it starts at a fixed moment, every look at it moves it on a
//! little, and waiting moves it to the awaited moment at once. Random numbers come from a fixed seed.
//! So a verification gives the same answer every time. A live world has the machine's clock, random
//! numbers and streams. Both have the directories that they were given, and no network.

mod errno;
mod files;
mod memory;
mod paths;
mod poll;
mod stat;
mod streams;

use crate::guest::{Guest, Stop};
use crate::value::Val;
use crate::world::World;
use errno::{EBADF, EFAULT, EINVAL, ENOSYS, Errno, Fail, SUCCESS};
use files::Files;
use gowasm_directive::{FuncType, wasip1};
use memory::{inside, int, long, store};
use std::time::{Duration, Instant, SystemTime};

pub(crate) use streams::Captured;
use streams::Streams;

/// 2026-01-01T00:00:00Z, in nanoseconds.
const EPOCH: u64 = 1_767_225_600_000_000_000;
const TICK: u64 = 1_000;
/// So many bytes go through the host at once.
const PIECE: u32 = 1 << 16;

/// What one instance has of the world.
pub(crate) struct Wasi {
    pub(crate) streams: Streams,
    files: Files,
    args: Vec<String>,
    env: Vec<String>,
    clock: Clock,
    /// Where virtual time starts, in nanoseconds since 1970.
    epoch: u64,
    /// `None` takes the machine's random numbers.
    random: Option<u64>,
}

enum Clock {
    /// Nanoseconds since the program began.
    Virtual(u64),
    Live(Instant),
}

impl Wasi {
    /// The error is a directory that cannot be opened.
    pub(crate) fn new(world: &World) -> Result<Self, String> {
        Ok(Wasi {
            streams: Streams { live: world.live, ..Streams::default() },
            files: Files::new(world)?,
            args: world.args.clone().unwrap_or_default(),
            env: world.env.clone(),
            clock: if world.live { Clock::Live(Instant::now()) } else { Clock::Virtual(0) },
            epoch: world.time.map_or(EPOCH, |seconds| seconds.saturating_mul(1_000_000_000)),
            random: (!world.live).then_some(world.seed),
        })
    }

    /// The realtime clock, and the monotonic and CPU ones, which all begin with the program.
    fn now(&self, clock: u32) -> Option<u64> {
        match (clock, &self.clock) {
            (0, Clock::Virtual(elapsed)) => Some(self.epoch.saturating_add(*elapsed)),
            (0, Clock::Live(_)) => {
                let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                Some(nanoseconds(since.unwrap_or_default()))
            }
            (1..=3, Clock::Virtual(elapsed)) => Some(*elapsed),
            // Go takes a monotonic zero for no time at all.
            (1..=3, Clock::Live(begun)) => Some(nanoseconds(begun.elapsed()) + 1),
            _ => None,
        }
    }

    fn random(&mut self, into: &mut [u8]) -> Result<(), Errno> {
        let Some(state) = &mut self.random else {
            return getrandom::fill(into).map_err(|_| ENOSYS);
        };
        for chunk in into.chunks_mut(8) {
            let random = split_mix(state).to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Ok(())
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// SplitMix64.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

type Answer = Result<(), Fail>;
type Body = fn(&mut dyn Guest, &[Val]) -> Answer;

#[derive(Clone, Copy)]
pub(crate) struct Function {
    body: Body,
    /// What it takes at least, in steps of a module: some nanoseconds each.
    steps: u64,
}

/// Of a function that looks at what is in memory here.
const LITTLE: u64 = 20;
/// Of one that asks the system for something, or may.
const SYSTEM_CALL: u64 = 200;
/// Of one that takes a path: the system is asked for each of its elements.
const PATH: u64 = 1_000;
pub(crate) const PATH_ELEMENT: u64 = 200;
/// Of each entry of a directory that is read.
pub(crate) const DIRECTORY_ENTRY: u64 = 100;
/// One step for so many bytes that are moved.
pub(crate) const BYTES_A_STEP: u64 = 64;

fn steps(name: &str) -> u64 {
    match name.split_once('_') {
        Some(("path", _)) => PATH,
        Some(("fd" | "poll", _)) => SYSTEM_CALL,
        _ => LITTLE,
    }
}

/// The function's error number, or why the program ends.
pub(crate) fn call(function: Function, guest: &mut dyn Guest, args: &[Val]) -> Result<u16, Stop> {
    guest.charge(function.steps)?;
    match (function.body)(guest, args) {
        Ok(()) => Ok(SUCCESS.0),
        Err(Fail::Errno(errno)) => Ok(errno.0),
        Err(Fail::Stop(stop)) => Err(stop),
    }
}

/// The function of a WASI import; nothing for other modules' imports and for what is not known.
pub(crate) fn lookup(
    module: &str,
    name: &str,
    signature: &FuncType,
) -> Result<Option<Function>, String> {
    if module != wasip1::MODULE {
        return Ok(None);
    }
    match (wasip1::signature(name), function(name)) {
        (Some(wanted), Some(_)) if wanted != *signature => Err(format!(
            "the module imports `{module}.{name}` as {signature}; WASI has it as {wanted}"
        )),
        (Some(_), body) => Ok(body.map(|body| Function { body, steps: steps(name) })),
        (None, _) => Ok(None),
    }
}

fn function(name: &str) -> Option<Body> {
    Some(match name {
        "args_get" => args_get,
        "args_sizes_get" => args_sizes_get,
        "environ_get" => environ_get,
        "environ_sizes_get" => environ_sizes_get,
        "clock_res_get" => clock_res_get,
        "clock_time_get" => clock_time_get,
        "random_get" => random_get,
        "sched_yield" => |_, _| Ok(()),
        "proc_exit" => |_, args| Err(Stop::Exit(int(args, 0) as i32).into()),
        "proc_raise" => |_, _| Err(ENOSYS.into()),
        "poll_oneoff" => poll::poll_oneoff,
        "fd_advise" => files::fd_advise,
        "fd_allocate" => files::fd_allocate,
        "fd_close" => files::fd_close,
        "fd_datasync" | "fd_sync" => files::fd_sync,
        "fd_fdstat_get" => files::fd_fdstat_get,
        "fd_fdstat_set_flags" => files::fd_known,
        "fd_fdstat_set_rights" => files::fd_known,
        "fd_filestat_get" => files::fd_filestat_get,
        "fd_filestat_set_size" => files::fd_filestat_set_size,
        "fd_filestat_set_times" => files::fd_filestat_set_times,
        "fd_pread" => files::fd_pread,
        "fd_prestat_dir_name" => files::fd_prestat_dir_name,
        "fd_prestat_get" => files::fd_prestat_get,
        "fd_pwrite" => files::fd_pwrite,
        "fd_read" => files::fd_read,
        "fd_readdir" => files::fd_readdir,
        "fd_renumber" => files::fd_renumber,
        "fd_seek" => files::fd_seek,
        "fd_tell" => files::fd_tell,
        "fd_write" => files::fd_write,
        "path_create_directory" => paths::create_directory,
        "path_filestat_get" => paths::filestat_get,
        "path_filestat_set_times" => paths::filestat_set_times,
        "path_link" => paths::link,
        "path_open" => paths::open,
        "path_readlink" => paths::readlink,
        "path_remove_directory" => paths::remove_directory,
        "path_rename" => paths::rename,
        "path_symlink" => paths::symlink,
        "path_unlink_file" => paths::unlink_file,
        "sock_accept" => no_socket,
        "sock_recv" => no_socket,
        "sock_send" => no_socket,
        "sock_shutdown" => no_socket,
        _ => return None,
    })
}

fn no_socket(_: &mut dyn Guest, _: &[Val]) -> Answer {
    Err(EBADF.into())
}

fn args_sizes_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let strings = guest.state().wasi.args.clone();
    sizes(guest, args, &strings)
}

fn args_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let strings = guest.state().wasi.args.clone();
    list(guest, args, &strings)
}

fn environ_sizes_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let strings = guest.state().wasi.env.clone();
    sizes(guest, args, &strings)
}

fn environ_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let strings = guest.state().wasi.env.clone();
    list(guest, args, &strings)
}

fn sizes(guest: &mut dyn Guest, args: &[Val], strings: &[String]) -> Answer {
    let bytes: usize = strings.iter().map(|string| string.len() + 1).sum();
    guest.charge(of_strings(strings))?;
    store(guest, int(args, 0), &(strings.len() as u32).to_le_bytes())?;
    store(guest, int(args, 1), &(bytes as u32).to_le_bytes())
}

/// All of them are copied.
fn of_strings(strings: &[String]) -> u64 {
    let bytes: usize = strings.iter().map(String::len).sum();
    LITTLE * strings.len() as u64 + bytes as u64 / BYTES_A_STEP
}

/// Pointers in one place, the strings with a zero byte each in another.
fn list(guest: &mut dyn Guest, args: &[Val], strings: &[String]) -> Answer {
    guest.charge(of_strings(strings))?;
    let (mut pointers, mut buffer) = (Vec::new(), Vec::new());
    for string in strings {
        let at = int(args, 1).checked_add(buffer.len() as u32).ok_or(EFAULT)?;
        pointers.extend_from_slice(&at.to_le_bytes());
        buffer.extend_from_slice(string.as_bytes());
        buffer.push(0);
    }
    store(guest, int(args, 0), &pointers)?;
    store(guest, int(args, 1), &buffer)
}

fn clock_res_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    guest.state().wasi.now(int(args, 0)).ok_or(EINVAL)?;
    store(guest, int(args, 1), &TICK.to_le_bytes())
}

fn clock_time_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let wasi = &mut guest.state().wasi;
    if let Clock::Virtual(elapsed) = &mut wasi.clock {
        *elapsed = elapsed.saturating_add(TICK);
    }
    let now = wasi.now(int(args, 0)).ok_or(EINVAL)?;
    store(guest, int(args, 2), &now.to_le_bytes())
}

fn random_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (address, length) = (int(args, 0), int(args, 1));
    guest.charge(u64::from(length) / 8)?;
    inside(guest, address, length)?;
    let mut bytes = vec![0; PIECE as usize];
    for at in (0..length).step_by(PIECE as usize) {
        let piece = &mut bytes[..PIECE.min(length - at) as usize];
        guest.state().wasi.random(piece)?;
        store(guest, address + at, piece)?;
    }
    Ok(())
}

/// Lets this much time pass; a live program that is interrupted wakes up at once.
fn pass(guest: &mut dyn Guest, nanoseconds: u64) -> Result<(), Stop> {
    const WATCH: Duration = Duration::from_millis(20);
    match &mut guest.state().wasi.clock {
        Clock::Virtual(elapsed) => *elapsed = elapsed.saturating_add(nanoseconds),
        Clock::Live(_) => {
            let (begun, wanted) = (Instant::now(), Duration::from_nanos(nanoseconds));
            loop {
                let left = wanted.saturating_sub(begun.elapsed());
                if left.is_zero() {
                    break;
                }
                std::thread::sleep(left.min(WATCH));
                guest.charge(0)?;
            }
        }
    }
    Ok(())
}

/// A 64-bit argument whose sign does not matter.
fn unsigned(args: &[Val], index: usize) -> u64 {
    long(args, index) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_of_preview_1_is_there() {
        for name in wasip1::names() {
            assert!(function(name).is_some(), "{name}");
        }
    }
}
