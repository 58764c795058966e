//! How a remote cache and a remote executor are to be used: Bazel's flags, as values.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The names and defaults are Bazel's.
#[derive(Clone, PartialEq, Eq)]
pub struct RemoteOptions {
    /// `grpc://HOST:PORT` or `grpcs://HOST:PORT`.
    pub cache: Option<String>,
    /// Where actions are run; also the cache, unless that is named.
    pub executor: Option<String>,
    pub instance_name: String,
    /// Sent with every call. The values are secrets.
    pub headers: Vec<(String, String)>,
    /// How long a call may go without getting further.
    pub timeout: Duration,
    pub retries: u32,
    pub exec_properties: Vec<(String, String)>,
    pub accept_cached: bool,
    pub upload_local_results: bool,
    /// Go on without a server that cannot be reached, or an executor that fails.
    pub local_fallback: bool,
    /// What to trust instead of the machine's certificates.
    pub tls_certificate: Option<PathBuf>,
    pub tls_client_certificate: Option<PathBuf>,
    pub tls_client_key: Option<PathBuf>,
    /// `PATH`, or `HOST=PATH` with a host that may begin with `*.`; the last that fits counts.
    pub credential_helpers: Vec<String>,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        RemoteOptions {
            cache: None,
            executor: None,
            instance_name: String::new(),
            headers: Vec::new(),
            timeout: Duration::from_secs(60),
            retries: 5,
            exec_properties: Vec::new(),
            accept_cached: true,
            upload_local_results: true,
            local_fallback: false,
            tls_certificate: None,
            tls_client_certificate: None,
            tls_client_key: None,
            credential_helpers: Vec::new(),
        }
    }
}

impl RemoteOptions {
    /// The server that holds blobs and results.
    pub fn cache_url(&self) -> Option<&str> {
        self.cache.as_deref().or(self.executor.as_deref()).filter(|url| !url.is_empty())
    }

    /// The cache alone.
    pub fn without_executor(self) -> Self {
        let cache = self.cache_url().map(str::to_owned);
        RemoteOptions { cache, executor: None, ..self }
    }

    /// The same for a `gowasm` that is started with these variables. So nothing of it is in its
    /// arguments, which every user of the machine can see.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let path = |path: &Option<PathBuf>| {
            path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
        };
        let lines = |pairs: &[(String, String)]| {
            let lines = pairs.iter().map(|(name, value)| format!("{name}={value}"));
            lines.collect::<Vec<_>>().join("\n")
        };
        vec![
            ("GOWASM_REMOTE_CACHE", self.cache_url().unwrap_or_default().to_owned()),
            ("GOWASM_REMOTE_EXECUTOR", self.executor_url().unwrap_or_default().to_owned()),
            ("GOWASM_REMOTE_INSTANCE_NAME", self.instance_name.clone()),
            ("GOWASM_REMOTE_HEADER", lines(&self.headers)),
            ("GOWASM_REMOTE_TIMEOUT", self.timeout.as_secs_f64().to_string()),
            ("GOWASM_REMOTE_RETRIES", self.retries.to_string()),
            ("GOWASM_REMOTE_DEFAULT_EXEC_PROPERTIES", lines(&self.exec_properties)),
            ("GOWASM_REMOTE_ACCEPT_CACHED", self.accept_cached.to_string()),
            ("GOWASM_REMOTE_UPLOAD_LOCAL_RESULTS", self.upload_local_results.to_string()),
            ("GOWASM_REMOTE_LOCAL_FALLBACK", self.local_fallback.to_string()),
            ("GOWASM_TLS_CERTIFICATE", path(&self.tls_certificate)),
            ("GOWASM_TLS_CLIENT_CERTIFICATE", path(&self.tls_client_certificate)),
            ("GOWASM_TLS_CLIENT_KEY", path(&self.tls_client_key)),
            ("GOWASM_CREDENTIAL_HELPER", self.credential_helpers.join("\n")),
        ]
    }

    pub fn executor_url(&self) -> Option<&str> {
        self.executor.as_deref().filter(|url| !url.is_empty())
    }
}

/// Without the values of headers.
impl fmt::Debug for RemoteOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("RemoteOptions")
            .field("cache", &self.cache)
            .field("executor", &self.executor)
            .field("instance_name", &self.instance_name)
            .field("headers", &headers)
            .field("exec_properties", &self.exec_properties)
            .finish_non_exhaustive()
    }
}

/// How often the servers helped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct RemoteUse {
    pub hits: u64,
    pub misses: u64,
    /// Results that were given to the cache.
    pub uploads: u64,
    /// Actions that the executor ran.
    pub executions: u64,
}
