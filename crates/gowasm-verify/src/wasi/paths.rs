//! The `path_` functions: all of them stay below an open directory.

use super::errno::{EINVAL, EISDIR, ENOENT, Errno};
use super::files::{Files, opened, path};
use super::memory::{int, store};
use super::stat::encode;
use super::{Answer, unsigned};
use crate::guest::Guest;
use crate::value::Val;
use cap_fs_ext::{DirExt, FollowSymlinks, OpenOptionsFollowExt, SystemTimeSpec};
use cap_std::fs::{Dir, OpenOptions};
use std::time::{Duration, SystemTime};

const FOLLOW: u32 = 1;
const CREATE: u32 = 1;
const DIRECTORY: u32 = 2;
const EXCLUSIVE: u32 = 4;
const TRUNCATE: u32 = 8;
const APPEND: u32 = 1;
const RIGHT_READ: u64 = 1 << 1;
const RIGHT_WRITE: u64 = 1 << 6;

fn files(guest: &mut dyn Guest) -> &mut Files {
    &mut guest.state().wasi.files
}

/// A directory that stays open while the files are used for something else.
fn dir(guest: &mut dyn Guest, fd: u32) -> Result<Dir, Errno> {
    files(guest).dir(fd)?.dir.try_clone().map_err(|error| super::errno::of(&error))
}

pub(super) fn open(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 2)?;
    let base = dir(guest, int(args, 0))?;
    let (follow, how) = (int(args, 1) & FOLLOW != 0, int(args, 4));
    let (rights, flags) = (unsigned(args, 5), int(args, 7));
    let create = how & (CREATE | EXCLUSIVE) != 0 && how & DIRECTORY == 0;
    let write = rights & RIGHT_WRITE != 0 || how & TRUNCATE != 0 || create;
    let write = write && how & DIRECTORY == 0;
    if path.is_empty() {
        return Err(ENOENT.into());
    }
    let mut options = OpenOptions::new();
    options.read(rights & RIGHT_READ != 0 || !write).write(write);
    options.append(write && flags & APPEND != 0).truncate(how & TRUNCATE != 0);
    match (how & CREATE != 0, how & EXCLUSIVE != 0) {
        (true, true) => options.create_new(create),
        (true, false) => options.create(create),
        (false, _) => &mut options,
    };
    options.follow(if follow { FollowSymlinks::Yes } else { FollowSymlinks::No });
    if create {
        files(guest).may_make()?;
    }
    let file = match base.open_with(&path, &options) {
        Ok(file) => file,
        // Programs ask for the right to write whatever they open: a directory is opened all the same.
        Err(error) if super::errno::of(&error) == EISDIR && how & (CREATE | TRUNCATE) == 0 => {
            base.open(&path)?
        }
        Err(error) => return Err(error.into()),
    };
    let descriptor = opened(file, flags as u16, how & DIRECTORY != 0)?;
    let fd = files(guest).add(descriptor)?;
    store(guest, int(args, 8), &fd.to_le_bytes())
}

pub(super) fn create_directory(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 1)?;
    files(guest).may_make()?;
    Ok(dir(guest, int(args, 0))?.create_dir(path)?)
}

pub(super) fn remove_directory(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 1)?;
    Ok(dir(guest, int(args, 0))?.remove_dir(path)?)
}

pub(super) fn unlink_file(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 1)?;
    Ok(dir(guest, int(args, 0))?.remove_file_or_symlink(path)?)
}

pub(super) fn filestat_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 2)?;
    let live = files(guest).live;
    let base = dir(guest, int(args, 0))?;
    let metadata = match int(args, 1) & FOLLOW != 0 {
        true => base.metadata(path)?,
        false => base.symlink_metadata(path)?,
    };
    store(guest, int(args, 4), &encode(&metadata, live))
}

/// Times are not kept outside of a live world.
pub(super) fn filestat_set_times(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 2)?;
    let (accessed, modified) = times(unsigned(args, 4), unsigned(args, 5), int(args, 6))?;
    let live = files(guest).live;
    let base = dir(guest, int(args, 0))?;
    if !live {
        base.symlink_metadata(path)?;
        return Ok(());
    }
    let spec = |time: Option<SystemTime>| {
        time.map(|time| SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time)))
    };
    match int(args, 1) & FOLLOW != 0 {
        true => DirExt::set_times(&base, path, spec(accessed), spec(modified))?,
        false => base.set_symlink_times(path, spec(accessed), spec(modified))?,
    }
    Ok(())
}

/// The times to set: given ones, or now, or neither.
pub(super) fn times(
    accessed: u64,
    modified: u64,
    flags: u32,
) -> Result<(Option<SystemTime>, Option<SystemTime>), Errno> {
    let pick = |given: u64, value: u32, now: u32| match (flags & value != 0, flags & now != 0) {
        (true, true) => Err(EINVAL),
        (true, false) => {
            let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(given));
            time.map(Some).ok_or(EINVAL)
        }
        (false, true) => Ok(Some(SystemTime::now())),
        (false, false) => Ok(None),
    };
    Ok((pick(accessed, 1, 2)?, pick(modified, 4, 8)?))
}

pub(super) fn link(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (old, new) = (path(guest, args, 2)?, path(guest, args, 5)?);
    let (from, to) = (dir(guest, int(args, 0))?, dir(guest, int(args, 4))?);
    files(guest).may_make()?;
    Ok(from.hard_link(old, &to, new)?)
}

pub(super) fn rename(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (old, new) = (path(guest, args, 1)?, path(guest, args, 4)?);
    let (from, to) = (dir(guest, int(args, 0))?, dir(guest, int(args, 3))?);
    Ok(from.rename(old, &to, new)?)
}

pub(super) fn symlink(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (target, link) = (path(guest, args, 0)?, path(guest, args, 3)?);
    files(guest).may_make()?;
    Ok(DirExt::symlink(&dir(guest, int(args, 2))?, target, link)?)
}

pub(super) fn readlink(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let path = path(guest, args, 1)?;
    let target = dir(guest, int(args, 0))?.read_link_contents(path)?;
    let mut bytes = target.into_os_string().into_encoded_bytes();
    bytes.truncate(int(args, 4) as usize);
    store(guest, int(args, 3), &bytes)?;
    store(guest, int(args, 5), &(bytes.len() as u32).to_le_bytes())
}
