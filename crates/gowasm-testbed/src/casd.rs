//! buildbox-casd: content, action cache and, in its own process, execution.

use crate::Programs;
use crate::process::{Server, free_port};
use anyhow::Result;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct Casd {
    // Dropped in this order: first the server, then its files.
    server: Server,
    folder: TempDir,
    port: u16,
    extra: Vec<String>,
    programs: Programs,
}

impl Casd {
    /// An empty one.
    pub fn start(programs: &Programs) -> Result<Self> {
        Self::with(programs, free_port()?, Vec::new())
    }

    /// One that keeps its content in another server, as a worker has it.
    pub(crate) fn in_front_of(programs: &Programs, url: &str) -> Result<Self> {
        Self::with(programs, free_port()?, vec![format!("--cas-remote={url}")])
    }

    fn with(programs: &Programs, port: u16, extra: Vec<String>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("gowasm-casd-").tempdir()?;
        let server = serve(programs, folder.path(), port, &extra)?;
        Ok(Casd { server, folder, port, extra, programs: programs.clone() })
    }

    /// As REAPI clients name it.
    pub fn url(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The file that holds a blob, to damage or remove it.
    pub fn blob(&self, sha256: &str) -> PathBuf {
        self.folder.path().join("cas/objects").join(&sha256[..2]).join(&sha256[2..])
    }

    /// What the server wrote to its log.
    pub fn said(&self) -> String {
        self.server.said()
    }

    /// Kills it and starts it again on the same port with the same content.
    pub fn restart(self) -> Result<Self> {
        let Casd { server, folder, port, extra, programs } = self;
        drop(server);
        let server = serve(&programs, folder.path(), port, &extra)?;
        Ok(Casd { server, folder, port, extra, programs })
    }
}

fn serve(programs: &Programs, folder: &Path, port: u16, extra: &[String]) -> Result<Server> {
    let runner = programs.buildbox(folder, "buildbox-run-hosttools")?;
    let mut command = Command::new(programs.buildbox(folder, "buildbox-casd")?);
    command.arg(format!("--bind=127.0.0.1:{port}")).args(extra);
    if extra.is_empty() {
        command.arg(format!("--buildbox-run={}", runner.display()));
        command.args(["--runner-arg=--disable-localcas", "--jobs=2"]);
    }
    let mut server = Server::start(
        {
            command.arg(folder);
            command
        },
        &folder.join("log"),
    )?;
    server.wait_for(port)?;
    Ok(server)
}
