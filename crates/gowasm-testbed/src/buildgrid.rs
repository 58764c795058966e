//! BuildGrid with a database of its own and workers, each a buildbox-worker with a buildbox-casd.

use crate::Programs;
use crate::casd::Casd;
use crate::postgres::{self, Postgres};
use crate::process::{Server, free_port};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub struct BuildGrid {
    // Dropped in this order: whoever asks before whom is asked.
    workers: Vec<Worker>,
    _server: Server,
    _database: Postgres,
    folder: TempDir,
    port: u16,
    programs: Programs,
}

struct Worker {
    server: Server,
    _casd: Casd,
}

/// What every worker here offers, and what actions ask for with `--remote_default_exec_properties`.
pub const PROPERTIES: [&str; 2] = ["OSFamily=linux", "ISA=x86-64"];

impl BuildGrid {
    /// An empty one. A worker that was killed leaves its job behind as running, so no two tests share
    /// a database.
    pub fn start(programs: &Programs, workers: usize) -> Result<Self> {
        Self::on_channel(programs, workers, "insecure-mode: true", true)
    }

    /// One whose action cache takes no results; it has no workers.
    pub fn start_read_only(programs: &Programs) -> Result<Self> {
        Self::on_channel(programs, 0, "insecure-mode: true", false)
    }

    /// One that speaks TLS and asks clients for a certificate: PEM files, for itself and of the
    /// authority of its clients. It has no workers.
    pub fn start_with_tls(
        programs: &Programs,
        key: &Path,
        certificate: &Path,
        clients: &Path,
    ) -> Result<Self> {
        let [key, certificate, clients] = [key, certificate, clients].map(Path::display);
        let channel = format!(
            "insecure-mode: false
    credentials:
      tls-server-key: {key}
      tls-server-cert: {certificate}
      tls-client-certs: {clients}"
        );
        Self::on_channel(programs, 0, &channel, true)
    }

    fn on_channel(
        programs: &Programs,
        workers: usize,
        channel: &str,
        updates: bool,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("gowasm-buildgrid-").tempdir()?;
        let database = Postgres::start()?;
        let bgd = || {
            let mut command = Command::new("python3");
            command.arg(programs.buildgrid.join("bin/bgd"));
            command.env("PYTHONPATH", &programs.buildgrid).current_dir(folder.path());
            command
        };
        postgres::run(bgd().args(["migrate", "apply"]).arg(database.connection()))?;

        let port = free_port()?;
        let configuration = folder.path().join("server.yml");
        let storage = folder.path().join("cas");
        let text = configured(port, channel, &database.connection(), &storage, updates);
        fs::write(&configuration, text)?;
        let mut command = bgd();
        command.args(["server", "start"]).arg(&configuration);
        let mut server = Server::start(command, &folder.path().join("log"))?;
        server.wait_for(port)?;
        let mut grid = BuildGrid {
            workers: Vec::new(),
            _server: server,
            _database: database,
            folder,
            port,
            programs: programs.clone(),
        };
        for _ in 0..workers {
            grid.add_worker()?;
        }
        Ok(grid)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// As REAPI clients name it; with TLS it is grpcs.
    pub fn url(&self) -> String {
        format!("grpc://127.0.0.1:{}", self.port)
    }

    pub fn add_worker(&mut self) -> Result<()> {
        let url = format!("http://127.0.0.1:{}", self.port);
        let casd = Casd::in_front_of(&self.programs, &url)?;
        let folder = self.folder.path();
        let runner = self.programs.buildbox(folder, "buildbox-run-hosttools")?;
        let mut command = Command::new(self.programs.buildbox(folder, "buildbox-worker")?);
        command.args(["--concurrent-jobs=1", "--runner-arg=--disable-localcas"]);
        command.arg(format!("--bots-remote={url}"));
        command.arg(format!("--cas-remote=http://127.0.0.1:{}", casd.port()));
        command.arg(format!("--buildbox-run={}", runner.display()));
        for property in PROPERTIES {
            command.args(["--platform", property]);
        }
        command.arg(format!("gowasm-worker-{}", casd.port()));
        let log = folder.join(format!("worker-{}.log", casd.port()));
        let server = Server::start(command, &log)?;
        self.workers.push(Worker { server, _casd: casd });
        Ok(())
    }

    /// Kills a worker that has an action in its hands, if there is such a one just now. The server notices
    /// after ten seconds and gives the action to another.
    pub fn lose_busy_worker(&mut self) -> bool {
        let busy = self.workers.iter().position(|worker| worker.server.has_children());
        busy.map(|index| self.workers.remove(index)).is_some()
    }

    /// The file that holds a blob, to damage or remove it.
    pub fn blob(&self, sha256: &str) -> PathBuf {
        self.folder.path().join("cas/cas/objects").join(&sha256[..2]).join(&sha256[2..])
    }

    /// What the workers wrote to their logs.
    pub fn said(&self) -> String {
        self.workers.iter().map(|worker| worker.server.said()).collect()
    }
}

fn configured(port: u16, channel: &str, database: &str, storage: &Path, updates: bool) -> String {
    let storage = storage.display();
    format!(
        "server:
  - !channel
    address: 127.0.0.1:{port}
    {channel}
authorization:
  method: none
monitoring:
  enabled: false
connections:
  - !sql-connection &sql
    connection-string: {database}
    pool-size: 10
    max-overflow: 10
storages:
  - !disk-storage &cas
    path: {storage}
caches:
  - !lru-action-cache &results
    storage: *cas
    max-cached-refs: 4096
    allow-updates: {updates}
    cache-failed-actions: false
schedulers:
  - !sql-scheduler &scheduler
    sql: *sql
    storage: *cas
    action-cache: *results
    bot-session-keepalive-timeout: 10
    session-expiry-timer-interval: 1
    assigners:
      - !priority-age-assigner
        count: 1
        interval: 0.1
instances:
  - name: ''
    services:
      - !action-cache
        cache: *results
      - !execution
        scheduler: *scheduler
      - !cas
        storage: *cas
      - !bytestream
        storage: *cas
thread-pool-size: 200
"
    )
}
