//! Open files and directories, and the `fd_` functions.

use super::errno::{
    EBADF, EINVAL, EISDIR, EMFILE, ENAMETOOLONG, ENOSPC, ENOTDIR, ENOTSUP, ESPIPE, Errno, Fail,
};
use super::memory::{add, inside, int, load, long, store, vector};
use super::stat::{CHARACTER_DEVICE, DIRECTORY, REGULAR_FILE, encode, encode_stream, kind};
use super::streams::Stream;
use super::{Answer, BYTES_A_STEP, DIRECTORY_ENTRY, PATH_ELEMENT, PIECE, paths, unsigned};
use crate::guest::{Guest, State};
use crate::value::Val;
use crate::world::{Content, World};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};
use gowasm_scratch::Folder;
use std::io::{Read, Seek, SeekFrom, Write};

const MOST_OPEN: usize = 4096;
/// How much a program may write in a world that is not live, and how many files it may make.
const WRITABLE: u64 = 256 << 20;
const MAKEABLE: u64 = 10_000;
/// How many bytes the names may have that are kept of directories beside the one that is being read.
const LISTED: usize = 16 << 20;

pub(super) enum Descriptor {
    Stream(Stream),
    Dir(OpenDir),
    File(OpenFile),
}

pub(super) struct OpenDir {
    pub(super) dir: Dir,
    /// How the module names it, if it was there from the beginning.
    pub(super) guest: Option<String>,
    /// Name, kind and inode of what is in it, once it was read.
    pub(super) entries: Option<Vec<(Vec<u8>, u8, u64)>>,
}

pub(super) struct OpenFile {
    pub(super) file: File,
    pub(super) flags: u16,
}

pub(super) struct Files {
    descriptors: Vec<Option<Descriptor>>,
    pub(super) live: bool,
    writable: u64,
    makeable: u64,
    /// Where the files of a plan lie; gone with the instance.
    _scratch: Vec<Folder>,
}

impl Files {
    pub(super) fn new(world: &World) -> Result<Self, String> {
        let streams = [Stream::In, Stream::Out, Stream::Err];
        let mut files = Files {
            descriptors: streams.map(|stream| Some(Descriptor::Stream(stream))).into(),
            live: world.live,
            writable: WRITABLE,
            makeable: MAKEABLE,
            _scratch: Vec::new(),
        };
        for preopened in &world.dirs {
            let (path, scratch) = match &preopened.content {
                Content::Host(path) => (path.clone(), None),
                Content::Files(contents) => {
                    let failed =
                        |error| format!("the files of the plan cannot be laid out: {error}");
                    let scratch = Folder::new("verify").map_err(failed)?;
                    lay_out(scratch.path(), contents).map_err(failed)?;
                    (scratch.path().to_owned(), Some(scratch))
                }
            };
            let dir = Dir::open_ambient_dir(&path, ambient_authority()).map_err(|error| {
                format!("cannot open the directory {}: {error}", path.display())
            })?;
            let guest = Some(preopened.guest.clone());
            files.descriptors.push(Some(Descriptor::Dir(OpenDir { dir, guest, entries: None })));
            files._scratch.extend(scratch);
        }
        Ok(files)
    }

    fn get(&mut self, fd: u32) -> Result<&mut Descriptor, Errno> {
        self.descriptors.get_mut(fd as usize).and_then(Option::as_mut).ok_or(EBADF)
    }

    pub(super) fn known(&mut self, fd: u32) -> bool {
        self.get(fd).is_ok()
    }

    pub(super) fn dir(&mut self, fd: u32) -> Result<&mut OpenDir, Errno> {
        match self.get(fd)? {
            Descriptor::Dir(dir) => Ok(dir),
            _ => Err(ENOTDIR),
        }
    }

    fn file(&mut self, fd: u32) -> Result<&mut OpenFile, Errno> {
        match self.get(fd)? {
            Descriptor::File(file) => Ok(file),
            Descriptor::Dir(_) => Err(EISDIR),
            Descriptor::Stream(_) => Err(ESPIPE),
        }
    }

    pub(super) fn add(&mut self, descriptor: Descriptor) -> Result<u32, Errno> {
        let free = self.descriptors.iter().position(Option::is_none);
        let at = match free {
            Some(at) => at,
            None if self.descriptors.len() >= MOST_OPEN => return Err(EMFILE),
            None => {
                self.descriptors.push(None);
                self.descriptors.len() - 1
            }
        };
        self.descriptors[at] = Some(descriptor);
        Ok(at as u32)
    }

