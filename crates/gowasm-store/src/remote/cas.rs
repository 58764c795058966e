//! Content: which blobs are missing, and small ones by the batch. Large ones go by `bytestream`.

use super::client::{Client, MESSAGE_LIMIT, wire};
use super::error::RemoteError;
use crate::{Blob, Blobs, Digest};
use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::build::bazel::remote::execution::v2::content_addressable_storage_client::ContentAddressableStorageClient as Service;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use tonic::Code;
use tonic::transport::Channel;

/// How many digests one question may have.
const QUESTION: usize = 10_000;
/// Blobs up to this size go together; a large one in a batch would have to be in memory.
const SMALL: u64 = 256 * 1024;

impl Client {
    fn content(&self) -> Service<Channel> {
        Service::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// Uploads those of the blobs that the server has not.
    pub(crate) fn upload(&self, blobs: &Blobs, what: &str) -> Result<u64, RemoteError> {
        self.wait(async {
            let missing = self.find_missing(blobs.keys(), what).await?;
            let mut sent = 0;
            let mut batch = Vec::new();
            let mut filled = 0;
            for digest in missing {
                let Some(source) = blobs.get(&digest) else { continue };
                sent += digest.size;
                if digest.size > SMALL.min(self.offers.batch as u64) {
                    self.write(&digest, source, what).await?;
                    continue;
                }
                // Room for names and lengths, 128 bytes a blob.
                let room = digest.size as usize + 128;
                if filled + room > self.offers.batch && !batch.is_empty() {
                    self.write_batch(std::mem::take(&mut batch), what).await?;
                    filled = 0;
                }
                filled += room;
                batch.push((digest, source));
            }
            if !batch.is_empty() {
                self.write_batch(batch, what).await?;
            }
            Ok(sent)
        })
    }

    async fn find_missing(
        &self,
        digests: impl Iterator<Item = &Digest>,
        what: &str,
    ) -> Result<BTreeSet<Digest>, RemoteError> {
        let doing = "ask which blobs are missing";
        // Everybody has the empty blob.
        let wanted: Vec<api::Digest> = digests.filter(|digest| digest.size > 0).map(wire).collect();
        let mut missing = BTreeSet::new();
        for part in wanted.chunks(QUESTION) {
            let question = api::FindMissingBlobsRequest {
                instance_name: self.instance.clone(),
                blob_digests: part.to_vec(),
                ..api::FindMissingBlobsRequest::default()
            };
            let answer = self
                .call(doing, async || {
                    self.content().find_missing_blobs(self.request(question.clone(), what)).await
                })
                .await?;
            let named = answer.missing_blob_digests.iter();
            missing.extend(named.filter_map(|digest| super::client::unwired(Some(digest))));
        }
        Ok(missing)
    }

    /// Those that the server does not take in a batch are sent one by one, where retries are.
    async fn write_batch(
        &self,
        batch: Vec<(Digest, &Blob)>,
        what: &str,
    ) -> Result<(), RemoteError> {
        let doing = format!("upload {} blobs", batch.len());
        let mut requests = Vec::new();
        for (digest, source) in &batch {
            let data = match source {
                Blob::Bytes(bytes) => bytes.clone(),
                Blob::File(path) => fs::read(path).map_err(|error| self.local(path, &error))?,
            };
            requests.push(api::batch_update_blobs_request::Request {
                digest: Some(wire(digest)),
                data,
                ..api::batch_update_blobs_request::Request::default()
            });
        }
        let question = api::BatchUpdateBlobsRequest {
            instance_name: self.instance.clone(),
            requests,
            ..api::BatchUpdateBlobsRequest::default()
        };
        let answer = self
            .call(&doing, async || {
                self.content().batch_update_blobs(self.request(question.clone(), what)).await
            })
            .await?;
        let taken: BTreeSet<String> = answer
            .responses
            .into_iter()
            .filter(|response| response.status.as_ref().is_none_or(|status| status.code == 0))
            .filter_map(|response| Some(response.digest?.hash))
            .collect();
        for (digest, source) in batch {
            if !taken.contains(&digest.hex()) {
                self.write(&digest, source, what).await?;
            }
        }
        Ok(())
    }

    /// Fetches small blobs together; what comes back has been checked. Those that are not among it
    /// have to be asked for one by one.
    pub(crate) fn fetch_small(
        &self,
        digests: &[Digest],
        what: &str,
    ) -> Result<BTreeMap<Digest, Vec<u8>>, RemoteError> {
        let mut filled = 0;
        let small: Vec<&Digest> = digests
            .iter()
            .filter(|digest| {
                let room = digest.size as usize + 128;
                let fits =
                    digest.size > 0 && digest.size <= SMALL && filled + room <= self.offers.batch;
                filled += if fits { room } else { 0 };
                fits
            })
            .collect();
        if small.is_empty() {
            return Ok(BTreeMap::new());
        }
        let question = api::BatchReadBlobsRequest {
            instance_name: self.instance.clone(),
            digests: small.iter().copied().map(wire).collect(),
            ..api::BatchReadBlobsRequest::default()
        };
        let doing = format!("fetch {} blobs", small.len());
        let answer = self.wait(self.call(&doing, async || {
            self.content().batch_read_blobs(self.request(question.clone(), what)).await
        }))?;
        let ok = Code::Ok as i32;
        let read = answer.responses.into_iter().filter_map(|response| {
            if response.status.is_some_and(|status| status.code != ok) {
                return None;
            }
            let digest = Digest::of(&response.data);
            small.contains(&&digest).then_some((digest, response.data))
        });
        Ok(read.collect())
    }

    pub(super) fn local(&self, path: &std::path::Path, error: &std::io::Error) -> RemoteError {
        RemoteError {
            kind: super::error::Kind::Local,
            server: self.server.clone(),
            doing: format!("read {} to send it", path.display()),
            why: error.to_string(),
        }
    }
}
