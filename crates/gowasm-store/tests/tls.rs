//! TLS with a real server that asks for our certificate too, and a credential helper.
#![cfg(unix)]

use gowasm_store::{RemoteOptions, Servers, Store, StoreError};
use gowasm_testbed::{BuildGrid, Programs};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// An authority, and certificates of it for a server and a client, made by openssl.
fn certificates(folder: &Path) -> bool {
    let openssl = |arguments: &str| {
        let mut command = Command::new("openssl");
        command.args(arguments.split(' ')).current_dir(folder);
        command.output().is_ok_and(|output| output.status.success())
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    let signed = |name: &str| {
        openssl(&format!(
            "req {key} -keyout {name}.key -out {name}.csr -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
        )) && openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -copy_extensions copy -days 2 -out {name}.pem"
        ))
    };
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"))
        && signed("server")
        && signed("client")
}

fn connect(options: &RemoteOptions) -> Result<(), StoreError> {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(Some(folder.path())).unwrap();
    store.connect(&Servers::new(options.clone(), &Arc::new(AtomicBool::new(false))))
}

#[test]
fn both_sides_show_certificates() {
    let programs = match Programs::from_env() {
        Ok(programs) => programs,
        Err(why) => return println!("skipped: remote execution servers: {why:#}"),
    };
    let folder = tempfile::tempdir().unwrap();
    if !certificates(folder.path()) {
        return println!("skipped: TLS: openssl cannot make certificates here");
    }
    let file = |name: &str| -> PathBuf { folder.path().join(name) };
    let grid = BuildGrid::start_with_tls(
        &programs,
        &file("server.key"),
        &file("server.pem"),
        &file("ca.pem"),
    )
    .unwrap();
    let url = grid.url().replace("grpc://", "grpcs://");
    let whole = RemoteOptions {
        cache: Some(url.clone()),
        timeout: Duration::from_secs(20),
        retries: 1,
        tls_certificate: Some(file("ca.pem")),
        tls_client_certificate: Some(file("client.pem")),
        tls_client_key: Some(file("client.key")),
        ..RemoteOptions::default()
    };
    connect(&whole).unwrap();

    // The machine does not know this authority.
    let untrusted = connect(&RemoteOptions { tls_certificate: None, ..whole.clone() }).unwrap_err();
    let said = untrusted.to_string();
    assert!(said.contains(&url) && said.contains("certificate"), "{said}");
    assert!(untrusted.hint().unwrap().contains("--tls-certificate"), "{:?}", untrusted.hint());
    // No sense in trying that again.
    assert!(!said.contains("tried"), "{said}");

    // The server does not know us.
    let unknown =
        RemoteOptions { tls_client_certificate: None, tls_client_key: None, ..whole.clone() };
    let said = connect(&unknown).unwrap_err().to_string();
    assert!(said.contains(&url), "{said}");

    // Half of a pair is the user's mistake.
    let half = RemoteOptions { tls_client_key: None, ..whole.clone() };
    assert!(connect(&half).unwrap_err().is_usage());

    // What a helper says goes along; that it fails is said, and what it said is not.
    let helper = file("helper");
    let script = |body: &str| {
        fs::write(&helper, format!("#!/bin/sh\n{body}\n")).unwrap();
        fs::set_permissions(&helper, Permissions::from_mode(0o755)).unwrap();
        let helpers = vec![helper.display().to_string()];
        connect(&RemoteOptions { credential_helpers: helpers, ..whole.clone() })
    };
    let asked = file("asked");
    let answer = r#"echo '{"headers":{"Authorization":["Bearer hunter2"]}}'"#;
    script(&format!("cat > '{}'; {answer}", asked.display())).unwrap();
    assert!(fs::read_to_string(&asked).unwrap().contains("\"uri\":\"https://127.0.0.1:"));
    let said = script("echo hunter2; echo hunter2 >&2; exit 7").unwrap_err().to_string();
    assert!(said.contains("helper") && said.contains('7') && !said.contains("hunter2"), "{said}");
}