    /// Keeps what is known of other directories only as long as it is little: they are read again.
    fn forget_listings(&mut self, fd: u32) {
        let size = |dir: &OpenDir| -> usize {
            dir.entries.iter().flatten().map(|(name, ..)| name.len() + 64).sum()
        };
        let of_dir = |slot: &Option<Descriptor>| match slot {
            Some(Descriptor::Dir(dir)) => size(dir),
            _ => 0,
        };
        if self.descriptors.iter().map(of_dir).sum::<usize>() > LISTED {
            for (number, slot) in self.descriptors.iter_mut().enumerate() {
                if let (Some(Descriptor::Dir(dir)), true) = (slot, number != fd as usize) {
                    dir.entries = None;
                }
            }
        }
    }

    fn may_write(&mut self, bytes: u64) -> Result<(), Errno> {
        if !self.live {
            self.writable = self.writable.checked_sub(bytes).ok_or(ENOSPC)?;
        }
        Ok(())
    }

    pub(super) fn may_make(&mut self) -> Result<(), Errno> {
        if !self.live {
            self.makeable = self.makeable.checked_sub(1).ok_or(ENOSPC)?;
        }
        Ok(())
    }
}

fn lay_out(root: &std::path::Path, contents: &[(String, Vec<u8>)]) -> std::io::Result<()> {
    let dir = Dir::open_ambient_dir(root, ambient_authority())?;
    for (path, bytes) in contents {
        if let Some(parent) = std::path::Path::new(path).parent()
            && !parent.as_os_str().is_empty()
        {
            dir.create_dir_all(parent)?;
        }
        dir.write(path, bytes)?;
    }
    Ok(())
}

fn files(guest: &mut dyn Guest) -> &mut Files {
    &mut guest.state().wasi.files
}

pub(super) fn fd_known(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    files(guest).get(int(args, 0))?;
    Ok(())
}

pub(super) fn fd_close(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let files = files(guest);
    files.get(int(args, 0))?;
    files.descriptors[int(args, 0) as usize] = None;
    Ok(())
}

pub(super) fn fd_renumber(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (from, to) = (int(args, 0) as usize, int(args, 1) as usize);
    let files = files(guest);
    files.get(int(args, 0))?;
    files.get(int(args, 1))?;
    if from != to {
        files.descriptors[to] = files.descriptors[from].take();
    }
    Ok(())
}

pub(super) fn fd_sync(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let files = files(guest);
    let live = files.live;
    match files.get(int(args, 0))? {
        Descriptor::File(file) if live => Ok(file.file.sync_all()?),
        _ => Ok(()),
    }
}

pub(super) fn fd_advise(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    files(guest).file(int(args, 0))?;
    Ok(())
}

pub(super) fn fd_allocate(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let end = unsigned(args, 1).checked_add(unsigned(args, 2)).ok_or(EINVAL)?;
    resize(files(guest), int(args, 0), |length| length.max(end))
}

pub(super) fn fd_filestat_set_size(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let wanted = unsigned(args, 1);
    resize(files(guest), int(args, 0), |_| wanted)
}

fn resize(files: &mut Files, fd: u32, wanted: impl Fn(u64) -> u64) -> Answer {
    let length = files.file(fd)?.file.metadata()?.len();
    let wanted = wanted(length);
    files.may_write(wanted.saturating_sub(length))?;
    Ok(files.file(fd)?.file.set_len(wanted)?)
}

/// File type, flags, and the rights, all of them, for the file and what is opened through it.
pub(super) fn fd_fdstat_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (kind, flags) = match files(guest).get(int(args, 0))? {
        Descriptor::Stream(_) => (CHARACTER_DEVICE, 0),
        Descriptor::Dir(_) => (DIRECTORY, 0),
        Descriptor::File(file) => (REGULAR_FILE, file.flags),
    };
    let mut status = [0; 24];
    status[0] = kind;
    status[2..4].copy_from_slice(&flags.to_le_bytes());
    status[8..].fill(0xff);
    store(guest, int(args, 1), &status)
}

pub(super) fn fd_filestat_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let files = files(guest);
    let live = files.live;
    let status = match files.get(int(args, 0))? {
        Descriptor::Stream(_) => encode_stream(),
        Descriptor::Dir(dir) => encode(&dir.dir.dir_metadata()?, live),
        Descriptor::File(file) => encode(&file.file.metadata()?, live),
    };
    store(guest, int(args, 1), &status)
}

/// Times are not kept outside of a live world.
pub(super) fn fd_filestat_set_times(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (accessed, modified) = paths::times(unsigned(args, 1), unsigned(args, 2), int(args, 3))?;
    let files = files(guest);
    let live = files.live;
    let file = files.file(int(args, 0))?;
    if live {
        let mut times = std::fs::FileTimes::new();
        if let Some(accessed) = accessed {
            times = times.set_accessed(accessed);
        }
        if let Some(modified) = modified {
            times = times.set_modified(modified);
        }
        file.file.try_clone()?.into_std().set_times(times)?;
    }
    Ok(())
}

