//! A folder over HTTP, as a mirror has it.

use crate::process::{Server, free_port};
use anyhow::Result;
use std::path::Path;
use std::process::Command;
use tempfile::NamedTempFile;

/// Python's own server of files.
pub struct FileServer {
    server: Server,
    port: u16,
    _log: NamedTempFile,
}

impl FileServer {
    pub fn start(folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let log = NamedTempFile::new()?;
        let mut python = Command::new("python3");
        python.args(["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory"]);
        python.arg(folder).arg(port.to_string());
        let mut server = Server::start(python, log.path())?;
        server.wait_for(port)?;
        Ok(FileServer { server, port, _log: log })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The paths that were asked for and found, in order.
    pub fn served(&self) -> Vec<String> {
        let said = self.server.said();
        let path = |line: &str| {
            let (request, answer) = line.split_once("\"GET ")?.1.split_once("\" ")?;
            answer.starts_with("200").then(|| request.split(' ').next().map(str::to_owned))?
        };
        said.lines().filter_map(path).collect()
    }
}
