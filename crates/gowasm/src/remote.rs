//! The flags of remote caches and executors, with Bazel's names and defaults. Each is also an
//! environment variable, and a key of `[remote]` in gowasm.toml; a flag wins over a variable, and
//! that over the file.

use crate::context::Context;
use crate::failure::Failure;
use clap::Parser;
use gowasm_build::{RemoteOptions, Servers};
use gowasm_diagnostic::{Diagnostic, Position};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args, Default)]
#[command(next_help_heading = "Remote cache and execution (docs/remote.md)")]
pub(crate) struct RemoteArgs {
    /// Look up results here before making them: grpc://HOST:PORT, or grpcs:// with TLS
    #[arg(long, value_name = "URL", env = "GOWASM_REMOTE_CACHE", alias = "remote_cache")]
    remote_cache: Option<String>,
    /// Run compilers, links and verifications here; also the cache, unless that is named
    #[arg(long, value_name = "URL", env = "GOWASM_REMOTE_EXECUTOR", alias = "remote_executor")]
    remote_executor: Option<String>,
    /// The server's name for our part of it
    #[arg(
        long,
        value_name = "NAME",
        env = "GOWASM_REMOTE_INSTANCE_NAME",
        alias = "remote_instance_name"
    )]
    remote_instance_name: Option<String>,
    /// A header for every call, such as a token; several in the variable are one a line
    #[arg(
        long,
        value_name = "NAME=VALUE",
        env = "GOWASM_REMOTE_HEADER",
        alias = "remote_header",
        value_delimiter = '\n',
        hide_env_values = true
    )]
    remote_header: Vec<String>,
    /// How long a call may go without getting further, in seconds [default: 60]
    #[arg(long, value_name = "SECONDS", env = "GOWASM_REMOTE_TIMEOUT", alias = "remote_timeout")]
    remote_timeout: Option<String>,
    /// How often a call that failed in passing is tried again [default: 5]
    #[arg(long, value_name = "COUNT", env = "GOWASM_REMOTE_RETRIES", alias = "remote_retries")]
    remote_retries: Option<u32>,
    /// What a worker must be like
    #[arg(
        long,
        value_name = "NAME=VALUE",
        env = "GOWASM_REMOTE_DEFAULT_EXEC_PROPERTIES",
        alias = "remote_default_exec_properties",
        value_delimiter = '\n'
    )]
    remote_default_exec_properties: Vec<String>,
    /// Whether to use results that are in the cache [default: true]
    #[arg(long, value_name = "BOOL", env = "GOWASM_REMOTE_ACCEPT_CACHED", alias = "remote_accept_cached",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    remote_accept_cached: Option<bool>,
    /// Whether to give the cache what was made here [default: true]
    #[arg(long, value_name = "BOOL", env = "GOWASM_REMOTE_UPLOAD_LOCAL_RESULTS",
          alias = "remote_upload_local_results",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    remote_upload_local_results: Option<bool>,
    /// Go on here when a server cannot be reached or an executor fails [default: false]
    #[arg(long, value_name = "BOOL", env = "GOWASM_REMOTE_LOCAL_FALLBACK", alias = "remote_local_fallback",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    remote_local_fallback: Option<bool>,
    /// The certificates to trust instead of the machine's (PEM)
    #[arg(long, value_name = "FILE", env = "GOWASM_TLS_CERTIFICATE", alias = "tls_certificate")]
    tls_certificate: Option<OsString>,
    /// Our own certificate (PEM)
    #[arg(
        long,
        value_name = "FILE",
        env = "GOWASM_TLS_CLIENT_CERTIFICATE",
        alias = "tls_client_certificate"
    )]
    tls_client_certificate: Option<OsString>,
    /// The key to it (PEM)
    #[arg(long, value_name = "FILE", env = "GOWASM_TLS_CLIENT_KEY", alias = "tls_client_key")]
    tls_client_key: Option<OsString>,
    /// A program that knows our credentials, for all hosts or one (`*.` for its subdomains)
    #[arg(
        long,
        value_name = "[HOST=]PATH",
        env = "GOWASM_CREDENTIAL_HELPER",
        alias = "credential_helper",
        value_delimiter = '\n'
    )]
    credential_helper: Vec<String>,
}

#[derive(clap::Parser)]
struct Variables {
    #[command(flatten)]
    remote: RemoteArgs,
}

/// `[remote]` of gowasm.toml.
#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    remote: Table,
}

#[derive(Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Table {
    remote_cache: Option<String>,
    remote_executor: Option<String>,
    remote_instance_name: Option<String>,
    remote_header: Vec<String>,
    remote_timeout: Option<f64>,
    remote_retries: Option<u32>,
    remote_default_exec_properties: Vec<String>,
    remote_accept_cached: Option<bool>,
    remote_upload_local_results: Option<bool>,
    remote_local_fallback: Option<bool>,
    tls_certificate: Option<String>,
    tls_client_certificate: Option<String>,
    tls_client_key: Option<String>,
    credential_helper: Vec<String>,
}

impl RemoteArgs {
    /// What they all name, not yet connected.
    pub(crate) fn servers(self, context: &Context) -> Result<Arc<Servers>, Failure> {
        let options = self.options(&context.started_in)?;
        Ok(Arc::new(Servers::new(options, &context.cancel)))
    }

