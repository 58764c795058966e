//! The WASI preview 1 host: as little of it as Go programs need to start and run.
//!
//! There are no files, no arguments, no environment and no network. Time is virtual: it starts at a
//! fixed moment, every look at it moves it on a little, and waiting moves it to the awaited moment
//! at once. Random numbers come from a fixed seed. So a verification gives the same answer every
//! time.

use crate::sandbox::{State, Stop, charge};
use gowasm_directive::{FuncType, WasmType};
use wasmi::{Caller, Val};

/// Each of stdout and stderr is kept up to this; what goes beyond is only counted.
const KEPT: usize = 1 << 20;
/// 2026-01-01T00:00:00Z, in nanoseconds.
const EPOCH: u64 = 1_767_225_600_000_000_000;
const TICK: u64 = 1_000;

type Errno = u16;
const SUCCESS: Errno = 0;
const EBADF: Errno = 8;
const EFAULT: Errno = 21;
const EINVAL: Errno = 28;
const ENOSYS: Errno = 52;
const ENOTCAPABLE: Errno = 76;

const CHARACTER_DEVICE: u8 = 2;

/// What a program wrote to one stream.
#[derive(Debug, Default, Clone)]
pub(crate) struct Captured {
    kept: Vec<u8>,
    dropped: u64,
}

impl Captured {
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let room = bytes.len().min(KEPT - self.kept.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.dropped += (bytes.len() - room) as u64;
    }

    pub(crate) fn contains(&self, text: &str) -> bool {
        memchr::memmem::find(&self.kept, text.as_bytes()).is_some()
    }

    pub(crate) fn is(&self, text: &str) -> bool {
        self.dropped == 0 && self.kept == text.as_bytes()
    }

