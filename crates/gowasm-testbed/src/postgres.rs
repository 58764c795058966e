//! A PostgreSQL of our own, empty, on the loopback interface.

use crate::process::{Server, free_port};
use crate::programs;
use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

pub(crate) struct Postgres {
    _server: Server,
    _folder: TempDir,
    port: u16,
}

/// A user without privileges that every machine has, also one that got PostgreSQL's programs without its user. initdb
/// looks the name up.
const UNPRIVILEGED: &str = "nobody";

impl Postgres {
    pub(crate) fn start() -> Result<Self> {
        let bin = programs::postgres()?;
        let folder = tempfile::Builder::new().prefix("gowasm-postgres-").tempdir()?;
        let data = folder.path().join("data");
        let user = unprivileged_user()?;
        fs::create_dir(&data)?;
        if let Some(user) = &user {
            fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
            std::os::unix::fs::chown(&data, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        run(as_user(&user, &bin.join("initdb"), folder.path())
            .args(["--auth=trust", "--username=bgd", "--no-sync", "--encoding=UTF8", "-D"])
            .arg(&data))?;

        let port = free_port()?;
        let mut command = as_user(&user, &bin.join("postgres"), folder.path());
        command.arg("-D").arg(&data).args(["-c", "listen_addresses=127.0.0.1", "-c"]);
        // Nothing has to survive here.
        command.args(["unix_socket_directories=", "-c", "fsync=off", "-p", &port.to_string()]);
        let server = Server::start(command, &folder.path().join("log"))?;
        // Its own word for "at once, with all children".
        let mut server = server.stopped_by(libc::SIGQUIT);
        let ready = || {
            let mut ask = Command::new(bin.join("pg_isready"));
            ask.args(["-q", "-h", "127.0.0.1", "-U", "bgd", "-p", &port.to_string()]);
            ask.status().is_ok_and(|status| status.success())
        };
        server.wait_until("answer", ready)?;
        let mut psql = Command::new(bin.join("psql"));
        psql.args(["-q", "-h", "127.0.0.1", "-U", "bgd", "-p", &port.to_string()]);
        run(psql.args(["-d", "postgres", "-c", "CREATE EXTENSION IF NOT EXISTS pg_trgm"]))?;
        Ok(Postgres { _server: server, _folder: folder, port })
    }

    /// The driver has to be named: with psycopg 3 BuildGrid's notifier fails.
    pub(crate) fn connection(&self) -> String {
        format!("postgresql+psycopg2://bgd@127.0.0.1:{}/postgres", self.port)
    }
}

/// Whom PostgreSQL runs as, which refuses to be root. None for a process that is not root: then it is the same user.
fn unprivileged_user() -> Result<Option<User>> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let found = User::from_name(UNPRIVILEGED).context("cannot look up a user")?;
    let none = || format!("PostgreSQL must not run as root, and there is no user `{UNPRIVILEGED}`");
    found.map(Some).with_context(none)
}

fn as_user(user: &Option<User>, program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C.UTF-8");
    if let Some(user) = user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    command
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}):\n{said}", output.status);
    }
    Ok(())
}
