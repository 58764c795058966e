//! The command lines `gowasm` and `cargo gowasm`. One file a subcommand under `commands/` and `cargo/`.

mod cargo;
mod cli;
mod commands;
mod context;
mod deny;
mod failure;
mod go_flags;
mod input;
mod message;
mod output;
mod parallel;
mod param_file;
mod progress;
mod remote;

pub use cargo::run as cargo_gowasm;
pub use cli::run as gowasm;
