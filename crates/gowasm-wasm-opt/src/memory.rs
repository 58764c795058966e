//! A bound on what wasm-opt may take of the machine.

use std::io;

/// Lets this process, and what it becomes, have no more memory of its own than that. Only Linux
/// counts all of it.
#[cfg(unix)]
pub fn limit_memory(bytes: u64) -> io::Result<()> {
    let bytes = libc::rlim_t::try_from(bytes).unwrap_or(libc::RLIM_INFINITY);
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: setrlimit reads the struct that it is given and keeps nothing of it.
    match unsafe { libc::setrlimit(libc::RLIMIT_DATA, &limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(unix))]
pub fn limit_memory(_bytes: u64) -> io::Result<()> {
    Ok(())
}