    /// Flags, variables and the nearest gowasm.toml, together.
    pub(crate) fn options(self, started_in: &Path) -> Result<RemoteOptions, Failure> {
        let (file, beside) = read_file(started_in)?;
        self.over(file, started_in, &beside)
    }

    /// Variables alone, for a command whose arguments are another tool's.
    pub(crate) fn from_variables(started_in: &Path) -> Result<RemoteOptions, Failure> {
        let Variables { remote } = Variables::try_parse_from(["gowasm"]).map_err(|error| {
            let said = error.to_string();
            usage(said.lines().next().unwrap_or_default().trim_start_matches("error: "))
        })?;
        remote.over(Table::default(), started_in, started_in)
    }

    fn over(self, file: Table, started_in: &Path, beside: &Path) -> Result<RemoteOptions, Failure> {
        let defaults = RemoteOptions::default();
        let text = |flag: Option<String>, file: Option<String>| {
            flag.or(file).filter(|text| !text.is_empty())
        };
        // A file's paths are relative to it.
        let path = |flag: Option<OsString>, file: Option<String>| {
            let flag = flag.filter(|path| !path.is_empty()).map(|path| started_in.join(path));
            flag.or_else(|| file.map(|path| beside.join(path)))
        };
        let several = |flags: Vec<String>, file: Vec<String>| -> Vec<String> {
            let flags: Vec<_> = flags.into_iter().filter(|text| !text.is_empty()).collect();
            if flags.is_empty() { file } else { flags }
        };
        let timeout = match self.remote_timeout {
            None => file.remote_timeout,
            Some(text) => {
                let seconds = text.strip_suffix('s').unwrap_or(&text).parse().ok();
                Some(seconds.ok_or_else(|| usage("--remote-timeout takes a number of seconds"))?)
            }
        };
        let timeout = match timeout {
            None => defaults.timeout,
            Some(seconds) => Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|timeout| !timeout.is_zero())
                .ok_or_else(|| usage("--remote-timeout takes a number of seconds above 0"))?,
        };
        Ok(RemoteOptions {
            cache: text(self.remote_cache, file.remote_cache),
            executor: text(self.remote_executor, file.remote_executor),
            instance_name: text(self.remote_instance_name, file.remote_instance_name)
                .unwrap_or_default(),
            headers: pairs("--remote-header", several(self.remote_header, file.remote_header))?,
            timeout,
            retries: self.remote_retries.or(file.remote_retries).unwrap_or(defaults.retries),
            exec_properties: pairs(
                "--remote-default-exec-properties",
                several(self.remote_default_exec_properties, file.remote_default_exec_properties),
            )?,
            accept_cached: self.remote_accept_cached.or(file.remote_accept_cached).unwrap_or(true),
            upload_local_results: self
                .remote_upload_local_results
                .or(file.remote_upload_local_results)
                .unwrap_or(true),
            local_fallback: self
                .remote_local_fallback
                .or(file.remote_local_fallback)
                .unwrap_or(false),
            tls_certificate: path(self.tls_certificate, file.tls_certificate),
            tls_client_certificate: path(self.tls_client_certificate, file.tls_client_certificate),
            tls_client_key: path(self.tls_client_key, file.tls_client_key),
            credential_helpers: several(self.credential_helper, file.credential_helper),
        })
    }
}

/// The nearest gowasm.toml, from here upwards, and the folder it is in.
fn read_file(started_in: &Path) -> Result<(Table, PathBuf), Failure> {
    let is_there = |folder: &&Path| folder.join("gowasm.toml").symlink_metadata().is_ok();
    let found = started_in.ancestors().find(is_there);
    let Some(folder) = found else { return Ok((Table::default(), started_in.to_owned())) };
    let path = folder.join("gowasm.toml");
    let shown = path.strip_prefix(started_in).unwrap_or(&path).display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let fault = Diagnostic::error(format!("cannot read {shown}: {error}"));
        match error.kind() {
            ErrorKind::PermissionDenied => Failure::Environment(fault.hint("make it readable")),
            // A folder, a link to nothing, what is no text.
            _ => Failure::input(fault.hint("gowasm.toml is a file of settings (docs/remote.md)")),
        }
    })?;
    let file: File = toml::from_str(&text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let diagnostic = fault(error.message());
        Failure::Input(vec![diagnostic.at(Position::at_offset(shown, text.as_bytes(), offset))])
    })?;
    Ok((file.remote, folder.to_owned()))
}

/// What a reader of TOML complains of, without the text around it: that may hold a header.
fn fault(message: &str) -> Diagnostic {
    let mut names = message.split('`').skip(1).step_by(2);
    let Some(unknown) = names.next().filter(|_| message.starts_with("unknown field")) else {
        return Diagnostic::error(message.trim_end());
    };
    let known: Vec<&str> = names.collect();
    let hint = match gowasm_verify::nearest(unknown, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    };
    Diagnostic::error(format!("`{unknown}` is no key of gowasm.toml")).hint(hint)
}

/// What is wrong with a header may not be repeated: it may be a secret.
fn pairs(flag: &str, texts: Vec<String>) -> Result<Vec<(String, String)>, Failure> {
    let split = |text: String| {
        let (name, value) = text.split_once('=')?;
        (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
    };
    let pairs: Option<Vec<_>> = texts.into_iter().map(split).collect();
    pairs.ok_or_else(|| usage(&format!("{flag} takes NAME=VALUE")))
}

fn usage(message: &str) -> Failure {
    Failure::Usage(Diagnostic::error(message))
}
