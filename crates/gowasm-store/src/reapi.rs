//! The messages of build/bazel/remote/execution/v2/remote_execution.proto that a key is made of,
//! with that file's field numbers.
//!
//! The crate `bazel-remote-apis` has all of them, and brings tonic, hyper and tokio along: 43 s of
//! compilation on two cores against 9 s for prost alone. A network client needs it; these seven do
//! not. Fields that we never set are left out, which changes no byte of what is encoded.

use prost::Message;

#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Digest {
    #[prost(string, tag = "1")]
    pub(crate) hash: String,
    #[prost(int64, tag = "2")]
    pub(crate) size_bytes: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Action {
    #[prost(message, optional, tag = "1")]
    pub(crate) command_digest: Option<Digest>,
    #[prost(message, optional, tag = "2")]
    pub(crate) input_root_digest: Option<Digest>,
    #[prost(message, optional, tag = "10")]
    pub(crate) platform: Option<Platform>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Command {
    #[prost(string, repeated, tag = "1")]
    pub(crate) arguments: Vec<String>,
    /// `Command.EnvironmentVariable`: sorted by name.
    #[prost(message, repeated, tag = "2")]
    pub(crate) environment_variables: Vec<NameValue>,
    /// Deprecated for `Action.platform`; clients should still set both.
    #[prost(message, optional, tag = "5")]
    pub(crate) platform: Option<Platform>,
    /// Sorted and without duplicates.
    #[prost(string, repeated, tag = "7")]
    pub(crate) output_paths: Vec<String>,
}

/// `Command.EnvironmentVariable` and `Platform.Property` have the same two fields.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct NameValue {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Platform {
    /// Sorted by name, then by value.
    #[prost(message, repeated, tag = "1")]
    pub(crate) properties: Vec<NameValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Directory {
    #[prost(message, repeated, tag = "1")]
    pub(crate) files: Vec<FileNode>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) directories: Vec<DirectoryNode>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct FileNode {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) digest: Option<Digest>,
    #[prost(bool, tag = "4")]
    pub(crate) is_executable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct DirectoryNode {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) digest: Option<Digest>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ActionResult {
    #[prost(message, repeated, tag = "2")]
    pub(crate) output_files: Vec<OutputFile>,
    #[prost(int32, tag = "4")]
    pub(crate) exit_code: i32,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) stdout_raw: Vec<u8>,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) stderr_raw: Vec<u8>,
    #[prost(message, optional, tag = "9")]
    pub(crate) execution_metadata: Option<ExecutedActionMetadata>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OutputFile {
    #[prost(string, tag = "1")]
    pub(crate) path: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) digest: Option<Digest>,
    #[prost(bool, tag = "4")]
    pub(crate) is_executable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ExecutedActionMetadata {
    #[prost(message, repeated, tag = "11")]
    pub(crate) auxiliary_metadata: Vec<Any>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Any {
    #[prost(string, tag = "1")]
    pub(crate) type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) value: Vec<u8>,
}

impl From<crate::Digest> for Digest {
    fn from(digest: crate::Digest) -> Self {
        // No file on earth has 2^63 bytes.
        Digest { hash: digest.hex(), size_bytes: digest.size as i64 }
    }
}

impl Digest {
    pub(crate) fn checked(&self) -> Option<crate::Digest> {
        let hash = crate::digest::parse_hex(&self.hash)?;
        Some(crate::Digest { hash, size: u64::try_from(self.size_bytes).ok()? })
    }
}