    /// As text; nothing when nothing was written.
    pub(crate) fn text(&self) -> Option<String> {
        if self.kept.is_empty() {
            return None;
        }
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.dropped > 0 {
            text.push_str(&format!("\n[{} bytes more were not kept]\n", self.dropped));
        }
        Some(text)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Wasi {
    pub(crate) stdout: Captured,
    pub(crate) stderr: Captured,
    /// Nanoseconds since the program began.
    elapsed: u64,
    random: u64,
}

impl Wasi {
    pub(crate) fn clear_output(&mut self) {
        self.stdout = Captured::default();
        self.stderr = Captured::default();
    }

    /// SplitMix64.
    fn next_random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn stream(&mut self, fd: u32) -> Option<&mut Captured> {
        match fd {
            1 => Some(&mut self.stdout),
            2 => Some(&mut self.stderr),
            _ => None,
        }
    }
}

pub(crate) type Function = fn(&mut Caller<'_, State>, &[Val]) -> Result<Errno, Stop>;

const I32: WasmType = WasmType::I32;
const I64: WasmType = WasmType::I64;

/// The function of a WASI import; nothing for other modules' imports and for what is not known.
pub(crate) fn lookup(
    module: &str,
    name: &str,
    signature: &FuncType,
) -> Result<Option<Function>, String> {
    if module != crate::WASI {
        return Ok(None);
    }
    let Some((params, function)) = table(name) else { return Ok(None) };
    let results: &[WasmType] = if name == "proc_exit" { &[] } else { &[I32] };
    if signature.params != params || signature.results != results {
        let wanted = FuncType { params: params.to_vec(), results: results.to_vec() };
        return Err(format!(
            "the module imports `{module}.{name}` as {signature}; WASI has it as {wanted}"
        ));
    }
    Ok(Some(function))
}

fn table(name: &str) -> Option<(&'static [WasmType], Function)> {
    Some(match name {
        "args_get" | "environ_get" => (&[I32, I32], |_, _| Ok(SUCCESS)),
        "args_sizes_get" | "environ_sizes_get" => (&[I32, I32], no_strings),
        "clock_res_get" => (&[I32, I32], clock_res_get),
        "clock_time_get" => (&[I32, I64, I32], clock_time_get),
        "random_get" => (&[I32, I32], random_get),
        "sched_yield" => (&[], |caller, _| charge(caller, 1).map(|()| SUCCESS)),
        "proc_exit" => (&[I32], |_, args| Err(Stop::Exit(int(args, 0) as i32))),
        "poll_oneoff" => (&[I32, I32, I32, I32], crate::poll::poll_oneoff),
        "fd_write" => (&[I32, I32, I32, I32], fd_write),
        "fd_read" => (&[I32, I32, I32, I32], fd_read),
        "fd_fdstat_get" => (&[I32, I32], fd_fdstat_get),
        "fd_filestat_get" => (&[I32, I32], fd_filestat_get),
        "fd_close" | "fd_sync" | "fd_datasync" => (&[I32], on_stream),
        "fd_fdstat_set_flags" => (&[I32, I32], on_stream),
        "fd_fdstat_set_rights" => (&[I32, I64, I64], on_stream),
        "fd_prestat_get" => (&[I32, I32], bad_fd),
        "fd_prestat_dir_name" => (&[I32, I32, I32], bad_fd),
        "fd_advise" => (&[I32, I64, I64, I32], bad_fd),
        "fd_allocate" => (&[I32, I64, I64], bad_fd),
        "fd_filestat_set_size" => (&[I32, I64], bad_fd),
        "fd_filestat_set_times" => (&[I32, I64, I64, I32], bad_fd),
        "fd_pread" | "fd_pwrite" => (&[I32, I32, I32, I64, I32], bad_fd),
        "fd_readdir" => (&[I32, I32, I32, I64, I32], bad_fd),
        "fd_renumber" => (&[I32, I32], bad_fd),
        "fd_seek" => (&[I32, I64, I32, I32], bad_fd),
        "fd_tell" => (&[I32, I32], bad_fd),
        "path_create_directory" | "path_remove_directory" | "path_unlink_file" => {
            (&[I32, I32, I32], no_files)
        }
        "path_filestat_get" => (&[I32, I32, I32, I32, I32], no_files),
        "path_filestat_set_times" => (&[I32, I32, I32, I32, I64, I64, I32], no_files),
        "path_link" => (&[I32, I32, I32, I32, I32, I32, I32], no_files),
        "path_open" => (&[I32, I32, I32, I32, I32, I64, I64, I32, I32], no_files),
        "path_readlink" => (&[I32, I32, I32, I32, I32, I32], no_files),
        "path_rename" => (&[I32, I32, I32, I32, I32, I32], no_files),
        "path_symlink" => (&[I32, I32, I32, I32, I32], no_files),
        "sock_accept" => (&[I32, I32, I32], bad_fd),
        "sock_recv" => (&[I32, I32, I32, I32, I32, I32], bad_fd),
        "sock_send" => (&[I32, I32, I32, I32, I32], bad_fd),
        "sock_shutdown" => (&[I32, I32], bad_fd),
        "proc_raise" => (&[I32], |_, _| Ok(ENOSYS)),
        _ => return None,
    })
}

fn bad_fd(_: &mut Caller<'_, State>, _: &[Val]) -> Result<Errno, Stop> {
    Ok(EBADF)
}

/// Paths are relative to a preopened directory, and there is none.
fn no_files(_: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    Ok(if int(args, 0) <= 2 { ENOTCAPABLE } else { EBADF })
}

fn on_stream(_: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    Ok(if int(args, 0) <= 2 { SUCCESS } else { EBADF })
}

fn no_strings(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    let written = store(caller, int(args, 0), &[0; 4]).is_some();
    Ok(if written && store(caller, int(args, 1), &[0; 4]).is_some() { SUCCESS } else { EFAULT })
}

fn clock_res_get(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    Ok(answer(caller, int(args, 1), &TICK.to_le_bytes()))
}

fn clock_time_get(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    let wasi = &mut caller.data_mut().wasi;
    wasi.elapsed = wasi.elapsed.saturating_add(TICK);
    let Some(now) = now(caller, int(args, 0)) else { return Ok(EINVAL) };
    Ok(answer(caller, int(args, 2), &now.to_le_bytes()))
}

/// The realtime clock, and the monotonic and CPU ones, which all begin with the program.
pub(crate) fn now(caller: &Caller<'_, State>, clock: u32) -> Option<u64> {
    let elapsed = caller.data().wasi.elapsed;
    match clock {
        0 => Some(EPOCH.saturating_add(elapsed)),
        1..=3 => Some(elapsed),
        _ => None,
    }
}

/// Waiting takes no time but the clock's.
pub(crate) fn pass(caller: &mut Caller<'_, State>, nanoseconds: u64) {
    let wasi = &mut caller.data_mut().wasi;
    wasi.elapsed = wasi.elapsed.saturating_add(nanoseconds);
}

fn random_get(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    let (address, length) = (int(args, 0) as usize, int(args, 1) as usize);
    charge(caller, length as u64 / 8)?;
    let Some(memory) = caller.data().memory else { return Ok(EFAULT) };
    let (data, state) = memory.data_and_store_mut(caller);
    let target = data.get_mut(address..).and_then(|data| data.get_mut(..length));
    let Some(target) = target else { return Ok(EFAULT) };
    for chunk in target.chunks_mut(8) {
        let random = state.wasi.next_random().to_le_bytes();
        chunk.copy_from_slice(&random[..chunk.len()]);
    }
    Ok(SUCCESS)
}

fn fd_write(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    let (fd, vectors, count) = (int(args, 0), int(args, 1), int(args, 2));
    if !matches!(fd, 1 | 2) {
        return Ok(EBADF);
    }
    charge(caller, count.into())?;
    let Some(memory) = caller.data().memory else { return Ok(EFAULT) };
    let (data, state) = memory.data_and_store_mut(&mut *caller);
    let Some(stream) = state.wasi.stream(fd) else { return Ok(EBADF) };
    let mut total: u32 = 0;
    for index in 0..count {
        let Some(bytes) = vector(data, vectors, index) else { return Ok(EFAULT) };
        let Some(sum) = total.checked_add(bytes.len() as u32) else { return Ok(EINVAL) };
        total = sum;
        stream.write(bytes);
    }
    Ok(answer(caller, int(args, 3), &total.to_le_bytes()))
}

/// The bytes that the `index`th address and length of a list name.
fn vector(data: &[u8], list: u32, index: u32) -> Option<&[u8]> {
    let at = u64::from(list) + 8 * u64::from(index);
    let entry = data.get(usize::try_from(at).ok()?..)?.first_chunk::<8>()?;
    let [a, b, c, d, e, f, g, h] = *entry;
    let address = u32::from_le_bytes([a, b, c, d]) as usize;
    let length = u32::from_le_bytes([e, f, g, h]) as usize;
    data.get(address..)?.get(..length)
}

/// Standard input is empty.
fn fd_read(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    match int(args, 0) {
        0 => Ok(answer(caller, int(args, 3), &[0; 4])),
        _ => Ok(EBADF),
    }
}

fn fd_fdstat_get(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    if int(args, 0) > 2 {
        return Ok(EBADF);
    }
    // File type, flags, and the rights, all of them, for the file and what is opened through it.
    let mut status = [0; 24];
    status[0] = CHARACTER_DEVICE;
    status[8..].fill(0xff);
    Ok(answer(caller, int(args, 1), &status))
}

fn fd_filestat_get(caller: &mut Caller<'_, State>, args: &[Val]) -> Result<Errno, Stop> {
    if int(args, 0) > 2 {
        return Ok(EBADF);
    }
    let mut status = [0; 64];
    status[16] = CHARACTER_DEVICE;
    Ok(answer(caller, int(args, 1), &status))
}

pub(crate) fn int(args: &[Val], index: usize) -> u32 {
    args.get(index).and_then(Val::i32).unwrap_or(0) as u32
}

pub(crate) fn answer(caller: &mut Caller<'_, State>, address: u32, bytes: &[u8]) -> Errno {
    if store(caller, address, bytes).is_some() { SUCCESS } else { EFAULT }
}

fn store(caller: &mut Caller<'_, State>, address: u32, bytes: &[u8]) -> Option<()> {
    let memory = caller.data().memory?;
    let target = memory.data_mut(caller).get_mut(address as usize..)?.get_mut(..bytes.len())?;
    target.copy_from_slice(bytes);
    Some(())
}
