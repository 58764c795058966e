//! The functions of WASI preview 1 and their types, as every host with that interface has them.

use crate::wasm::{FuncType, WasmType};

pub const MODULE: &str = "wasi_snapshot_preview1";

const I32: WasmType = WasmType::I32;
const I64: WasmType = WasmType::I64;

/// By parameters; the result is an error number, except that `proc_exit` has none.
const FUNCTIONS: &[(&[WasmType], &[&str])] = &[
    (&[], &["sched_yield"]),
    (&[I32], &["proc_exit", "proc_raise", "fd_close", "fd_datasync", "fd_sync"]),
    (
        &[I32, I32],
        &[
            "args_get",
            "args_sizes_get",
            "environ_get",
            "environ_sizes_get",
            "clock_res_get",
            "random_get",
            "fd_fdstat_get",
            "fd_fdstat_set_flags",
            "fd_filestat_get",
            "fd_prestat_get",
            "fd_renumber",
            "fd_tell",
            "sock_shutdown",
        ],
    ),
    (&[I32, I64], &["fd_filestat_set_size"]),
    (
        &[I32, I32, I32],
        &[
            "fd_prestat_dir_name",
            "path_create_directory",
            "path_remove_directory",
            "path_unlink_file",
            "sock_accept",
        ],
    ),
    (&[I32, I64, I32], &["clock_time_get"]),
    (&[I32, I64, I64], &["fd_allocate", "fd_fdstat_set_rights"]),
    (&[I32, I32, I32, I32], &["poll_oneoff", "fd_read", "fd_write"]),
    (&[I32, I64, I32, I32], &["fd_seek"]),
    (&[I32, I64, I64, I32], &["fd_advise", "fd_filestat_set_times"]),
    (&[I32, I32, I32, I32, I32], &["path_filestat_get", "path_symlink", "sock_send"]),
    (&[I32, I32, I32, I64, I32], &["fd_pread", "fd_pwrite", "fd_readdir"]),
    (&[I32, I32, I32, I32, I32, I32], &["path_readlink", "path_rename", "sock_recv"]),
    (&[I32, I32, I32, I32, I32, I32, I32], &["path_link"]),
    (&[I32, I32, I32, I32, I64, I64, I32], &["path_filestat_set_times"]),
    (&[I32, I32, I32, I32, I32, I64, I64, I32, I32], &["path_open"]),
];

pub fn signature(name: &str) -> Option<FuncType> {
    let (params, _) = FUNCTIONS.iter().find(|(_, names)| names.contains(&name))?;
    let results = if name == "proc_exit" { Vec::new() } else { vec![I32] };
    Some(FuncType { params: params.to_vec(), results })
}

pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|(_, names)| names.iter().copied())
}
