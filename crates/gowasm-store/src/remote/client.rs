//! One server: the channel to it, what it offers, and what every call carries.

use super::credentials::Credentials;
use super::endpoint::Address;
use super::error::{Kind, RemoteError};
use crate::{Digest, RemoteOptions};
use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::Request;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;

/// What gRPC allows in one message unless a server says otherwise, less what surrounds the blobs.
const BATCH_LIMIT: usize = 4 * 1024 * 1024 - 64 * 1024;
/// The largest answer that is read.
pub(super) const MESSAGE_LIMIT: usize = 16 * 1024 * 1024;
/// How soon an interruption is seen.
const WATCH: Duration = Duration::from_millis(50);

pub(crate) struct Client {
    runtime: Runtime,
    pub(super) channel: Channel,
    pub(super) credentials: Credentials,
    pub(super) server: String,
    pub(super) instance: String,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
    pub(super) offers: Offers,
    invocation: String,
    stop: Arc<AtomicBool>,
}

/// What the server says it can do.
#[derive(Debug, Clone, Default)]
pub(super) struct Offers {
    pub(super) batch: usize,
    pub(super) zstd: bool,
    pub(super) updates: bool,
    pub(super) executes: bool,
    /// 0 when there is no limit.
    pub(super) largest_blob: u64,
}

impl Client {
    /// Connects and asks for the server's capabilities.
    pub(crate) fn connect(
        url: &str,
        options: &RemoteOptions,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, RemoteError> {
        let address = Address::parse(url)?;
        let server = address.shown();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("gowasm-remote")
            .enable_all()
            .build()
            .map_err(|error| RemoteError {
                kind: Kind::Local,
                server: server.clone(),
                doing: "start a thread to connect".to_owned(),
                why: error.to_string(),
            })?;
        let channel = {
            let _inside = runtime.enter();
            address.channel(options)?
        };
        let mut client = Client {
            runtime,
            channel,
            credentials: Credentials::new(options, &server, &address.host, stop)?,
            server,
            instance: options.instance_name.clone(),
            timeout: options.timeout.max(Duration::from_millis(1)),
            retries: options.retries,
            offers: Offers::default(),
            invocation: uuid(),
            stop: stop.clone(),
        };
        client.offers = client.wait(client.ask_capabilities())?;
        Ok(client)
    }

    /// Runs a future to its end, unless the user wants to stop.
    pub(super) fn wait<T>(
        &self,
        future: impl Future<Output = Result<T, RemoteError>>,
    ) -> Result<T, RemoteError> {
        let stopped = async {
            while !self.stop.load(Ordering::SeqCst) {
                tokio::time::sleep(WATCH).await;
            }
        };
        self.runtime.block_on(async {
            tokio::select! {
                result = future => result,
                () = stopped => Err(self.error(Kind::Interrupted, "go on", "interrupted")),
            }
        })
    }

    async fn ask_capabilities(&self) -> Result<Offers, RemoteError> {
        let doing = "ask for the capabilities";
        let mut service = api::capabilities_client::CapabilitiesClient::new(self.channel.clone());
        let question = api::GetCapabilitiesRequest { instance_name: self.instance.clone() };
        let answer = self
            .call(doing, async || {
                service.get_capabilities(self.request(question.clone(), "capabilities")).await
            })
            .await?;
        let refuse = |why: &str| Err(self.error(Kind::Wrong, doing, why));
        if let Some(low) = &answer.low_api_version
            && low.major > 2
        {
            return refuse("it speaks a newer major version of the Remote Execution API than 2");
        }
        let Some(cache) = answer.cache_capabilities else {
            return refuse("it offers no cache");
        };
        let sha256 = api::digest_function::Value::Sha256 as i32;
        // Servers from before the field was there know SHA-256 only.
        if !cache.digest_functions.is_empty() && !cache.digest_functions.contains(&sha256) {
            return refuse("it does not know SHA-256");
        }
        let zstd = api::compressor::Value::Zstd as i32;
        let limit = usize::try_from(cache.max_batch_total_size_bytes).unwrap_or(0);
        Ok(Offers {
            batch: if limit == 0 { BATCH_LIMIT } else { limit.min(BATCH_LIMIT) },
            zstd: cache.supported_compressors.contains(&zstd),
            updates: cache
                .action_cache_update_capabilities
                .is_some_and(|capabilities| capabilities.update_enabled),
            executes: answer
                .execution_capabilities
                .is_some_and(|capabilities| capabilities.exec_enabled),
            largest_blob: u64::try_from(cache.max_cas_blob_size_bytes).unwrap_or(0),
        })
    }

    /// A request with our headers; `what` tells the server's logs what it belongs to.
    pub(super) fn request<T>(&self, message: T, what: &str) -> Request<T> {
        let mut request = Request::new(message);
        self.credentials.add_to(request.metadata_mut());
        let about = api::RequestMetadata {
            tool_details: Some(api::ToolDetails {
                tool_name: "gowasm".to_owned(),
                tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            action_id: what.to_owned(),
            tool_invocation_id: self.invocation.clone(),
            ..api::RequestMetadata::default()
        };
        let key = "build.bazel.remote.execution.v2.requestmetadata-bin";
        let value = MetadataValue::from_bytes(&about.encode_to_vec());
        request.metadata_mut().insert_bin(key, value);
        request
    }

    pub(super) fn error(&self, kind: Kind, doing: &str, why: &str) -> RemoteError {
        RemoteError {
            kind,
            server: self.server.clone(),
            doing: doing.to_owned(),
            why: printable(&self.credentials.redact(why)),
        }
    }
}

/// A server's words may be long and hold anything.
fn printable(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut plain: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push('…');
    }
    plain
}

/// A random one, version 4.
pub(super) fn uuid() -> String {
    let bits = fastrand::u128(..) & !(0xf << 76) & !(0b11 << 62) | (0x4 << 76) | (0b10 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

pub(super) fn wire(digest: &Digest) -> api::Digest {
    api::Digest { hash: digest.hex(), size_bytes: digest.size as i64 }
}

pub(super) fn unwired(digest: Option<&api::Digest>) -> Option<Digest> {
    let digest = digest?;
    let hash = crate::digest::parse_hex(&digest.hash)?;
    Some(Digest { hash, size: u64::try_from(digest.size_bytes).ok()? })
}
