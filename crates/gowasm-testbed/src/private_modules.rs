//! A host with a private Go module, as companies have them: behind a proxy, with a certificate that nobody signed, and
//! for those alone who know its password.

use crate::process::{Server, free_port};
use anyhow::{Context, Result, bail};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

pub struct PrivateModules {
    _server: Server,
    port: u16,
    _folder: TempDir,
}

impl PrivateModules {
    /// A go.mod that requires the module.
    pub const GO_MOD: &str =
        "module example.com/private\n\ngo 1.24\n\nrequire private.test/words v1.0.0\n";
    /// Its go.sum.
    pub const GO_SUM: &str = "private.test/words v1.0.0 h1:GJGuIyUS65rQkFnoY/CaWQ9L+TsEclfpnDOud+EXiGs=\n\
                              private.test/words v1.0.0/go.mod h1:9Ck0No+lDpkQ2Jbk23aLMJz6cJ0xwcaNpjK7g++DUjo=\n";
    /// A netrc file with the password.
    pub const NETRC: &str = "machine private.test login user password secret\n";

    pub fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| folder.path().join(name);
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        openssl.args(["-subj", "/CN=private.test", "-addext", "subjectAltName=DNS:private.test"]);
        openssl.arg("-keyout").arg(file("key.pem")).arg("-out").arg(file("certificate.pem"));
        let made = openssl.output().context("cannot start openssl")?;
        if !made.status.success() {
            bail!("openssl makes no certificate:\n{}", String::from_utf8_lossy(&made.stderr));
        }
        let both = [fs::read(file("key.pem"))?, fs::read(file("certificate.pem"))?].concat();
        fs::write(file("both.pem"), both)?;
        fs::write(file("server.py"), include_str!("private_modules.py"))?;

        let port = free_port()?;
        let mut python = Command::new("python3");
        python.arg(file("server.py")).arg(port.to_string()).arg(file("both.pem"));
        let mut server = Server::start(python, &file("log"))?;
        server.wait_for(port)?;
        Ok(PrivateModules { _server: server, port, _folder: folder })
    }

    /// The proxy that leads there.
    pub fn proxy(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
