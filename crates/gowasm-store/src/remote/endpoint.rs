//! From a URL and the TLS flags to a channel.

use super::error::{Kind, RemoteError};
use crate::RemoteOptions;
use std::fs;
use std::path::Path;
use std::time::Duration;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Enough for a fast link; what bounds the memory of a download.
const WINDOW: u32 = 1 << 20;
const LONGEST_CONNECT: Duration = Duration::from_secs(20);

/// A server's address, in the spelling that messages have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) tls: bool,
    /// `host:port`.
    pub(super) host: String,
}

impl Address {
    /// As Bazel reads it: without a scheme it is TLS.
    pub(super) fn parse(url: &str) -> Result<Self, RemoteError> {
        // Anything before an `@` may be a password, and stays out of messages.
        let shown = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
        let refuse = |why: &str| RemoteError {
            kind: Kind::Usage,
            server: shown.to_owned(),
            doing: "use the remote cache".to_owned(),
            why: why.to_owned(),
        };
        if url.contains('@') {
            return Err(refuse(
                "credentials do not belong in a URL; use --remote-header or --credential-helper",
            ));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or(("grpcs", url));
        let tls = match scheme {
            "grpc" => false,
            "grpcs" => true,
            "http" | "https" => {
                return Err(refuse(
                    "gowasm speaks gRPC with caches, not HTTP: write grpc:// or grpcs://",
                ));
            }
            _ => return Err(refuse("the URL must begin with grpc:// or grpcs://")),
        };
        let host = rest.strip_suffix('/').unwrap_or(rest);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
        if host.is_empty() || !host.bytes().all(is_plain) {
            return Err(refuse("the URL must be a scheme, a host and a port"));
        }
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if tls { 443 } else { 80 };
        let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        Ok(Address { tls, host })
    }

    pub(super) fn shown(&self) -> String {
        format!("{}://{}", if self.tls { "grpcs" } else { "grpc" }, self.host)
    }

    /// Nothing is sent yet.
    pub(super) fn channel(&self, options: &RemoteOptions) -> Result<Channel, RemoteError> {
        let scheme = if self.tls { "https" } else { "http" };
        let failed = |why: String| RemoteError {
            kind: Kind::Usage,
            server: self.shown(),
            doing: "connect".to_owned(),
            why,
        };
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{}", self.host))
            .map_err(|error| failed(error.to_string()))?
            .user_agent(concat!("gowasm/", env!("CARGO_PKG_VERSION")))
            .map_err(|error| failed(error.to_string()))?
            .connect_timeout(options.timeout.min(LONGEST_CONNECT))
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(4 * WINDOW);
        if self.tls {
            let tls = self.tls(options)?;
            endpoint = endpoint.tls_config(tls).map_err(|error| {
                let mut why = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    why = format!("{why}: {error}");
                    cause = error.source();
                }
                failed(format!("the certificates cannot be used: {why}"))
            })?;
        }
        Ok(endpoint.connect_lazy())
    }

    fn tls(&self, options: &RemoteOptions) -> Result<ClientTlsConfig, RemoteError> {
        let read = |path: &Path| {
            fs::read(path).map_err(|error| RemoteError {
                kind: Kind::Usage,
                server: self.shown(),
                doing: "connect".to_owned(),
                why: format!("cannot read {}: {error}", path.display()),
            })
        };
        let mut tls = ClientTlsConfig::new();
        tls = match &options.tls_certificate {
            Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?)),
            None => tls.with_native_roots(),
        };
        match (&options.tls_client_certificate, &options.tls_client_key) {
            (Some(certificate), Some(key)) => {
                Ok(tls.identity(Identity::from_pem(read(certificate)?, read(key)?)))
            }
            (None, None) => Ok(tls),
            _ => Err(RemoteError {
                kind: Kind::Usage,
                server: self.shown(),
                doing: "connect".to_owned(),
                why: "--tls-client-certificate and --tls-client-key belong together".to_owned(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls_as_bazel_does() {
        let shown = |url: &str| Address::parse(url).unwrap().shown();
        assert_eq!(shown("grpc://h:1"), "grpc://h:1");
        assert_eq!(shown("cache.example.com"), "grpcs://cache.example.com:443");
        assert_eq!(shown("grpc://h"), "grpc://h:80");
        assert_eq!(shown("grpcs://[::1]:9"), "grpcs://[::1]:9");
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let error = Address::parse("grpcs://me:hunter2@host").unwrap_err();
        assert!(!error.to_string().contains("hunter2") && !error.to_string().contains("me:"));
        for bad in ["", "grpc://", "http://h", "ftp://h", "grpc://h/path", "grpc://h:1 x"] {
            assert!(Address::parse(bad).is_err(), "{bad}");
        }
    }
}
