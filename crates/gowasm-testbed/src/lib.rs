//! Real programs for tests and benchmarks only: a browser; and remote execution servers, buildbox-casd,
//! and BuildGrid with PostgreSQL and workers; files over HTTP and a host with a private Go module. Those listen on the loopback interface, on free ports, keep
//! everything in temporary folders, and end when their value is dropped or the process that started them
//! dies.

pub mod browser;
mod buildgrid;
mod casd;
#[cfg(feature = "interposer")]
mod compressing;
mod files;
#[cfg(feature = "interposer")]
mod interposer;
mod postgres;
mod private_modules;
mod process;
mod programs;
#[cfg(feature = "interposer")]
mod wrong;

pub use buildgrid::{BuildGrid, PROPERTIES};
pub use casd::Casd;
pub use files::FileServer;
#[cfg(feature = "interposer")]
pub use interposer::{Call, Interposer, Refusal, Treatment};
pub use private_modules::PrivateModules;
pub use programs::{BUILDBOX, BUILDGRID, Programs, has_postgres};
#[cfg(feature = "interposer")]
pub use wrong::Change;