pub(super) fn fd_read(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    transfer_in(guest, args, 3, |state, fd, into| match state.wasi.files.get(fd)? {
        Descriptor::Stream(stream) => {
            let stream = *stream;
            state.wasi.streams.read(stream, into).map_err(|_| EBADF)
        }
        Descriptor::File(file) => file.file.read(into).map_err(|error| super::errno::of(&error)),
        Descriptor::Dir(_) => Err(EISDIR),
    })
}

pub(super) fn fd_pread(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let mut at = unsigned(args, 3);
    transfer_in(guest, args, 4, |state, fd, into| {
        let file = &mut state.wasi.files.file(fd)?.file;
        let back = file.stream_position();
        let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read(into));
        let restored = back.and_then(|back| file.seek(SeekFrom::Start(back)));
        let count = restored.and(read).map_err(|error| super::errno::of(&error))?;
        at += count as u64;
        Ok(count)
    })
}

/// Fills the buffers that the arguments name, until one is not filled.
fn transfer_in(
    guest: &mut dyn Guest,
    args: &[Val],
    total_at: usize,
    mut read: impl FnMut(&mut State, u32, &mut [u8]) -> Result<usize, Errno>,
) -> Answer {
    let mut buffer = Vec::new();
    transfer(guest, args, total_at, |guest, fd, address, length| {
        buffer.resize(length as usize, 0);
        let got = read(guest.state(), fd, &mut buffer)?;
        store(guest, address, &buffer[..got])?;
        Ok(got)
    })
}

/// Hands out the buffers that the arguments name, one after the other.
fn transfer_out(
    guest: &mut dyn Guest,
    args: &[Val],
    total_at: usize,
    mut write: impl FnMut(&mut State, u32, &[u8]) -> Result<(), Errno>,
) -> Answer {
    transfer(guest, args, total_at, |guest, fd, address, length| {
        let bytes = load(guest, address, length)?;
        write(guest.state(), fd, &bytes)?;
        Ok(bytes.len())
    })
}

/// Goes through the buffers that the arguments name, piece by piece, until one is not moved whole.
fn transfer(
    guest: &mut dyn Guest,
    args: &[Val],
    total_at: usize,
    mut piece: impl FnMut(&mut dyn Guest, u32, u32, u32) -> Result<usize, Fail>,
) -> Answer {
    let (fd, vectors, count) = (int(args, 0), int(args, 1), int(args, 2));
    guest.charge(count.into())?;
    let mut total: u32 = 0;
    'buffers: for index in 0..count {
        let (address, length) = vector(guest, vectors, index)?;
        inside(guest, address, length)?;
        // An empty buffer still asks for what the descriptor is.
        let pieces = length.div_ceil(PIECE).max(1);
        for at in (0..pieces).map(|number| number * PIECE) {
            let wanted = PIECE.min(length - at);
            let moved = piece(guest, fd, address + at, wanted)?;
            total = add(total, moved)?;
            guest.charge(moved as u64 / BYTES_A_STEP)?;
            if moved < wanted as usize {
                break 'buffers;
            }
        }
    }
    store(guest, int(args, total_at), &total.to_le_bytes())
}

pub(super) fn fd_write(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    transfer_out(guest, args, 3, |state, fd, bytes| {
        let wasi = &mut state.wasi;
        match wasi.files.get(fd)? {
            Descriptor::Stream(stream) => {
                let stream = *stream;
                if stream == Stream::In {
                    return Err(EBADF);
                }
                wasi.streams.write(stream, bytes).map_err(|error| super::errno::of(&error))
            }
            Descriptor::Dir(_) => Err(EISDIR),
            Descriptor::File(_) => {
                wasi.files.may_write(bytes.len() as u64)?;
                let file = &mut wasi.files.file(fd)?.file;
                file.write_all(bytes).map_err(|error| super::errno::of(&error))
            }
        }
    })
}

pub(super) fn fd_pwrite(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let mut at = unsigned(args, 3);
    transfer_out(guest, args, 4, |state, fd, bytes| {
        let files = &mut state.wasi.files;
        let end = at.checked_add(bytes.len() as u64).ok_or(EINVAL)?;
        let failed = |error: std::io::Error| super::errno::of(&error);
        let length = files.file(fd)?.file.metadata().map_err(failed)?.len();
        // A hole before the written bytes counts as well.
        files.may_write(end.saturating_sub(length).max(bytes.len() as u64))?;
        let file = &mut files.file(fd)?.file;
        let back = file.stream_position();
        let written = file.seek(SeekFrom::Start(at)).and_then(|_| file.write_all(bytes));
        let restored = back.and_then(|back| file.seek(SeekFrom::Start(back)));
        restored.and(written).map_err(failed)?;
        at = end;
        Ok(())
    })
}

