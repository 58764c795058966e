//! What went wrong with a server: which one, what was being done, and what can be done about it.

use std::error::Error;
use std::fmt;
use tonic::{Code, Status};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nobody answers, or not in time: nothing else will work either.
    Unreachable,
    /// Its certificate, or ours, is not accepted.
    Certificate,
    /// Who we are, or what we may do.
    Denied,
    NotFound,
    /// Blobs that the server needs are not there.
    Missing,
    /// It answers, and the answer cannot be used.
    Wrong,
    /// Our own disk.
    Local,
    /// The flags cannot be meant.
    Usage,
    Interrupted,
    Other,
}

#[derive(Debug, Clone)]
pub struct RemoteError {
    pub(crate) kind: Kind,
    /// Without credentials.
    pub(crate) server: String,
    /// "fetch blob X", "look up action Y".
    pub(crate) doing: String,
    pub(crate) why: String,
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == Kind::Interrupted {
            return f.write_str("interrupted");
        }
        write!(f, "cannot {} at {}: {}", self.doing, self.server, self.why)
    }
}

impl Error for RemoteError {}

impl RemoteError {
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self.kind {
            Kind::Unreachable => {
                "check the URL and the network, or go on without the server with --remote-local-fallback"
            }
            Kind::Certificate => {
                "name the authority to trust with --tls-certificate, or your own certificate with --tls-client-certificate"
            }
            Kind::Denied => {
                "check --remote-header, --credential-helper and --remote-instance-name; --remote-upload-local-results=false only reads"
            }
            Kind::Local => "make room on that disk, or name another folder with --store",
            Kind::Usage => "see `gowasm build --help` and docs/remote.md",
            _ => return None,
        })
    }

    /// Whether there is no sense in asking this server anything else.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self.kind, Kind::Unreachable | Kind::Certificate | Kind::Denied)
    }

    pub fn is_usage(&self) -> bool {
        self.kind == Kind::Usage
    }
}

/// The class of an answer, which decides what a caller does.
pub(crate) fn kind_of(status: &Status) -> Kind {
    match status.code() {
        _ if is_certificate(status) => Kind::Certificate,
        Code::Unavailable | Code::DeadlineExceeded => Kind::Unreachable,
        Code::Unauthenticated | Code::PermissionDenied => Kind::Denied,
        Code::NotFound => Kind::NotFound,
        Code::FailedPrecondition => Kind::Missing,
        Code::DataLoss | Code::OutOfRange => Kind::Wrong,
        _ => Kind::Other,
    }
}

/// Those that Bazel tries again.
pub(crate) fn is_worth_another_try(status: &Status) -> bool {
    let passing = matches!(
        status.code(),
        Code::Unavailable
            | Code::Unknown
            | Code::Internal
            | Code::Aborted
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
    );
    passing && !is_certificate(status)
}

fn is_certificate(status: &Status) -> bool {
    let chain = causes(status);
    ["certificate", "UnknownIssuer", "HandshakeFailure", "CertificateRequired"]
        .iter()
        .any(|word| chain.contains(word))
}

/// The status and everything under it: what a transport error is about is in its causes.
pub(crate) fn explain(status: &Status) -> String {
    let name = match status.code() {
        Code::Unavailable => "UNAVAILABLE",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::Unauthenticated => "UNAUTHENTICATED",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::NotFound => "NOT_FOUND",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unknown => "UNKNOWN",
        Code::Aborted => "ABORTED",
        Code::DataLoss => "DATA_LOSS",
        _ => "an error",
    };
    format!("{name}: {}", causes(status))
}

fn causes(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut cause = status.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}
