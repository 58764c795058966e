//! Error numbers of WASI preview 1.

use crate::guest::Stop;
use std::io::{self, ErrorKind};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) u16);

pub(crate) const SUCCESS: Errno = Errno(0);
pub(crate) const EBADF: Errno = Errno(8);
pub(crate) const EFAULT: Errno = Errno(21);
pub(crate) const EINVAL: Errno = Errno(28);
pub(crate) const EISDIR: Errno = Errno(31);
pub(crate) const EMFILE: Errno = Errno(33);
pub(crate) const ENAMETOOLONG: Errno = Errno(37);
pub(crate) const ENOENT: Errno = Errno(44);
pub(crate) const ENOSPC: Errno = Errno(51);
pub(crate) const ENOSYS: Errno = Errno(52);
pub(crate) const ENOTDIR: Errno = Errno(54);
pub(crate) const ENOTSUP: Errno = Errno(58);
pub(crate) const EPIPE: Errno = Errno(64);
pub(crate) const ESPIPE: Errno = Errno(70);
const EACCES: Errno = Errno(2);
const EAGAIN: Errno = Errno(6);
const EBUSY: Errno = Errno(10);
const EEXIST: Errno = Errno(20);
const EFBIG: Errno = Errno(22);
const EILSEQ: Errno = Errno(25);
const EINTR: Errno = Errno(27);
const EIO: Errno = Errno(29);
const ELOOP: Errno = Errno(32);
const EMLINK: Errno = Errno(34);
const ENOMEM: Errno = Errno(48);
const ENOTEMPTY: Errno = Errno(55);
const EPERM: Errno = Errno(63);
const EROFS: Errno = Errno(69);
const EXDEV: Errno = Errno(75);
const ENOTCAPABLE: Errno = Errno(76);

/// Why a WASI function did not do what it was asked for.
pub(crate) enum Fail {
    /// The program is told.
    Errno(Errno),
    /// The program ends.
    Stop(Stop),
}

impl From<Errno> for Fail {
    fn from(errno: Errno) -> Self {
        Fail::Errno(errno)
    }
}

impl From<Stop> for Fail {
    fn from(stop: Stop) -> Self {
        Fail::Stop(stop)
    }
}

impl From<io::Error> for Fail {
    fn from(error: io::Error) -> Self {
        Fail::Errno(of(&error))
    }
}

pub(crate) fn of(error: &io::Error) -> Errno {
    match error.raw_os_error() {
        Some(libc::EPERM) => return EPERM,
        Some(libc::ELOOP) => return ELOOP,
        Some(libc::EMFILE | libc::ENFILE) => return EMFILE,
        Some(libc::ENAMETOOLONG) => return ENAMETOOLONG,
        Some(libc::EILSEQ) => return EILSEQ,
        _ => {}
    }
    match error.kind() {
        ErrorKind::NotFound => ENOENT,
        // A path that leads out of its directory is refused before the system is asked.
        ErrorKind::PermissionDenied if error.raw_os_error().is_none() => ENOTCAPABLE,
        ErrorKind::PermissionDenied => EACCES,
        ErrorKind::AlreadyExists => EEXIST,
        ErrorKind::NotADirectory => ENOTDIR,
        ErrorKind::IsADirectory => EISDIR,
        ErrorKind::DirectoryNotEmpty => ENOTEMPTY,
        ErrorKind::ReadOnlyFilesystem => EROFS,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ENOSPC,
        ErrorKind::NotSeekable => ESPIPE,
        ErrorKind::FileTooLarge => EFBIG,
        ErrorKind::ResourceBusy => EBUSY,
        ErrorKind::CrossesDevices => EXDEV,
        ErrorKind::TooManyLinks => EMLINK,
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => EINVAL,
        ErrorKind::BrokenPipe => EPIPE,
        ErrorKind::WouldBlock => EAGAIN,
        ErrorKind::Interrupted => EINTR,
        ErrorKind::OutOfMemory => ENOMEM,
        ErrorKind::Unsupported => ENOTSUP,
        _ => EIO,
    }
}