pub(super) fn fd_seek(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let offset = long(args, 1);
    let from = match int(args, 2) {
        0 => SeekFrom::Start(u64::try_from(offset).map_err(|_| EINVAL)?),
        1 => SeekFrom::Current(offset),
        2 => SeekFrom::End(offset),
        _ => return Err(EINVAL.into()),
    };
    let at = files(guest).file(int(args, 0))?.file.seek(from)?;
    store(guest, int(args, 3), &at.to_le_bytes())
}

pub(super) fn fd_tell(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let at = files(guest).file(int(args, 0))?.file.stream_position()?;
    store(guest, int(args, 1), &at.to_le_bytes())
}

pub(super) fn fd_prestat_get(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let name = files(guest).dir(int(args, 0)).map_err(|_| EBADF)?.guest.clone().ok_or(EBADF)?;
    let mut prestat = [0; 8];
    prestat[4..].copy_from_slice(&(name.len() as u32).to_le_bytes());
    store(guest, int(args, 1), &prestat)
}

pub(super) fn fd_prestat_dir_name(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let name = files(guest).dir(int(args, 0)).map_err(|_| EBADF)?.guest.clone().ok_or(EBADF)?;
    if int(args, 2) as usize != name.len() {
        return Err(if name.len() > int(args, 2) as usize { ENAMETOOLONG } else { EINVAL }.into());
    }
    store(guest, int(args, 1), name.as_bytes())
}

/// Entries stand in the order of their names, and the cookie is the number of the next one.
pub(super) fn fd_readdir(guest: &mut dyn Guest, args: &[Val]) -> Answer {
    let (fd, address, length) = (int(args, 0), int(args, 1), int(args, 2));
    let cookie = usize::try_from(unsigned(args, 3)).map_err(|_| EINVAL)?;
    let files = files(guest);
    let live = files.live;
    let open = files.dir(fd)?;
    // A look from the beginning sees what is there now.
    if cookie == 0 || open.entries.is_none() {
        let entries = read_entries(&open.dir, live)?;
        let count = entries.len() as u64;
        open.entries = Some(entries);
        files.forget_listings(fd);
        guest.charge(DIRECTORY_ENTRY * count)?;
    }
    let open = self::files(guest).dir(fd)?;
    let mut bytes = Vec::new();
    let left = open.entries.as_ref().and_then(|entries| entries.get(cookie..)).unwrap_or_default();
    for (number, (name, kind, inode)) in (cookie as u64..).zip(left) {
        bytes.extend_from_slice(&(number + 1).to_le_bytes());
        bytes.extend_from_slice(&inode.to_le_bytes());
        bytes.extend_from_slice(&(name.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&[*kind, 0, 0, 0]);
        bytes.extend_from_slice(name);
        if bytes.len() >= length as usize {
            break;
        }
    }
    bytes.truncate(length as usize);
    guest.charge(bytes.len() as u64 / BYTES_A_STEP)?;
    store(guest, address, &bytes)?;
    store(guest, int(args, 4), &(bytes.len() as u32).to_le_bytes())
}

fn read_entries(dir: &Dir, live: bool) -> std::io::Result<Vec<(Vec<u8>, u8, u64)>> {
    use cap_fs_ext::MetadataExt;
    let mut entries = vec![(b".".to_vec(), DIRECTORY, 0), (b"..".to_vec(), DIRECTORY, 0)];
    for entry in dir.entries()? {
        let entry = entry?;
        let inode = if live { entry.metadata().map_or(0, |metadata| metadata.ino()) } else { 0 };
        let name = entry.file_name().into_encoded_bytes();
        entries.push((name, kind(entry.file_type()?), inode));
    }
    entries[2..].sort();
    Ok(entries)
}

/// Whether this file may be used in the way that a function wants; for `path_open`.
pub(super) fn opened(file: File, flags: u16, must_be_dir: bool) -> Result<Descriptor, Errno> {
    let metadata = file.metadata().map_err(|error| super::errno::of(&error))?;
    if metadata.is_dir() {
        let dir = Dir::from_std_file(file.into_std());
        return Ok(Descriptor::Dir(OpenDir { dir, guest: None, entries: None }));
    }
    match must_be_dir {
        true => Err(ENOTDIR),
        false => Ok(Descriptor::File(OpenFile { file, flags })),
    }
}

/// A path of the module, as text.
pub(super) fn path(guest: &mut dyn Guest, args: &[Val], at: usize) -> Result<String, Fail> {
    let (address, length) = (int(args, at), int(args, at + 1));
    if length > 4096 {
        return Err(ENAMETOOLONG.into());
    }
    match String::from_utf8(load(guest, address, length)?) {
        Ok(path) if !path.contains('\0') => {
            guest.charge(PATH_ELEMENT * path.split('/').count() as u64)?;
            Ok(path)
        }
        _ => Err(ENOTSUP.into()),
    }
}
